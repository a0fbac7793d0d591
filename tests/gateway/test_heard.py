"""What was said lately is known, and nobody says too much of it."""

from __future__ import annotations

import pytest

from capture.framing import Position
from capture.ids import new_id
from gateway.errors import RateLimited
from gateway.heard import AT_ONCE, PER_SECOND, Heard, Taken
from tests.support.sayings import said


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_speaker_may_say_so_much_at_once_and_then_so_much_a_second() -> None:
    clock = Clock()
    heard = Heard(clock)
    for _ in range(AT_ONCE):
        heard.allow("hermes")
    with pytest.raises(RateLimited) as refused:
        heard.allow("hermes")
    assert refused.value.retry_after == pytest.approx(1 / PER_SECOND)
    heard.allow("laptop")
    heard.allow(None)
    clock.now += 2 / PER_SECOND
    heard.allow("hermes")
    heard.allow("hermes")
    with pytest.raises(RateLimited):
        heard.allow("hermes")
    clock.now += 1e9
    for _ in range(AT_ONCE):
        heard.allow("hermes")
    with pytest.raises(RateLimited):
        heard.allow("hermes")


def test_what_is_remembered_is_bounded_and_the_newest_of_it() -> None:
    heard = Heard()
    id_ = new_id()
    for number in range(1500):
        heard.remember(Taken(said(id_, idempotency_key=str(number)), Position(1, number)))
        heard.remember(Taken(said(id_), Position(1, number)))
    assert heard.find("laptop", "499") is None
    kept = heard.find("laptop", "500")
    assert kept is not None
    assert kept.position == Position(1, 500)
    assert heard.find("phone", "1499") is None
    heard.forget(kept)
    assert heard.find("laptop", "500") is None
