"""What trains: which turns are worth it, which are held out, and what they are mixed with. Pure.

Worth training on is what the hired help did well: successful BURST turns, the good answers that
ended a correction, whoever gave them, and what people said that a reply should have been. Private
turns may train, since training stays at home; what is held (`capture.vetting`) does not, whatever
it is worth, and what judges call bad does not, unless a person called it good. A conversation is
held out as a whole, by a stable hash of its id, and for ever: which side it fell on in an earlier
cycle stands, whatever the settings say since.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal

from capture.exchange import Mode
from capture.trainable import TrainableTurn
from trainer.rows import Row, row_of

Kind = Literal["fresh", "replayed", "golden"]
"""`fresh`: captured, and in no dataset before; `replayed`: captured, and in an earlier one."""
Side = Literal["train", "held_out"]

SORTED_BATCHES = 4
"""Batches whose rows are sorted by length among each other."""


@dataclass(frozen=True)
class Selection:
    """The captured rows of one cycle, each by its part in it, oldest first."""

    fresh: Sequence[Row]
    replayed: Sequence[Row]
    held_out: Sequence[Row]
    waiting: int = 0
    """Turns worth training on that wait for a person's word."""
    judged_out: int = 0
    """Turns worth training on that judges keep out."""

    def kept(self, kept: Callable[[Sequence[Row]], list[Row]]) -> Selection:
        """What `kept` keeps of each part."""
        return replace(
            self,
            fresh=kept(self.fresh),
            replayed=kept(self.replayed),
            held_out=kept(self.held_out),
        )

    @property
    def captured(self) -> int:
        """How many train."""
        return len(self.fresh) + len(self.replayed)


@dataclass(frozen=True)
class Past:
    """What earlier cycles did."""

    trained: AbstractSet[str] = frozenset()
    """Ids of exchanges in some dataset."""
    sides: Mapping[str, Side] | None = None
    """Where each conversation seen so far belongs; None: none was seen."""


def is_held_out(conversation: str, share: float) -> bool:
    """By a hash of the id alone: the same on every machine, in every cycle."""
    digest = hashlib.sha256(f"held out: {conversation}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def worthy(
    turns: Iterable[TrainableTurn],
    held: Counter[bool] | None = None,
    bad: AbstractSet[str] = frozenset(),
    judged_out: list[str] | None = None,
) -> Iterator[Row]:
    """The rows worth training on, of turns in the order they happened. Equal rows count once, the
    oldest. `held` counts turns worth it that are held, by whether an approval would lift that;
    `judged_out` gets those that are kept out because judges call them `bad` (ids)."""
    corrected: set[str] = set()
    seen: set[bytes] = set()
    for turn in turns:
        if turn.corrected:
            corrected.add(turn.conversation)
        if turn.demonstration is None and not _well_answered(turn, corrected):
            continue
        corrected.discard(turn.conversation)  # this answer ended it
        if turn.held:
            if held is not None:
                held[all(hold.waits for hold in turn.held)] += 1
            continue
        if turn.id in bad and turn.demonstration is None and not turn.approved:
            if judged_out is not None:
                judged_out.append(turn.id)
            continue
        row = row_of(
            turn.id,
            turn.conversation,
            turn.skill,
            turn.request,
            turn.wanted,
            cloud=turn.cloud and turn.demonstration is None,
        )
        if row is not None and row.key not in seen:
            seen.add(row.key)
            yield row


def _well_answered(turn: TrainableTurn, corrected: AbstractSet[str]) -> bool:
    """By the hired help, or in a conversation that somebody had corrected."""
    if turn.outcome != "success":
        return False
    return turn.mode == Mode.BURST or turn.conversation in corrected


def select(rows: Iterable[Row], past: Past, *, share: float, most: int) -> Selection:
    """Who trains and who is held out. More than `most` captured rows: the newest stay, and the
    fresh before the replayed."""
    fresh: list[Row] = []
    replayed: list[Row] = []
    held: list[Row] = []
    for row in rows:
        side = (past.sides or {}).get(row.conversation)
        if side == "held_out" or (side is None and is_held_out(row.conversation, share)):
            held.append(row)
        elif row.id in past.trained:
            replayed.append(row)
        else:
            fresh.append(row)
    asked = {row.request_key for row in (*fresh, *replayed)}
    held = [row for row in held if row.request_key not in asked]
    fresh = fresh[-most:]
    left = most - len(fresh)
    return Selection(fresh, replayed[-left:] if left else [], held)


def golden_count(captured: int, share: float, least: int) -> int:
    """How many golden rows make `share` of the dataset, and at least `least` where any do, so that
    few captured rows do not repeat the same few golden ones."""
    if share <= 0:
        return 0
    return max(least, round(captured * share / (1 - share)))


def most_captured(rows: int, seen: int, share: float) -> int:
    """How many captured rows a dataset may have: `rows`, and no more than training gets to see of
    them when it sees `seen` rows, of which `share` are golden."""
    return max(1, min(rows, int(seen * (1 - share))))


def mix(
    selection: Selection,
    golden: Sequence[Row],
    length: Callable[[Row], int],
    seed: int,
    batch_size: int,
) -> list[tuple[Kind, Row]]:
    """All rows of the dataset, shuffled; then sorted by length within each few batches. mlx-lm cuts
    the file into batches in its order, but for rows without tools, which it puts first, draws the
    batches in an order of its own, and fills rows up to the batch's longest."""
    parts: tuple[tuple[Kind, Sequence[Row]], ...] = (
        ("fresh", selection.fresh),
        ("replayed", selection.replayed),
        ("golden", golden),
    )
    rows: list[tuple[Kind, Row]] = [(kind, row) for kind, part in parts for row in part]
    random.Random(seed).shuffle(rows)  # noqa: S311 - an order, no secret
    some = SORTED_BATCHES * batch_size
    windows = [rows[start : start + some] for start in range(0, len(rows), some)]
    return [each for window in windows for each in sorted(window, key=lambda row: length(row[1]))]


def newest_of_each(rows: Sequence[Row], per_skill: int) -> list[Row]:
    """The newest of each skill's held-out rows, oldest first."""
    left: dict[str, int] = {}
    kept: list[Row] = []
    for row in reversed(rows):
        left[row.skill] = left.get(row.skill, per_skill) - 1
        if left[row.skill] >= 0:
            kept.append(row)
    return kept[::-1]
