"""`majordomo policy diff OLD NEW`: what changes between two policies, in words and in requests.

Requests that were recorded are decided anew under both, over the history there is now, with every
place well and the whole budget left: so that the settings alone make the difference. What they cost
and how they were answered then is not asked; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from capture import clock
from capture.store import Store, StoreError
from capture.store.asked import Asked
from gateway.anew import Gone, anew
from gateway.commands.console import clean, console, fail, say, say_json, table
from gateway.commands.policy import rehearsal_of, sentences, settings_in
from gateway.home import Home
from gateway.rehearsal import Rehearsal
from routers.aloud import changes

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


Moves = dict[tuple[str, str], Move]
"""By where they would go from, and to."""


@dataclass(slots=True)
class Replayed:
    """What recorded requests would do."""

    asked: int = 0
    """How many were decided anew."""
    unreadable: int = 0
    """Their bytes are gone, or are no request any more."""
    moves: Moves = field(default_factory=dict[tuple[str, str], Move])


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
            "moves": moves_json(replayed.moves),
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
        gone = anew((old, new), asked)
        if gone is None:
            found.unreadable += 1
            continue
        found.asked += 1
        note(found.moves, asked.id, *gone)
    return found


def note(moves: Moves, id_: str, was: Gone, now: Gone) -> None:
    """Count a request where it would go elsewhere."""
    if was.where == now.where:
        return
    move = moves.setdefault((was.where, now.where), Move())
    move.count += 1
    if len(move.examples) < _EXAMPLES:
        move.examples.append({"id": id_, "why": now.why})


def moves_json(moves: Moves) -> list[dict[str, object]]:
    """As JSON, the largest first."""
    return [
        {"from": was, "to": now, "count": move.count, "examples": move.examples}
        for (was, now), move in _largest_first(moves)
    ]


def show_moves(moves: Moves) -> None:
    """As a table; nothing where there are none."""
    if not moves:
        return
    rows = table("requests", "from", "to", "for example", "because")
    for (was, now), move in _largest_first(moves):
        for n, example in enumerate(move.examples):
            head = (str(move.count), clean(was), clean(now)) if n == 0 else ("", "", "")
            rows.add_row(*head, clean(example["id"]), clean(example["why"]))
    console().print(rows)


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


def _largest_first(moves: Moves) -> list[tuple[tuple[str, str], Move]]:
    return sorted(moves.items(), key=lambda each: -each[1].count)


def _show(found: Replayed, days: float) -> None:
    gone = f" ({found.unreadable:,} more cannot be read any more)" if found.unreadable else ""
    if not found.asked:
        say(f"No request of the last {days:g} days is recorded here{gone}.")
        return
    moved = sum(move.count for move in found.moves.values())
    asked = f"Of {found.asked:,} requests of the last {days:g} days{gone}"
    say(f"{asked} {moved:,} would go elsewhere.")
    show_moves(found.moves)
