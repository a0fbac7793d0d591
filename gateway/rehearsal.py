"""What would be decided of a request, without deciding it: nothing is sent, recorded or reserved.

`rehearse` asks the decisions that serve; `Rehearsal` stands for a gateway with some settings, where
none runs. No network is touched: every place is taken to be well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from capture.exchange import Mode, Reason, RouteDecision
from capture.messages import Usage
from gateway.budget import Ledger
from gateway.decisions import NOTHING_KNOWN, Decisions, Known
from gateway.door import readable_headers
from gateway.fleet import Links
from gateway.policy import build_policy
from gateway.seeing import Sight
from gateway.settings import Escalation, Settings
from gateway.thinking import ThinkingStore
from gateway.upstreams.house_lease import Lease
from routers.constraints import objection
from routers.features import Features, Place
from routers.history import Key, Tally


@dataclass(frozen=True, slots=True)
class Choice:
    """One place the request could go, chosen or not."""

    place: Place
    """With what this request could cost there at most."""
    prompt_usd: float | None
    """What its prompt alone would cost there, by the estimate of its tokens and uncached, in US
    dollars; None when the price is unknown."""
    against: Reason | None
    """What rules the place out for this request; None when nothing does."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A decision that was not taken."""

    features: Features
    decision: RouteDecision
    choices: tuple[Choice, ...]
    """Every place that serves a mode, and the one asked for by a name of its own."""
    asks: bool = False
    """Its user would be asked first whether money may be spent."""

    @property
    def rule(self) -> str | None:
        """Name of the rule that decided the mode; None when none did."""
        chose = [trace.name for trace in self.decision.rules if trace.outcome == "chosen"]
        return chose[0] if chose else None

    @property
    def costs(self) -> bool:
        """It would go to a place that is not free."""
        chosen = self.decision.chosen
        return chosen is not None and any(
            not choice.place.free
            and (choice.place.upstream, choice.place.model) == (chosen.upstream, chosen.model)
            for choice in self.choices
        )

    @property
    def mode(self) -> Mode | None:
        """The mode that would answer; None when nothing may."""
        chosen = self.decision.chosen
        return None if chosen is None else chosen.mode


def rehearse(decisions: Decisions, links: Links, features: Features) -> Rehearsed:
    """What these decisions would say of a request. Raises UnknownModel."""
    decision, fleet, budget = decisions.rehearse(features)
    named = fleet.named.get(features.alias)
    places = (*fleet.places, *(() if named is None else (named,)))
    return Rehearsed(
        features,
        decision,
        tuple(
            Choice(
                place,
                links[place.upstream].cost(place.model, Usage(features.input_tokens, 0)),
                objection(place, features, decision.private, budget),
            )
            for place in places
        ),
    )


class Rehearsal:
    """A gateway with these settings, as far as deciding goes."""

    def __init__(
        self, settings: Settings, adapter: str | None = None, links: Links | None = None
    ) -> None:
        """`adapter` is what the house model answers with; None: its base alone. `links`: of another
        rehearsal with the same upstreams and models."""
        limits = settings.escalation.budget
        self.settings, self.known = settings, NOTHING_KNOWN
        self.policy = build_policy(settings.escalation, settings.skills)
        self.sight = Sight.of(self.policy, settings.escalation.timezone)
        self.links = links or Links(settings, 0, thinking=ThinkingStore(), house=_Standing(adapter))
        self._decisions = Decisions(
            self.policy, self.links, Ledger(limits.day_usd, limits.month_usd)
        )

    def know(self, known: Known) -> None:
        """Decide by this history from now on."""
        self.known = known
        self._decisions.know(known)

    def under(self, escalation: Escalation) -> Rehearsal:
        """The same gateway under another policy, over the same history."""
        settings = self.settings.model_copy(update={"escalation": escalation})
        other = Rehearsal(settings, links=self.links)
        other.know(self.known)
        return other

    def without(self, outcomes: Mapping[Key, Tally]) -> Rehearsal:
        """The same gateway over a history that lacks these outcomes."""
        other = self.under(self.settings.escalation)
        other.know(Known(self.known.history.less(outcomes), self.known.latest))
        return other

    def of(self, features: Features) -> Rehearsed:
        """What would become of a request. Raises UnknownModel."""
        return rehearse(self._decisions, self.links, features)

    def decide(self, features: Features) -> RouteDecision:
        """The decision alone; quicker for many requests, since like ones are decided once. Raises
        UnknownModel."""
        return self._decisions.decide(features).decision


class _Standing:
    """Stands for the house model's process, which is not run here."""

    failure: str | None = None
    base_url = ""

    def __init__(self, adapter: str | None) -> None:
        self.adapter = adapter
        self.ready = asyncio.Event()

    def lease(self) -> Lease:
        raise NotImplementedError("nothing is sent in a rehearsal")


def seen_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """These headers as rules see them: names in lower case, no credentials."""
    return readable_headers([
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in headers.items()
    ])  # fmt: skip
