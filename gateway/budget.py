"""Money for BURST: what is spent, what is promised, what is left, per UTC day and month.

A request's worst case is reserved before it is sent and settled with its true cost after. While
every reserve really is an upper bound, spending never passes a limit, however many requests run at
once. Whole nano-dollars are counted, reserves rounded up and limits down, so that sums are exact.

The ledger lives on the event loop: its calls never await, so each is atomic. Periods only move
forward: a clock that is set back neither refills a budget nor charges a past day. A reserve belongs
to the day and month it was made in, whenever it is settled.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from routers.features import Budget

_NANO = 1_000_000_000
_DAY_S = 86_400
_NO_LIMIT = Budget()

Clock = Callable[[], float]
"""Unix seconds, UTC."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one period stands, in US dollars."""

    limit_usd: float | None
    """None: no limit."""
    spent_usd: float
    """Settled, and reserves whose true cost never became known."""
    reserved_usd: float
    """Promised to requests still running."""


@dataclass(frozen=True, slots=True)
class _Reserve:
    amount: int
    day: int
    month: int


@dataclass(slots=True)
class _Period:
    """One running period; `number` counts days or months and only grows."""

    number: int
    limit: int | None
    spent: int = 0
    reserved: int = 0

    def advance(self, number: int) -> None:
        """Begin a later period: yesterday's spending and reserves stay with yesterday."""
        if number > self.number:
            self.number, self.spent, self.reserved = number, 0, 0

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.spent - self.reserved)

    def settle(self, reserve: int, cost: int) -> None:
        self.reserved -= reserve
        self.spent += cost


class Ledger:
    """The running account of one gateway process."""

    def __init__(
        self,
        day_usd: float | None,
        month_usd: float | None,
        spent_day: float = 0.0,
        spent_month: float = 0.0,
        clock: Clock = time.time,
    ) -> None:
        self._clock = clock
        day, month = _periods(clock())
        self._day = _Period(day, _limit(day_usd), _up(spent_day))
        self._month = _Period(month, _limit(month_usd), _up(spent_month))
        self._open: dict[str, _Reserve] = {}

    def left(self) -> Budget:
        """What BURST may still cost now; never negative."""
        if self._day.limit is None and self._month.limit is None:
            return _NO_LIMIT
        self._advance()
        return Budget(_usd(self._day.left), _usd(self._month.left))

    def reserve(self, id: str, usd: float | None) -> bool:
        """Promise up to `usd` to attempt `id`. False: it does not fit, and nothing changed.

        An unknown worst case (None) fits only where no limit is set.
        """
        if id in self._open:
            raise ValueError(f"{id} already holds a reserve")
        self._advance()
        limits = [left for left in (self._day.left, self._month.left) if left is not None]
        if limits and (usd is None or not _known(usd) or _up(usd) > min(limits)):
            return False
        amount = _up(usd) if usd is not None and _known(usd) else 0
        self._open[id] = _Reserve(amount, self._day.number, self._month.number)
        self._day.reserved += amount
        self._month.reserved += amount
        return True

    def settle(self, id: str, usd: float | None) -> None:
        """Replace the reserve of `id` by its true cost; None keeps the reserve as spent.

        A cost that is no amount of money (negative, not a number) is unknown too. An id without an
        open reserve is settled already: nothing happens.
        """
        reserve = self._open.pop(id, None)
        if reserve is None:
            return
        self._advance()
        cost = _up(usd) if usd is not None and _known(usd) else reserve.amount
        if reserve.day == self._day.number:
            self._day.settle(reserve.amount, cost)
        if reserve.month == self._month.number:
            self._month.settle(reserve.amount, cost)

    def relimit(self, day_usd: float | None, month_usd: float | None) -> None:
        """Take new limits from reloaded settings; what is spent and reserved stays."""
        self._day.limit = _limit(day_usd)
        self._month.limit = _limit(month_usd)

    def day(self) -> Standing:
        """Where the current UTC day stands."""
        self._advance()
        return _standing(self._day)

    def month(self) -> Standing:
        """Where the current UTC month stands."""
        self._advance()
        return _standing(self._month)

    def _advance(self) -> None:
        now = self._clock()
        if int(now // _DAY_S) > self._day.number:
            day, month = _periods(now)
            self._day.advance(day)
            self._month.advance(month)


def day_start(now: float) -> float:
    """Unix seconds at which the UTC day of `now` began."""
    return now // _DAY_S * _DAY_S


def month_start(now: float) -> float:
    """Unix seconds at which the UTC calendar month of `now` began."""
    return day_start(now) - (time.gmtime(now).tm_mday - 1) * _DAY_S


def _periods(now: float) -> tuple[int, int]:
    """The UTC day and calendar month of `now`, each counted so that later is larger."""
    moment = time.gmtime(now)
    return int(now // _DAY_S), moment.tm_year * 12 + moment.tm_mon


def _known(usd: float) -> bool:
    return math.isfinite(usd) and usd >= 0


def _limit(usd: float | None) -> int | None:
    return None if usd is None else math.floor(round(usd * _NANO, 3))


def _up(usd: float) -> int:
    """Rounded up, but for what is only the noise of floating point."""
    return math.ceil(round(usd * _NANO, 3))


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano / _NANO


def _standing(period: _Period) -> Standing:
    return Standing(_usd(period.limit), period.spent / _NANO, period.reserved / _NANO)
