"""Do probabilities come true? What was foretold, in tenths, against what came of it. Pure.

The expected calibration error is the mean distance between the two over tenths. It is never quite
0, not even where every probability is right, since few requests scatter; `by_chance` says what it
would be then, and only what lies beyond that is an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from capture.values import value
from routers.replay.resampling import drawn, interval, uniform

TENTHS = 10
_REPLICATES = 400
_DRAWS = 1_000_000
"""Outcomes that are drawn at most to say what chance makes."""
_Sums = dict[int, tuple[float, int]]
"""Of one group, by tenth: foretold less what came true, and of how many."""
_Z = 1.96
"""Standard errors of a 95 % interval."""


@value
class Foretold:
    """One reply whose outcome is known."""

    group: str
    """What it shares its fate with: its conversation."""
    predicted: float
    """P(right), as held before anybody knew."""
    right: float
    """0 to 1."""


@value
class Bin:
    """All that was foretold at about the same."""

    least: float
    """It holds probabilities from here on, up to a tenth more."""
    of: int
    predicted: float
    """Mean of what was foretold."""
    right: float
    """Share that came true."""
    interval: tuple[float, float]
    """Of that share, at 95 % (Wilson)."""

    @property
    def true(self) -> bool:
        """What was foretold lies within the interval."""
        return self.interval[0] <= self.predicted <= self.interval[1]


@value
class Reliability:
    """How far probabilities come true."""

    of: int
    bins: tuple[Bin, ...]
    """Those with anything in them, from low to high."""
    error: float
    """Expected calibration error, 0 to 1."""
    interval: tuple[float, float] | None
    """Of the error, at 95 %, over groups; None for a single one."""
    by_chance: float
    """What the error would be on average if every probability were right."""


def reliability(foretold: Sequence[Foretold], replicates: int = _REPLICATES) -> Reliability:
    """Of at least one reply."""
    groups: dict[str, _Sums] = {}
    for one in foretold:
        sums = groups.setdefault(one.group, {})
        apart, of = sums.get(_tenth(one), (0.0, 0))
        sums[_tenth(one)] = apart + one.predicted - one.right, of + 1
    held = list(groups.values())
    errors = [_error(held, times) for times in drawn(range(len(held)), replicates)]
    return Reliability(
        len(foretold),
        tuple(_bin(tenth, found) for tenth, found in sorted(_by_tenth(foretold).items())),
        _error(held, [1] * len(held)),
        interval(errors) if len(held) > 1 else None,
        _by_chance(foretold, replicates),
    )


def _by_tenth(foretold: Iterable[Foretold]) -> dict[int, list[Foretold]]:
    bins: dict[int, list[Foretold]] = {}
    for one in foretold:
        bins.setdefault(_tenth(one), []).append(one)
    return bins


def _bin(tenth: int, found: Sequence[Foretold]) -> Bin:
    of, right = len(found), sum(one.right for one in found)
    return Bin(
        tenth / TENTHS, of, sum(one.predicted for one in found) / of, right / of, wilson(right, of)
    )


def wilson(right: float, of: float) -> tuple[float, float]:
    """Between which shares the truth lies, at 95 %, where so many of so many are right."""
    if not of:
        return 0.0, 1.0
    share, square = right / of, _Z * _Z
    middle = (share + square / (2.0 * of)) / (1.0 + square / of)
    half = math.sqrt(share * (1.0 - share) / of + square / (4.0 * of * of)) / (1.0 + square / of)
    return max(0.0, middle - _Z * half), min(1.0, middle + _Z * half)


def _tenth(one: Foretold) -> int:
    return min(TENTHS - 1, int(TENTHS * one.predicted))


def _error(groups: Sequence[_Sums], times: Sequence[int]) -> float:
    apart, of = [0.0] * TENTHS, 0
    for group, often in zip(groups, times, strict=True):
        for tenth, (beyond, count) in group.items():
            apart[tenth] += often * beyond
            of += often * count
    return sum(map(abs, apart)) / of


def _by_chance(foretold: Sequence[Foretold], replicates: int) -> float:
    """The mean error of outcomes that are drawn by what was foretold of them."""
    numbers, errors = uniform(1), 0.0
    replicates = max(1, min(replicates, _DRAWS // len(foretold)))
    tenths = [(_tenth(one), one.predicted) for one in foretold]
    for _ in range(replicates):
        apart = [0.0] * TENTHS
        for (tenth, predicted), number in zip(tenths, numbers, strict=False):
            apart[tenth] += predicted - (number < predicted)
        errors += sum(map(abs, apart)) / len(foretold)
    return errors / replicates
