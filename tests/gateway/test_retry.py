"""What follows a failed attempt."""

from __future__ import annotations

from email.utils import formatdate

import time_machine

from gateway.retry import Failure, RetryBudget, Step, backoff, next_step, retry_after

DOWN = Failure(status=None, retryable=True)


def step(failure: Failure = DOWN, **given: object) -> Step | None:
    defaults: dict[str, object] = {
        "current": 0,
        "attempts": 1,
        "most": 3,
        "ready": [True, True],
        "rest_left": 0.0,
        "max_wait": 20.0,
        "may_retry": True,
    }
    return next_step(failure, **{**defaults, **given})  # pyright: ignore[reportArgumentType]


def test_another_ready_place_is_preferred() -> None:
    assert step() == Step(1)


def test_a_place_that_rests_is_skipped() -> None:
    assert step(ready=[True, False, True]) == Step(2)


def test_alone_it_waits_and_tries_again() -> None:
    assert step(ready=[True]) == Step(0, backoff(1))


def test_the_wait_asked_for_is_obeyed_up_to_the_most() -> None:
    asked = Failure(status=429, retryable=True, retry_after=7.0)
    assert step(asked, ready=[True]) == Step(0, 7.0)
    assert step(asked, ready=[True], max_wait=5.0) is None


def test_a_place_that_was_just_put_to_rest_is_not_tried_again() -> None:
    assert step(ready=[False], rest_left=15.0) is None
    asked = Failure(status=429, retryable=True, retry_after=7.0)
    assert step(asked, ready=[False], rest_left=6.9) == Step(0, 7.0)


def test_a_fault_of_the_request_is_tried_nowhere_else() -> None:
    assert step(Failure(status=400, retryable=False)) is None


def test_attempts_are_bounded() -> None:
    assert step(attempts=3) is None


def test_no_retry_without_budget_but_a_fallback_needs_none() -> None:
    assert step(ready=[True], may_retry=False) is None
    assert step(may_retry=False) == Step(1)


def test_a_stale_connection_is_replaced_at_once() -> None:
    assert step(Failure(status=None, retryable=True, stale=True), ready=[True]) == Step(0)


def test_the_budget_is_earned_by_requests() -> None:
    budget = RetryBudget(0.5)
    while budget.left:
        budget.spend()
    budget.earn()
    assert not budget.left
    budget.earn()
    assert budget.left
    assert not RetryBudget(0.0).left


@time_machine.travel(1_700_000_000, tick=False)
def test_retry_after_is_read_in_each_of_its_forms() -> None:
    date = formatdate(1_700_000_030, usegmt=True).encode()
    assert retry_after([(b"retry-after", b"3")]) == 3.0
    assert retry_after([(b"retry-after", b"9"), (b"retry-after-ms", b"1500")]) == 1.5
    assert retry_after([(b"retry-after", date)]) == 30.0
    assert retry_after([(b"retry-after", b"soon")]) is None
    assert retry_after([]) is None
    assert retry_after([(b"retry-after-ms", b"inf")]) is None
    assert retry_after([(b"retry-after", b"9" * 400)]) is None
    assert retry_after([(b"retry-after", b"99999999999")]) == 86_400
