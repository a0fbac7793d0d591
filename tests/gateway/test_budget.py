from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gateway.budget import Ledger, day_start, month_start
from routers.features import Budget

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    return Ledger(1.0, 2.0, clock=clock)


def test_what_is_reserved_is_no_longer_left(ledger: Ledger) -> None:
    assert ledger.reserve("a", 0.4)
    assert ledger.left() == Budget(0.6, 1.6)


def test_what_does_not_fit_is_refused_and_changes_nothing(ledger: Ledger) -> None:
    assert ledger.reserve("a", 0.7)
    assert not ledger.reserve("b", 0.31)
    assert ledger.left() == Budget(0.3, 1.3)
    assert ledger.reserve("b", 0.3)
    assert ledger.left() == Budget(0.0, 1.0)


def test_the_true_cost_takes_the_place_of_the_reserve(ledger: Ledger) -> None:
    ledger.reserve("a", 0.9)
    ledger.settle("a", 0.1)
    assert ledger.left() == Budget(0.9, 1.9)
    assert (ledger.day().spent_usd, ledger.day().reserved_usd) == (0.1, 0.0)


@pytest.mark.parametrize("unknown", [None, -1.0, math.nan, math.inf])
def test_a_cost_that_is_unknown_or_none_keeps_the_reserve(
    ledger: Ledger, unknown: float | None
) -> None:
    ledger.reserve("a", 0.9)
    ledger.settle("a", unknown)
    assert ledger.day().spent_usd == 0.9


def test_settling_twice_counts_once(ledger: Ledger) -> None:
    ledger.reserve("a", 0.5)
    ledger.settle("a", 0.5)
    ledger.settle("a", 0.5)
    ledger.settle("never", 0.5)
    assert ledger.left().day_left_usd == 0.5


def test_reserving_twice_for_one_attempt_is_a_mistake(ledger: Ledger) -> None:
    ledger.reserve("a", 0.1)
    with pytest.raises(ValueError, match="already holds"):
        ledger.reserve("a", 0.1)


@pytest.mark.parametrize("worst", [None, math.nan, math.inf, -0.5])
def test_an_unknown_worst_case_fits_only_where_no_limit_is_set(worst: float | None) -> None:
    for day, month in ((1.0, None), (None, 1.0)):
        assert not Ledger(day, month, clock=Clock()).reserve("a", worst)
    free = Ledger(None, None, clock=Clock())
    assert free.reserve("a", worst)
    free.settle("a", 0.25)
    assert free.day().spent_usd == 0.25


def test_without_limits_everything_fits_and_is_still_counted() -> None:
    ledger = Ledger(None, None, clock=Clock())
    assert ledger.reserve("a", 1e6)
    assert ledger.left() == Budget(None, None)
    assert ledger.month().reserved_usd == 1e6


def test_what_was_spent_before_the_start_counts() -> None:
    assert Ledger(1.0, 2.0, 0.75, 1.75, Clock()).left() == Budget(0.25, 0.25)
    assert Ledger(1.0, 2.0, 5.0, 5.0, Clock()).left() == Budget(0.0, 0.0)


def test_a_day_begins_anew_at_midnight_utc_and_the_month_goes_on(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.reserve("a", 1.0)
    ledger.settle("a", 1.0)
    clock.now = day_start(NOON) + DAY - 0.001
    assert ledger.left() == Budget(0.0, 1.0)
    clock.now = day_start(NOON) + DAY
    assert ledger.left() == Budget(1.0, 1.0)


def test_a_month_begins_anew_on_its_first_day(ledger: Ledger, clock: Clock) -> None:
    ledger.reserve("a", 1.0)
    clock.now = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    assert ledger.left() == Budget(1.0, 2.0)


def test_a_reserve_belongs_to_the_day_it_was_made_in(ledger: Ledger, clock: Clock) -> None:
    ledger.reserve("late", 0.8)
    clock.now += DAY
    assert ledger.left() == Budget(1.0, 1.2)
    ledger.settle("late", 0.5)
    assert ledger.left() == Budget(1.0, 1.5)


def test_a_clock_set_back_neither_refills_nor_reopens_a_day(ledger: Ledger, clock: Clock) -> None:
    clock.now = day_start(NOON) + DAY + 10
    ledger.reserve("a", 0.6)
    clock.now -= 3600
    assert ledger.left().day_left_usd == 0.4
    ledger.settle("a", 0.6)
    clock.now += 3600
    assert ledger.left().day_left_usd == 0.4


def test_new_limits_apply_to_what_is_already_spent(ledger: Ledger) -> None:
    ledger.reserve("a", 0.5)
    ledger.relimit(0.25, None)
    assert ledger.left() == Budget(0.0, None)
    ledger.relimit(3.0, 3.0)
    assert ledger.left() == Budget(2.5, 2.5)


def test_two_hundred_at_once_with_a_cent_left_spend_a_cent(clock: Clock) -> None:
    ledger = Ledger(0.01, None, clock=clock)
    assert sum(ledger.reserve(str(n), 0.0007) for n in range(200)) == 14


def test_ten_dimes_are_a_dollar(ledger: Ledger) -> None:
    assert all(ledger.reserve(str(n), 0.1) for n in range(10))
    assert ledger.left().day_left_usd == 0.0


def test_day_and_month_start_are_utc() -> None:
    assert datetime.fromtimestamp(day_start(NOON), UTC) == datetime(2026, 11, 21, tzinfo=UTC)
    assert datetime.fromtimestamp(month_start(NOON), UTC) == datetime(2026, 11, 1, tzinfo=UTC)


class Accounts(RuleBasedStateMachine):
    """Requests come and go over days; a plain list of what was charged when is the oracle."""

    reserves = Bundle("reserves")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.day_limit, self.month_limit = 1.0, 3.0
        self.ledger = Ledger(self.day_limit, self.month_limit, clock=self.clock)
        self.charged: dict[str, tuple[float, float]] = {}
        """By attempt: when it was reserved, and what it costs as far as known."""
        self.count = 0

    @rule(target=reserves, worst=st.floats(0, 1.5))
    def reserve(self, worst: float) -> tuple[str, float]:
        self.count += 1
        name = str(self.count)
        if self.ledger.reserve(name, worst):
            self.charged[name] = (self.clock.now, worst)
        return name, worst

    @rule(held=consumes(reserves), share=st.none() | st.floats(0, 1))
    def settle(self, held: tuple[str, float], share: float | None) -> None:
        name, worst = held
        self.ledger.settle(name, None if share is None else worst * share)
        if name in self.charged and share is not None:
            self.charged[name] = (self.charged[name][0], worst * share)

    @rule(hours=st.floats(0, 40))
    def wait(self, hours: float) -> None:
        self.clock.now += hours * 3600

    def since(self, start: float) -> float:
        return sum(usd for at, usd in self.charged.values() if at >= start)

    @invariant()
    def no_limit_is_passed(self) -> None:
        day, month = self.since(day_start(self.clock.now)), self.since(month_start(self.clock.now))
        assert day <= self.day_limit + 1e-9
        assert month <= self.month_limit + 1e-9

    @invariant()
    def what_is_left_is_what_was_not_charged(self) -> None:
        left = self.ledger.left()
        assert left.day_left_usd is not None
        assert left.month_left_usd is not None
        assert left.day_left_usd >= 0
        day, month = self.since(day_start(self.clock.now)), self.since(month_start(self.clock.now))
        noise = 1e-8 * (self.count + 1)
        assert left.day_left_usd == pytest.approx(self.day_limit - day, abs=noise)
        assert left.month_left_usd == pytest.approx(self.month_limit - month, abs=noise)


TestAccounts = Accounts.TestCase
TestAccounts.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
