"""What of the store is put before judges: turns that would train, and what they need beside them.

Rated are the turns that curating would take, the newest first: a judge can only keep some out.
Compared are two replies to one request that no outcome tells apart. Steps are judged by the next
state that a later turn of their conversation tells; hints are asked for replies that failed. What
is held (`capture.vetting`) is shown to nobody, and what is private to judges at home alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from capture.exports.chat import Unsayable, message_as_said, row
from capture.exports.gather import Conversation, conversations
from capture.exports.manifest import Left
from capture.followed import Followed
from capture.provenance import Trust
from capture.redact import Redactor
from capture.store.open import Store
from capture.store.trainable import Wanted
from capture.trainable import TrainableTurn
from trainer import curate
from trainer.judges.calibration import LEAST
from trainer.judges.damage import planted
from trainer.judges.settings import JudgeSettings
from trainer.judges.subjects import Subject, replies_shown, step_shown, turn_shown
from trainer.rows import Row

EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to judge. Each is read once, and made as it is read."""

    planted: Sequence[Subject]
    """Of the turns that went well most surely; of those that may leave home, where there are
    enough, so that all judges rate the same."""
    ratings: Iterator[Subject]
    """The newest first; the others as the store has them, the oldest first."""
    comparisons: Iterator[Subject]
    """Each pair twice, one after the other: straight and turned."""
    process: Iterator[Subject]
    hints: Iterator[Subject]


def gather(store: Store, redactor: Redactor, trust: Trust, settings: JudgeSettings) -> Material:
    """What is to be judged. Raises StoreError."""
    wanted, most = settings.tasks, settings.characters
    rows, private, sure = _worthy(store, redactor, trust)
    public = [row for row in rows if row.id not in private]
    surest = sorted(public if len(public) >= LEAST else rows, key=lambda row: sure[row.id])
    none = iter(())
    return Material(
        planted=planted(surest, private, settings.planted, most),
        ratings=(_rated(row, row.id in private, most) for row in reversed(rows))
        if "ratings" in wanted
        else none,
        comparisons=_compared(store, redactor, trust, most) if "comparisons" in wanted else none,
        process=_steps(store, redactor, trust, most) if "process" in wanted else none,
        hints=_failed(store, redactor, trust, most) if "hints" in wanted else none,
    )


def _worthy(
    store: Store, redactor: Redactor, trust: Trust
) -> tuple[Sequence[Row], frozenset[str], Mapping[str, float]]:
    """The rows that curating takes, oldest first; which of them are private; and how sure it is
    that each went well, a person's word above all."""
    private: set[str] = set()
    sure: dict[str, float] = {}

    def noted() -> Iterator[TrainableTurn]:
        for turn in store.trainable(redactor, trust):
            if turn.private:
                private.add(turn.id)
            sure[turn.id] = 1.0 if turn.approved or turn.demonstration else turn.confidence
            yield turn

    rows = [row for row in curate.worthy(noted()) if row.messages[:-1]]
    return rows, frozenset(private), sure


def _rated(row: Row, private: bool, most: int) -> Subject:
    shown = turn_shown(row.messages[:-1], row.tools, row.reply, most)
    return Subject("rating", row.id, (row.id,), private, shown)


def _compared(store: Store, redactor: Redactor, trust: Trust, most: int) -> Iterator[Subject]:
    for one, other in store.unsettled(redactor, EVERYTHING, trust):
        said, second = _row(one), _reply(other)
        if one.held or other.held or said is None or second is None:
            continue
        *asked, first = said["messages"]
        if first == second:
            continue
        tools, ids = said.get("tools", []), (one.id, other.id)
        private = one.private or other.private
        for label, replies in (("", (first, second)), ("turned", (second, first))):
            shown = replies_shown(asked, tools, *replies, most)
            yield Subject("comparison", " ".join(ids), ids, private, shown, label)


def _steps(store: Store, redactor: Redactor, trust: Trust, most: int) -> Iterator[Subject]:
    """Each reply of a conversation that something followed, as its last turn tells it."""
    private: set[str] = set()

    def free() -> Iterator[TrainableTurn]:
        for turn in store.trainable(redactor, trust):
            if turn.private:
                private.add(turn.id)
            if not turn.held:
                shown = tuple(hold for hold in turn.history if hold.code != "unapproved")
                yield replace(turn, history=shown)  # nothing of it is learned

    for told in conversations(free()):
        if not isinstance(told, Left):
            yield from _steps_of(told, private, most)


def _steps_of(told: Conversation, private: set[str], most: int) -> Iterator[Subject]:
    try:
        said = [message_as_said(message) for message in told.messages]
    except Unsayable:
        return
    kept = not private.isdisjoint(told.exchanges)
    for at, reply in told.replies.items():
        following = _until_reply(said[at + 1 :])
        if following and at:
            shown = step_shown(said[:at], told.tools, said[at], following, most)
            yield Subject("process", reply.exchange, told.exchanges, kept, shown)


def _until_reply(messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The messages up to the next reply."""
    for number, message in enumerate(messages):
        if message.get("role") == "assistant":
            return messages[:number]
    return messages


def _failed(store: Store, redactor: Redactor, trust: Trust, most: int) -> Iterator[Subject]:
    for reply in store.next_states(redactor, EVERYTHING, trust):
        subject = None if reply.held or reply.turn.held else _hinted(reply, most)
        if subject is not None:
            yield subject


def _hinted(reply: Followed, most: int) -> Subject | None:
    said = _row(reply.turn)
    if said is None:
        return None
    try:
        following = [message_as_said(message) for message in reply.next]
    except Unsayable:
        return None
    *asked, answered = said["messages"]
    shown = step_shown(asked, said.get("tools", []), answered, following, most)
    private = reply.private or reply.turn.private
    return Subject("hint", reply.turn.id, (reply.turn.id,), private, shown)


def _row(turn: TrainableTurn) -> dict[str, Any] | None:
    try:
        return row(turn.request, turn.reply)
    except Unsayable:
        return None


def _reply(turn: TrainableTurn) -> dict[str, Any] | None:
    try:
        return message_as_said(turn.reply)
    except Unsayable:
        return None
