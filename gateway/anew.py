"""Recorded requests decided anew: where a policy would send what was asked once.

With every place well and the whole budget left, so that the policy alone decides. What a request
looks like is read from its bytes; who answered its conversation before is what was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

from capture.exchange import Candidate, Mode, RouteDecision
from capture.store.asked import Asked
from gateway.chat_request import parse
from gateway.conversation_modes import Answered
from gateway.errors import ClientError, GatewayError
from gateway.features import features_of
from gateway.rehearsal import Rehearsal, seen_headers
from gateway.seeing import Sight, minute_of_day, why_latched
from gateway.upstreams.base import ChatRequest
from routers.explain import foretell
from routers.features import Features

REFUSED = "refused"
"""In place of a place: nothing may answer."""


class Way(NamedTuple):
    """How a request is answered, as far as outcomes are compared by it."""

    place: str
    """As in `active (qwen3:14b at ollama)`; `refused` where nothing may answer."""
    how: str = ""
    """`checked`: the reply is held until it is; `second opinion`; `weighed`; empty: it goes out as
    it comes."""

    def __str__(self) -> str:
        return f"{self.place}, {self.how}" if self.how else self.place


@dataclass(frozen=True, slots=True)
class Gone:
    """Where a policy sends a request."""

    way: Way
    first: Candidate | None
    """The place that would be asked first; None: nothing may answer."""
    why: str
    """In words."""
    private: bool = False

    @property
    def where(self) -> str:
        """The place, as people read it."""
        return self.way.place.removesuffix(")") + ", private)" if self.private else self.way.place


def anew(rehearsals: Sequence[Rehearsal], asked: Asked) -> tuple[Gone, ...] | None:
    """Where each of these policies would send it; None where it cannot be read any more."""
    request = _request(asked)
    if request is None:
        return None
    features = features_of(request, seen_headers(asked.headers), asked.key)
    return tuple(_goes(each, _seen(each.sight, asked, request, features)) for each in rehearsals)


def recorded(asked: Asked) -> Gone:
    """Where it was sent then."""
    plain = asked.decision
    candidates = [_candidate(each) for each in plain.get("candidates", ())]
    first = candidates[0] if candidates else None
    checked = first is not None and first in [_candidate(each) for each in plain.get("checked", ())]
    how = _how(
        weighs=bool(plain.get("weighs")),
        second_opinion=bool(plain.get("second_opinion")),
        checked=checked,
    )
    return Gone(_way(first, how), first, "it was recorded so", bool(plain.get("private")))


def same(then: Gone, now: Gone, asked: Asked) -> bool:
    """What was recorded would come about again: the same is decided, or who answered then is asked
    first now, and nothing would keep that reply from being handed over."""
    if then.way == now.way:
        return True
    if now.first is None or asked.answered is None:
        return False
    answered = Candidate(asked.answered, asked.upstream or "", asked.model or "")
    passes = now.way.how == "" or (now.way.how == "checked" and then.way.how != "")
    return now.first == answered and passes


def _request(asked: Asked) -> ChatRequest | None:
    """The request; None where it cannot be read."""
    try:
        return None if asked.request is None else parse(asked.request, asked.id)
    except ClientError:
        return None


def _seen(sight: Sight, asked: Asked, request: ChatRequest, features: Features) -> Features:
    """What a decision would have looked at then. How long a task had been in burst is not looked
    up: a latch's own limits are taken not to be reached."""
    answered = None if asked.before is None else Answered(asked.before, asked.began_at, 0)
    return replace(
        features,
        conversation_mode=asked.before,
        minute=minute_of_day(asked.began_at, sight.zone) if sight.time else None,
        latched=why_latched(sight.latch, answered, request.body["messages"], asked.began_at),
    )


def _goes(rehearsal: Rehearsal, features: Features) -> Gone:
    try:
        decision = rehearsal.decide(features)
    except GatewayError as error:
        return Gone(Way(REFUSED), None, error.message)
    return _gone(decision)


def _gone(decision: RouteDecision) -> Gone:
    first = decision.chosen
    how = _how(
        weighs=decision.weighs,
        second_opinion=decision.second_opinion,
        checked=first in decision.checked,
    )
    return Gone(_way(first, how), first, foretell(decision), first is not None and decision.private)


def _way(first: Candidate | None, how: str) -> Way:
    if first is None:
        return Way(REFUSED)
    return Way(f"{first.mode} ({first.model} at {first.upstream})", how)


def _how(*, weighs: bool, second_opinion: bool, checked: bool) -> str:
    if weighs:
        return "weighed"
    return "second opinion" if second_opinion else "checked" if checked else ""


def _candidate(plain: object) -> Candidate:
    held = cast("Mapping[str, Any]", plain)
    return Candidate(Mode(held["mode"]), held["upstream"], held["model"])
