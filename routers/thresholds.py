"""How much benefit is worth leaving home for: an aim, and the benefits of recent requests. Pure.

Where a share is aimed at, so much of the requests goes to the cloud: those with the most benefit
among recent ones, so the threshold follows what is asked and what is learned. Where a loss is to be
held, no rank helps: the threshold is fixed, and the audit (`routers.audit`) moves it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque

from capture.values import value

_WINDOW = 300
"""Requests whose benefits are remembered."""
_FEW = 5
"""Below this many the window says nothing."""


@value
class Aim:
    """What the threshold is to hold; exactly one of the two is set."""

    cloud_share: float | None = None
    """Share of requests that goes to the cloud, 0 to 1."""
    max_loss: float | None = None
    """Most share of requests that may be lost against always asking the cloud, 0 to 1."""


class Window:
    """Benefits of recent requests."""

    def __init__(self) -> None:
        self._order: deque[float] = deque()
        self._sorted: list[float] = []

    def add(self, benefit: float) -> None:
        """One more request; the oldest is forgotten."""
        self._order.append(benefit)
        insort(self._sorted, benefit)
        if len(self._order) > _WINDOW:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]

    def rank(self, benefit: float) -> float | None:
        """Share of recent requests with more benefit, ties half; None while there are too few."""
        of = len(self._sorted)
        if of < _FEW:
            return None
        low, high = bisect_left(self._sorted, benefit), bisect_right(self._sorted, benefit)
        return (of - high + (high - low) / 2.0) / of
