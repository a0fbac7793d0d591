"""How often a way of answering is right on a skill, told by the requests of other folds. Pure.

A posterior mean: the skill's own outcomes of the way, shrunk to the way's on all skills. Groups
(conversations) are split into folds, and what is asked for one fold rests on the others alone, so
that no request foretells itself (cross-fitting).
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

Cell = tuple[str, str]
"""(skill, way)."""
Seen = Mapping[Cell, tuple[float, float]]
"""(right, of) by cell."""

FOLDS = 5
_SHRINK = 2.0
"""Outcomes that the level above counts for."""
_PRIOR = 0.5
_NONE = (0.0, 0.0)


def fold_of(group: str) -> int:
    """The fold a group is in, whatever else there is."""
    return crc32(group.encode()) % FOLDS


class Direct:
    """How often each way is right on each skill: outcomes by fold, asked for what the others say.
    Once it was asked nothing may be added."""

    def __init__(self) -> None:
        self._folds: list[dict[Cell, tuple[float, float]]] = [{} for _ in range(FOLDS)]
        self._all: dict[Cell, tuple[float, float]] | None = None
        self._ways: dict[tuple[int, str], tuple[float, float]] = {}
        self._said: dict[tuple[int, Cell], float] = {}

    def add(self, fold: int, seen: Seen, times: int = 1) -> None:
        """Outcomes of a group that is in this fold, so many times."""
        held = self._folds[fold]
        for cell, (right, of) in seen.items():
            before, count = held.get(cell, _NONE)
            held[cell] = before + times * right, count + times * of

    def others(self, fold: int, cell: Cell) -> tuple[float, float]:
        """(right, of) of a cell, in all folds but this one."""
        right, of = self._together().get(cell, _NONE)
        own_right, own = self._folds[fold].get(cell, _NONE)
        return right - own_right, of - own

    def __call__(self, fold: int, cell: Cell) -> float:
        """P(right) of a cell, for a request of this fold."""
        p = self._said.get((fold, cell))
        if p is None:
            p = self._said[fold, cell] = self._ask(fold, cell)
        return p

    def _ask(self, fold: int, cell: Cell) -> float:
        p = _PRIOR
        for right, of in (self._way(fold, cell[1]), self.others(fold, cell)):
            p = (right + p * _SHRINK) / (of + _SHRINK)
        return p

    def _way(self, fold: int, way: str) -> tuple[float, float]:
        """(right, of) of a way, in all folds but this one."""
        found = self._ways.get((fold, way))
        if found is None:
            cells = [self.others(fold, each) for each in self._together() if each[1] == way]
            found = sum(right for right, _ in cells), sum(of for _, of in cells)
            self._ways[fold, way] = found
        return found

    def _together(self) -> Mapping[Cell, tuple[float, float]]:
        """Of all folds."""
        if self._all is None:
            self._all = {}
            for fold in self._folds:
                for cell, (right, of) in fold.items():
                    before, count = self._all.get(cell, _NONE)
                    self._all[cell] = before + right, count + of
        return self._all
