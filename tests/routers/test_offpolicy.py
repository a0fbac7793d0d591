"""Off-policy estimates: right where they say so, and silent where nobody can know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routers.replay.direct import FOLDS, Cell, Direct, fold_of
from routers.replay.offpolicy import CLIP, GROUPS, TRIED, Logged, Model, corrected, estimate
from tests.support.logs import DRAWN, World

WAYS = st.sampled_from(["home", "cloud"])
OUTCOMES = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), WAYS, st.booleans()), min_size=1, max_size=40
)


def logged(
    group: str, taken: str, right: float, wanted: str | None = None, skill: str = "mail"
) -> Logged:
    return Logged(group, skill, taken, right, {taken: 1.0}, {wanted or taken: 1.0})


@settings(max_examples=40)
@given(OUTCOMES)
def test_under_the_same_policy_it_is_the_plain_mean(
    outcomes: list[tuple[str, str, bool]],
) -> None:
    rows = [logged(group, way, float(right)) for group, way, right in outcomes]
    drawn = [replace(row, chances=DRAWN, wanted=DRAWN) for row in rows]
    for each in (rows, drawn):
        found = estimate(each, replicates=20)
        assert (
            found.right == found.recorded == pytest.approx(sum(r.right for r in rows) / len(rows))
        )
        assert found.changed == 0
        assert found.gain in (None, (0.0, 0.0))


@pytest.mark.parametrize("drawn", [True, False])
def test_nine_of_ten_intervals_and_more_hold_the_truth(drawn: bool) -> None:
    held = 0
    for seed in range(30):
        world = World.of(seed)
        found = estimate(world.log(seed, 100, drawn=drawn), 50)
        assert found.interval is not None
        held += found.interval[0] <= world.truth <= found.interval[1]
    assert held >= 26  # 28.5 are expected at 95 %; fewer than 26 have a chance of 1 in 60


def told(right: Mapping[Cell, float]) -> Model:
    """A model that says this, whatever it is asked for."""

    def say(fold: int, cell: Cell) -> float:
        return right[cell]

    return say


def mean_error(model: float | None, chances: dict[str, float]) -> float:
    """Over many logs: how far the estimate is off on average. `model` None is the true one."""
    errors: list[float] = []
    for seed in range(40):
        world = World.of(seed)
        rows = [replace(row, chances=chances) for row in world.log(seed, 200)]
        said = world.right if model is None else dict.fromkeys(world.right, model)
        skills = [world.right[row.skill, world.better(row.skill)] for row in rows]
        errors.append(corrected(rows, told(said)) - sum(skills) / len(skills))
    return sum(errors) / len(errors)


def test_a_wrong_model_does_no_harm_where_the_chances_are_right() -> None:
    assert mean_error(0.1, DRAWN) == pytest.approx(0.0, abs=0.025)


def test_wrong_chances_do_no_harm_where_the_model_is_right() -> None:
    assert mean_error(None, {"home": 0.8, "cloud": 0.2}) == pytest.approx(0.0, abs=0.025)


def test_where_both_are_wrong_so_is_the_estimate() -> None:
    assert abs(mean_error(0.1, {"home": 0.8, "cloud": 0.2})) > 0.1


def test_what_was_never_tried_is_bounded_and_gets_no_number() -> None:
    rows = [logged(f"c{n}", "cloud", 1.0, "home" if n < 25 else None) for n in range(100)]
    found = estimate(rows)
    assert found.right is None
    assert (found.least, found.most) == pytest.approx((0.75, 1.0))
    assert (found.unsupported, found.changed) == (25, 25)
    assert found.interval is not None
    assert found.interval[0] < 0.75
    assert found.interval[1] == 1.0


def test_a_way_that_was_tried_on_the_skill_has_support_and_on_another_has_none() -> None:
    asked = [logged(f"c{n}", "cloud", 1.0, "home") for n in range(10)]
    tried = [logged(f"d{n}", "home", float(n % 2)) for n in range(8 * TRIED)]
    found = estimate([*asked, *tried], 20)
    assert found.right == pytest.approx((10 * 0.5 + 4 * TRIED) / (10 + 8 * TRIED), abs=0.02)
    elsewhere = [replace(row, skill="code") for row in tried]
    assert estimate([*asked, *elsewhere], 20).unsupported == 10


def test_what_was_believed_beforehand_is_taken_in_place_of_the_model() -> None:
    row = replace(logged("c", "cloud", 1.0, "home"), beliefs={"home": 0.25})
    assert estimate([row]).right == pytest.approx(0.25)


def test_weights_are_cut_and_it_is_said_how_many() -> None:
    rare = {"home": 0.01, "cloud": 0.99}
    rows = [
        Logged(f"c{n}", "mail", "home" if n == 0 else "cloud", 1.0, rare, {"home": 1.0})
        for n in range(50)
    ]
    assert estimate(rows).clipped == 1
    assert corrected(rows, told({("mail", way): 0.0 for way in rare})) == pytest.approx(CLIP / 50)


def test_a_few_conversations_have_no_interval_and_all_alike_have_no_certainty() -> None:
    rows = [logged(f"c{n % (GROUPS - 1)}", "home", 1.0) for n in range(90)]
    assert estimate(rows).interval is None
    rows.append(logged("another", "home", 1.0))
    assert estimate(rows).interval == pytest.approx((1.0 - 3.0 / GROUPS, 1.0))


def test_a_difference_of_two_policies_is_estimated_as_one() -> None:
    wanted = {"cloud": 1.0, "home": -1.0}
    rows = [replace(logged(f"c{n}", "cloud", 1.0), wanted=wanted) for n in range(20)]
    found = estimate(rows, 20)
    assert (found.least, found.most, found.unsupported) == (0.0, 1.0, 20.0)
    tried = [replace(logged(f"d{n}", "home", float(n % 4 > 0)), wanted={}) for n in range(400)]
    known = estimate([*rows, *tried], 20)
    assert known.least == known.most == pytest.approx(20 * 0.25 / 420, abs=0.005)


@settings(max_examples=40)
@given(OUTCOMES, st.sampled_from("abcdefgh"))
def test_no_conversation_foretells_itself(
    outcomes: list[tuple[str, str, bool]], group: str
) -> None:
    def said(flipped: bool) -> list[float]:
        direct = Direct()
        for each, way, right in outcomes:
            came = float(right is not flipped) if each == group else float(right)
            direct.add(fold_of(each), {("mail", way): (came, 1.0)})
        return [direct(fold_of(group), ("mail", way)) for way in ("home", "cloud")]

    assert said(flipped=False) == said(flipped=True)
    assert 0 <= fold_of(group) < FOLDS
