from __future__ import annotations

from trainer.gate import Compared, decide
from trainer.settings import TrainingSettings

SETTINGS = TrainingSettings()


def skill(
    name: str,
    of: int,
    candidate: int,
    incumbent: int,
    base: int | None = None,
    *,
    base_skill: bool = False,
) -> list[Compared]:
    base = incumbent if base is None else base
    return [Compared(name, base_skill, n < candidate, n < incumbent, n < base) for n in range(of)]


def test_a_candidate_that_learned_and_forgot_nothing_passes_with_its_figures() -> None:
    compared = [*skill("known", 20, 19, 19, base_skill=True), *skill("tool:new", 10, 9, 0)]
    result = decide(compared, "before", SETTINGS, 5.0)
    assert result.passed
    assert (result.at, result.incumbent) == (5.0, "before")
    assert result.reasons == (
        "captured skills: 9 of 10 right, the incumbent 0",
        "base skills: 19 of 20 right, the incumbent 19",
    )
    figures = [(f.skill, f.of, f.candidate, f.incumbent, f.base_skill) for f in result.skills]
    assert figures == [("tool:new", 10, 9, 0, False), ("known", 20, 19, 19, True)]


def test_one_that_forgot_what_the_base_could_do_is_rejected_however_much_it_learned() -> None:
    compared = [*skill("known", 20, 18, 18, 20, base_skill=True), *skill("tool:new", 50, 50, 0)]
    result = decide(compared, None, SETTINGS, 0)
    assert not result.passed
    assert result.reasons == ("base skills fell from 100 % to 90 %, more than 5 points",)


def test_a_drop_within_the_limit_passes() -> None:
    compared = [*skill("known", 20, 19, 20, base_skill=True), *skill("tool:new", 10, 9, 0)]
    assert decide(compared, None, SETTINGS, 0).passed


def test_one_worse_than_the_incumbent_on_a_major_skill_is_rejected() -> None:
    compared = [*skill("tool:old", 10, 5, 10), *skill("tool:new", 10, 9, 0)]
    assert decide(compared, None, SETTINGS, 0).reasons == (
        "tool:old fell from 10 to 5 of 10 right",
    )


def test_a_fall_that_gains_nearly_as_much_as_it_loses_is_luck() -> None:
    new = skill("tool:new", 10, 9, 0)
    lost = [Compared("tool:old", False, False, True, True)] * 6
    gained = [Compared("tool:old", False, True, False, True)]
    kept = [Compared("tool:old", False, True, True, True)] * 6
    assert decide([*lost, *gained * 3, *kept, *new], None, SETTINGS, 0).passed
    assert not decide([*lost, *kept, *new], None, SETTINGS, 0).passed


def test_a_few_requests_more_or_less_and_minor_skills_decide_nothing() -> None:
    compared = [
        *skill("tool:known", 6, 2, 6, 6, base_skill=True),
        *skill("known", 200, 200, 200, base_skill=True),
        *skill("tool:old", 10, 6, 10),
        *skill("tool:rare", 4, 0, 4),
        *skill("tool:new", 20, 19, 0),
    ]
    assert decide(compared, None, SETTINGS, 0).passed


def test_one_worse_overall_is_rejected() -> None:
    result = decide(skill("tool:old", 20, 18, 19), "before", SETTINGS, 0)
    assert not result.passed
    assert result.reasons == (
        "it is worse than the incumbent overall: captured skills: 18 of 20 right, the incumbent 19",
    )


def test_captured_and_base_skills_weigh_alike_however_many_there_are_of_each() -> None:
    known = skill("known", 200, 192, 200, base_skill=True)
    assert decide([*known, *skill("tool:new", 20, 5, 4)], None, SETTINGS, 0).passed
    assert not decide([*known, *skill("tool:new", 50, 5, 4)], None, SETTINGS, 0).passed


def test_one_as_good_as_the_incumbent_passes() -> None:
    assert decide(skill("tool:old", 20, 18, 18), "before", SETTINGS, 0).passed


def test_one_that_nothing_can_judge_is_rejected() -> None:
    result = decide([], None, SETTINGS, 0)
    assert not result.passed
    assert result.reasons == ("there is nothing held out to judge it by",)
