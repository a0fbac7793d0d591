"""Drawing again from what was seen, whole groups at a time: how sure a figure is. Pure.

Requests of one conversation share their fate, so conversations are drawn and not requests. What is
drawn comes from a seed: the same figures every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

REPLICATES = 400
"""How often all is drawn anew."""
_SIDE = 0.025
"""Share beyond either end of an interval."""
_MULTIPLIER, _STEP = 6364136223846793005, 1442695040888963407
"""Of a linear congruential generator (Knuth, MMIX); its high bits are the good ones."""
_WHOLE = (1 << 64) - 1


def drawn(
    kinds: Sequence[int], replicates: int = REPLICATES, seed: int = 0
) -> Iterator[Sequence[int]]:
    """How often groups of each kind are drawn, replicate by replicate; as many draws as there are
    groups.

    Args:
        kinds: of each group its kind, from 0 on: groups that are alike need not be told apart.
        replicates: how often all is drawn anew.
        seed: of what is drawn.
    """
    of, groups, state = max(kinds, default=-1) + 1, len(kinds), _begun(seed)
    for _ in range(replicates):
        times = [0] * of
        for _ in range(groups):
            state = (state * _MULTIPLIER + _STEP) & _WHOLE
            times[kinds[(state >> 32) * groups >> 32]] += 1
        yield times


def uniform(seed: int = 0) -> Iterator[float]:
    """Numbers from 0 to 1, the latter excluded, for ever."""
    state = _begun(seed)
    while True:
        state = (state * _MULTIPLIER + _STEP) & _WHOLE
        yield (state >> 11) / (1 << 53)


def interval(figures: Sequence[float]) -> tuple[float, float]:
    """The middle 95 % of what replicates came to (the percentile interval)."""
    order = sorted(figures)
    last = len(order) - 1
    return order[round(_SIDE * last)], order[round((1.0 - _SIDE) * last)]


def _begun(seed: int) -> int:
    return (seed * 2 + 1) * _STEP & _WHOLE
