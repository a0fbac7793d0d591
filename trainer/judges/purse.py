"""Money for judges: what a request may cost is set aside before it is sent, its true cost after.

One run's purse. Whole nano-dollars are counted, reserves rounded up, so that sums are exact. Where
it is the reserves of others that leave no room, one waits for them; where nothing is set aside and
there is still no room, the money is spent. A run stays on the budget of the day it began on.
"""

from __future__ import annotations

import asyncio
import math

_NANO = 1_000_000_000


class Purse:
    """What is left of a limit. Belongs to one event loop."""

    def __init__(self, limit_usd: float | None, spent_usd: float) -> None:
        """`limit_usd` None: no limit."""
        self._limit = None if limit_usd is None else math.floor(round(limit_usd * _NANO, 3))
        self._spent = _up(spent_usd)
        self._reserved = 0
        self._settled = asyncio.Event()

    @property
    def spent_usd(self) -> float:
        """Settled so far, what was spent before included."""
        return self._spent / _NANO

    async def reserve(self, usd: float | None) -> bool:
        """Set aside up to `usd`; False when it is not there. What may cost nobody knows how much
        (None) is there only where no limit is set."""
        if self._limit is None:
            self._reserved += _up(usd or 0.0)
            return True
        if usd is None or not math.isfinite(usd) or usd < 0:
            return False
        while self._spent + self._reserved + _up(usd) > self._limit:
            if not self._reserved:
                return False
            await self._settled.wait()
        self._reserved += _up(usd)
        return True

    def settle(self, reserved: float | None, cost: float | None) -> None:
        """Replace what was set aside by the true cost; None keeps all of it as spent."""
        aside = _up(reserved or 0.0)
        known = cost is not None and math.isfinite(cost) and cost >= 0
        self._reserved -= aside
        self._spent += _up(cost) if known and cost is not None else aside
        self._settled.set()
        self._settled = asyncio.Event()


def _up(usd: float) -> int:
    """Rounded up, but for what is only the noise of floating point."""
    return math.ceil(round(usd * _NANO, 3))
