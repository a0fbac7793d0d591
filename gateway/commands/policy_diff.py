"""`majordomo policy diff OLD NEW`: what changes between two policies, in words and in requests.

Requests that were recorded are decided anew under both, over the history there is now, with every
place well and the whole budget left: so that the settings alone make the difference. What they cost
and how they were answered then is not asked; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from capture import clock
from capture.store import Store, StoreError
from capture.store.asked import Asked
from gateway.chat_request import parse
from gateway.commands.console import clean, console, fail, say, say_json, table
from gateway.commands.policy import rehearsal_of, sentences, settings_in
from gateway.conversation_modes import Answered
from gateway.errors import ClientError, GatewayError
from gateway.features import features_of
from gateway.home import Home
from gateway.rehearsal import Rehearsal, seen_headers
from gateway.seeing import Sight, minute_of_day, why_latched
from gateway.upstreams.base import ChatRequest
from routers.aloud import changes
from routers.explain import foretell
from routers.features import Features

MOST = 5_000
"""Requests that are decided anew; of more the newest."""
_EXAMPLES = 3
_DAY = 86_400.0


@dataclass(slots=True)
class Move:
    """Requests that would go from one place to another."""

    count: int = 0
    examples: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Of the newest few: `id`, and `why` the new policy has it so."""


@dataclass(slots=True)
class Replayed:
    """What recorded requests would do."""

    asked: int = 0
    """How many were decided anew."""
    unreadable: int = 0
    """Their bytes are gone, or are no request any more."""
    moves: dict[tuple[str, str], Move] = field(default_factory=dict[tuple[str, str], Move])


def diff(home: Home, old: Path, new: Path, days: float, *, as_json: bool) -> None:
    """Say what changes from one settings file to the other."""
    was, now = settings_in(old), settings_in(new)
    words = changes(sentences(was), sentences(now))
    replayed = _recorded(home, rehearsal_of(home, was), rehearsal_of(home, now), days)
    if as_json:
        say_json({
            "changes": [each._asdict() for each in words],
            "days": days,
            "requests": replayed.asked,
            "unreadable": replayed.unreadable,
            "moves": [
                {"from": a, "to": b, "count": move.count, "examples": move.examples}
                for (a, b), move in _largest_first(replayed)
            ],
        })  # fmt: skip
        return
    for change in words:
        if change.was is not None:
            say(f"[red]-[/] {clean(change.was)}")
        if change.now is not None:
            say(f"[green]+[/] {clean(change.now)}")
    if not words:
        say("The two policies say the same.")
    _show(replayed, days)


def replay(old: Rehearsal, new: Rehearsal, requests: Iterable[Asked]) -> Replayed:
    """Where each of these would go under either."""
    found = Replayed()
    for asked in requests:
        request = _request(asked)
        if request is None:
            found.unreadable += 1
            continue
        found.asked += 1
        features = features_of(request, seen_headers(asked.headers), asked.key)
        was, _ = _goes(old, _seen(old.sight, asked, request, features))
        now, why = _goes(new, _seen(new.sight, asked, request, features))
        if was != now:
            move = found.moves.setdefault((was, now), Move())
            move.count += 1
            if len(move.examples) < _EXAMPLES:
                move.examples.append({"id": asked.id, "why": why})
    return found


def _recorded(home: Home, old: Rehearsal, new: Rehearsal, days: float) -> Replayed:
    if not home.database.exists():
        return Replayed()
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        return replay(old, new, store.asked(clock.now() - days * _DAY, MOST))
    finally:
        store.close()


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


def _goes(rehearsal: Rehearsal, features: Features) -> tuple[str, str]:
    """Where a request goes, and why, in words."""
    try:
        decision = rehearsal.of(features).decision
    except GatewayError as error:
        return "refused", error.message
    chosen = decision.chosen
    if chosen is None:
        return "refused", foretell(decision)
    private = ", private" if decision.private else ""
    where = f"{chosen.mode} ({chosen.model} at {chosen.upstream}{private})"
    return where, foretell(decision)


def _largest_first(found: Replayed) -> list[tuple[tuple[str, str], Move]]:
    return sorted(found.moves.items(), key=lambda each: -each[1].count)


def _show(found: Replayed, days: float) -> None:
    gone = f" ({found.unreadable:,} more cannot be read any more)" if found.unreadable else ""
    if not found.asked:
        say(f"No request of the last {days:g} days is recorded here{gone}.")
        return
    moved = sum(move.count for move in found.moves.values())
    asked = f"Of {found.asked:,} requests of the last {days:g} days{gone}"
    say(f"{asked} {moved:,} would go elsewhere.")
    if not moved:
        return
    rows = table("requests", "from", "to", "for example", "because")
    for (was, now), move in _largest_first(found):
        for n, example in enumerate(move.examples):
            head = (str(move.count), clean(was), clean(now)) if n == 0 else ("", "", "")
            rows.add_row(*head, clean(example["id"]), clean(example["why"]))
    console().print(rows)
