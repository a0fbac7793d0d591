from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from routers.following import Following


def seen(count: int, *, right: float, same_right: float, same_wrong: float, seed: int) -> Following:
    """Comparisons where replies are right, and say the same, as often as this."""
    draws, held = random.Random(seed), Following()
    for _ in range(count):
        good = draws.random() < right
        same = draws.random() < (same_right if good else same_wrong)
        held = held.plus(same, float(good))
    return held


def test_replies_that_agree_where_the_cloud_is_right_show_it() -> None:
    shown = [seen(150, right=0.85, same_right=0.7, same_wrong=0.2, seed=n).shown for n in range(20)]
    assert sum(shown) >= 18


def test_outcomes_that_ignore_replies_are_not_taken_to_follow_them() -> None:
    shown = [seen(150, right=0.85, same_right=0.6, same_wrong=0.6, seed=n).shown for n in range(20)]
    assert sum(shown) <= 1


def test_a_cloud_that_is_never_wrong_is_not_asked_for_evidence() -> None:
    assert Following().shown
    assert seen(300, right=1.0, same_right=0.6, same_wrong=0.0, seed=1).shown


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_agreement_that_is_no_oftener_on_what_is_right_is_no_evidence(
    found: list[tuple[bool, bool]],
) -> None:
    held = Following()
    for same, right in [*found, *((same, not right) for same, right in found), (True, False)]:
        held = held.plus(same, float(right))
    assert held.odds <= 0.5
    assert not (held.same_wrong + held.other_wrong >= 4 and held.shown)
