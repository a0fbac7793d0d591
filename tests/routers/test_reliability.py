"""Whether probabilities come true."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routers.replay.reliability import Foretold, reliability, wilson


def told(count: int, *, beyond: float = 0.0, seed: int = 0) -> list[Foretold]:
    """Replies whose probabilities are right, or too high by so much."""
    rng = random.Random(seed)
    made: list[Foretold] = []
    for n in range(count):
        p = rng.uniform(0.2, 0.95)
        made.append(Foretold(f"c{n // 2}", p, float(rng.random() < p - beyond)))
    return made


def test_right_probabilities_have_no_more_error_than_chance_makes() -> None:
    found = reliability(told(1_000), 100)
    assert found.interval is not None
    assert found.error < 2.0 * found.by_chance
    assert sum(each.true for each in found.bins) >= len(found.bins) - 1


def test_too_high_probabilities_are_found_out() -> None:
    found = reliability(told(1_000, beyond=0.15), 100)
    assert found.interval is not None
    assert found.interval[0] > found.by_chance
    assert found.error == pytest.approx(0.15, abs=0.04)
    assert not all(each.true for each in found.bins)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=50))
def test_every_reply_is_in_one_tenth(made: list[tuple[float, bool]]) -> None:
    rows = [Foretold(str(n), p, float(right)) for n, (p, right) in enumerate(made)]
    found = reliability(rows, 5)
    assert sum(each.of for each in found.bins) == found.of == len(rows)
    assert 0.0 <= found.error <= 1.0
    for each in found.bins:
        assert each.interval[0] - 1e-9 <= each.right <= each.interval[1] + 1e-9
        assert each.least - 1e-9 <= each.predicted <= each.least + 0.1 + 1e-9


def test_an_interval_of_a_share_narrows_and_holds_nothing_for_sure() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(10, 10)
    assert (low < 0.8, high) == (True, pytest.approx(1.0))
    assert wilson(1_000, 1_000)[0] > 0.99
