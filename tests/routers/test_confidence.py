from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routers.agreement import Agreement
from routers.confidence import Confidence, Sight
from routers.logistic import Logistic, sigmoid

SAME = Agreement(True, 1.0, "they say the same")
OTHER = Agreement(False, 0.0, "they differ")


def sight(skill: str = "mail", **figures: float) -> Sight:
    return Sight((skill, None, None), figures)


def household() -> Confidence:
    return Confidence(("resting", "active"), "burst")


def test_before_anything_is_known_the_cloud_is_a_little_better() -> None:
    told = household().estimate(sight())
    assert 0.0 < told.benefit < 0.3
    assert told.spread > 0.1
    assert told.best == "active"


def test_agreement_of_two_models_speaks_for_home_from_the_start() -> None:
    home = household()
    assert (
        home.estimate(sight(agree=1.0)).benefit
        < home.estimate(sight()).benefit
        < home.estimate(sight(agree=-1.0)).benefit
    )


def test_where_both_fail_nothing_is_gained_by_leaving_home() -> None:
    home = household()
    for _ in range(60):
        for who in ("resting", "active", "burst"):
            home.learn(sight("hopeless"), who, 0.0)
        home.learn(sight("hired"), "active", 0.0)
        home.learn(sight("hired"), "burst", 1.0)
    assert abs(home.estimate(sight("hopeless")).benefit) < 0.15
    assert home.estimate(sight("hired")).benefit > 0.5


def test_a_reply_that_says_the_same_as_the_clouds_is_as_right() -> None:
    home = household()
    before = home.estimate(sight()).home["active"]
    home.compare(sight(), "active", SAME, 1.0)
    up = home.estimate(sight()).home["active"]
    home.compare(sight(), "active", OTHER, 1.0)
    assert up > before
    assert home.estimate(sight()).home["active"] < up


def test_what_cannot_be_compared_teaches_nothing() -> None:
    home = household()
    before = home.estimate(sight())
    home.compare(sight(), "active", Agreement(False, 0.2, "free text", comparable=False), 1.0)
    assert home.estimate(sight()) == before


def test_history_of_a_changed_model_counts_for_less_but_is_not_gone() -> None:
    home, fresh = household(), household().estimate(sight()).home["active"]
    for _ in range(40):
        home.learn(sight(), "active", 1.0)
    known = home.estimate(sight())
    home.changed("active", 0.1)
    after = home.estimate(sight())
    assert fresh < after.home["active"] <= known.home["active"]
    assert after.spread > known.spread


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.booleans()), max_size=40))
def test_the_more_is_learned_the_less_is_unsure(rows: list[tuple[float, float, bool]]) -> None:
    model = Logistic({}, 1.0)
    unsure = math.inf
    for one, two, right in rows:
        model.learn({"one": one, "two": two}, float(right))
        _, variance = model.at({"one": 1.0, "two": 1.0})
        assert 0.0 <= variance <= unsure + 1e-9
        unsure = variance


def test_a_line_is_learned_and_correlated_figures_share_it() -> None:
    model = Logistic({}, 1.0)
    for number in range(400):
        figure = (number % 21 - 10) / 10.0
        model.learn({"one": 1.0, "told": figure, "again": figure}, float(figure > 0.0))
    assert sigmoid(model.at({"one": 1.0, "told": 0.8, "again": 0.8})[0]) > 0.9
    assert sigmoid(model.at({"one": 1.0, "told": -0.8, "again": -0.8})[0]) < 0.1
    assert model.weight("told") == pytest.approx(model.weight("again"), rel=0.01)
