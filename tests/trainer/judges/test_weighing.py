"""Medians, spread and majorities."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.stand_in_judge import rating
from trainer.judges.settings import JudgeSettings
from trainer.judges.verdicts import Choice, Rating
from trainer.judges.weighing import majority, preferred, weigh, winner

SETTINGS = JudgeSettings()


def rated(*overall: float) -> dict[str, Rating]:
    return {f"judge {n}": Rating(**rating(each)) for n, each in enumerate(overall)}


@pytest.mark.parametrize(
    ("overall", "standing"),
    [
        ((7,), "good"),
        ((6.9,), "middling"),
        ((4,), "bad"),
        ((4.1,), "middling"),
        ((3, 8, 7), "disputed"),
        ((4, 8, 7), "good"),
        ((8, 4), "middling"),
        ((1, 2, 5), "bad"),
        ((10, 5.9), "disputed"),
    ],
)
def test_the_median_decides_unless_the_judges_lie_too_far_apart(
    overall: tuple[float, ...], standing: str
) -> None:
    found = weigh(rated(*overall), SETTINGS)
    assert found is not None
    assert found.standing == standing
    assert found.medians["overall"] == median(overall)


def test_each_dimension_has_its_own_median() -> None:
    ratings = rated(8, 8, 8)
    ratings["judge 0"] = ratings["judge 0"].model_copy(update={"efficiency": 2.0})
    found = weigh(ratings, SETTINGS)
    assert found is not None
    assert found.medians["efficiency"] == 8
    assert found.sentence == "3 judges rate it 8 of 10: good"


def test_too_few_ratings_make_no_verdict() -> None:
    assert weigh({}, SETTINGS) is None
    assert weigh(rated(9), replace(SETTINGS, least_votes=2)) is None


@settings(max_examples=40)
@given(st.lists(st.floats(1, 10), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_it_does_not_matter_which_judge_said_what(overall: list[float], random: st.DrawFn) -> None:
    shuffled = list(overall)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = weigh(rated(*overall), SETTINGS), weigh(rated(*shuffled), SETTINGS)
    assert one is not None
    assert other is not None
    assert (one.standing, one.medians, one.spread) == (other.standing, other.medians, other.spread)


def test_more_than_half_of_the_votes_asked_for_decide_a_step() -> None:
    assert majority([1, 1, -1], 3) == 1
    assert majority([0, 0], 3) == 0
    assert majority([-1], 3) is None
    assert majority([1, -1, 0], 3) is None
    assert majority([1, 1, -1, -1], 4) is None
    assert majority([], 3) is None


ORDERS = {
    ("first", "second"): "one",
    ("second", "first"): "other",
    ("first", "first"): "alike",
    ("second", "second"): "alike",
    ("same", "same"): "alike",
    ("first", "same"): "alike",
}


@pytest.mark.parametrize(("said", "who"), ORDERS.items())
def test_a_preference_that_flips_with_the_order_is_none(said: tuple[str, str], who: str) -> None:
    straight, turned = (Choice.model_validate({"better": each}) for each in said)
    assert preferred(straight, turned) == who


def test_more_than_half_of_the_judges_decide_a_comparison() -> None:
    assert winner(["one"], 1) == "one"
    assert winner(["one", "other", "other"], 1) == "other"
    assert winner(["one", "other"], 1) == "alike"
    assert winner(["one", "alike", "alike"], 1) == "alike"
    assert winner(["one"], 2) is None
