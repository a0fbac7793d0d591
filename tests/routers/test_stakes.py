from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from routers.brain import Brain
from routers.cascade import Step
from routers.stakes import Stakes


@given(st.lists(st.floats(0.0, 1.0), max_size=200), st.floats(0.001, 0.1))
def test_what_is_staked_stays_within_the_loss_allowed(stakes: list[float], most: float) -> None:
    held = Stakes()
    taken = 0.0
    for number, stake in enumerate(stakes, 1):
        takes = held.affords(stake, most)
        taken += stake if takes else 0.0
        held = held.plus(stake if takes else 0.0)
        assert taken <= most * number


def test_nothing_is_staked_before_anything_was_seen() -> None:
    assert not Stakes().affords(0.01, 0.01)
    assert not Stakes().explores(0.01, 0.01)


def told(brain: Brain, text: str) -> Step:
    """One request that the cloud always fails, and home, too."""
    settled = brain.settle(brain.sight(text, None, 0), {}, None)
    step = settled.verdict.step
    who = "active" if step is Step.ACCEPT else "burst"
    brain.came_of(settled, who, float(who == "burst" and text != "hopeless"))
    brain.meet(text)
    return step


def test_what_the_cloud_failed_at_again_and_again_stays_home_and_nothing_else_does() -> None:
    brain = Brain(("active",), "burst", seed=3)
    steps = [
        (told(brain, "hopeless"), *(told(brain, f"task {number} {n}") for n in range(12)))
        for number in range(30)
    ]
    assert {one[0] for one in steps[:3]} == {Step.ESCALATE}
    assert sum(one[0] is Step.ACCEPT for one in steps[10:]) >= 15
    home = sum(step is Step.ACCEPT for one in steps for step in one[1:])
    assert home <= 0.02 * 12 * 30
