from __future__ import annotations

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from routers.audit import Control, Limits, Verdict, audited, came, counted, health, restored, stored
from routers.rates import Rates

LIMITS = Limits()


def served(control: Control, requests: int, home: float, cloud: float, seed: int) -> Control:
    """Replies that always say the same, while outcomes differ all the same."""
    draws = random.Random(seed)
    for _ in range(requests):
        now = health(control, LIMITS)
        control = counted(control, True)
        right = draws.random() < (home if now.accept else cloud)
        control = came(control, now.accept, float(right), 1.0, LIMITS)
        control = audited(control, Verdict(0.0, 0.0), LIMITS)
    return control


def test_outcomes_overrule_replies_that_say_the_same() -> None:
    assert all(served(Control(), 400, 0.6, 0.95, seed).stage > 1 for seed in range(10))


def test_equal_outcomes_leave_a_stage_in_peace() -> None:
    stages = [served(Control(), 400, 0.95, 0.95, seed).stage for seed in range(20)]
    assert sum(stage == 1 for stage in stages) >= 17


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 1.0)), max_size=60))
def test_a_right_reply_of_homes_never_puts_it_further_behind(
    found: list[tuple[bool, float]],
) -> None:
    rates = Rates()
    for home, right in found:
        rates = rates.plus(home, right)
    assert rates.plus(True, 1.0).behind(0.0) <= rates.behind(0.0) + 0.01
    assert -1.0 < rates.behind(0.0) < 1.0


def test_outcomes_are_stored_with_the_control_and_older_ones_are_read_without() -> None:
    control = served(Control(), 40, 0.9, 0.9, 1)
    held = json.loads(json.dumps(stored(control)))
    assert restored(held) == control
    del held["came"]
    assert restored(held).came == Rates()
