"""The demo's plan: later weeks say what nobody said before; the stand-in understands it all."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from capture.messages import ContentPart, Message, ToolCall
from capture.provenance import USUAL, read, spans
from scripts.demo import phrases, skills, values, weeks
from scripts.demo.weeks import Request
from trainer.house.data import DISTRACTORS
from trainer.house.skills import SKILLS as BASE_SKILLS

SEEDS = (1, 2, 3)
PER_SKILL = 20


@pytest.fixture(params=SEEDS)
def plan(request: pytest.FixtureRequest) -> tuple[tuple[Request, ...], ...]:
    return weeks.plan(request.param, PER_SKILL)


def open_values(week: tuple[Request, ...]) -> set[str]:
    actions = {action.name: action for skill in skills.SKILLS for action in skill.actions}
    return {
        request.call["arguments"][argument.name]
        for request in week
        for argument in actions[request.action].arguments
        if argument.kind in values.OPEN
    }


def test_no_wording_is_said_in_two_weeks(plan: tuple[tuple[Request, ...], ...]) -> None:
    said = [{(request.action, request.wording) for request in week} for week in plan]
    assert all(not one & other for one, other in combinations(said, 2))


def test_no_open_value_is_said_in_two_weeks(plan: tuple[tuple[Request, ...], ...]) -> None:
    said = [open_values(week) for week in plan]
    assert all(said)
    assert all(not one & other for one, other in combinations(said, 2))


def test_every_later_week_uses_productions_that_nobody_used_before(
    plan: tuple[tuple[Request, ...], ...],
) -> None:
    assert all(any(request.fresh for request in week) for week in plan)
    assert any(not request.fresh for request in plan[-1])


def test_every_week_asks_for_every_skill_equally(plan: tuple[tuple[Request, ...], ...]) -> None:
    assert len(skills.SKILLS) >= 4
    for week in plan:
        asked = [request.skill for request in week]
        assert {asked.count(skill.name) for skill in skills.SKILLS} == {PER_SKILL}


def test_a_seed_says_everything() -> None:
    assert weeks.plan(5, 6) == weeks.plan(5, 6)
    assert weeks.plan(5, 6) != weeks.plan(6, 6)


def test_the_rule_gives_the_right_call_for_any_phrasing(
    plan: tuple[tuple[Request, ...], ...],
) -> None:
    for request in (request for week in plan for request in week):
        offered = [tool["function"]["name"] for tool in request.tools]
        understood = skills.understand(request.text, offered)
        assert understood is not None, request.text
        assert understood[1] == request.call, request.text


def test_the_house_model_was_never_trained_on_these_tools() -> None:
    trained = {name for skill in BASE_SKILLS for name in (skill.name, *skill.tools)}
    trained |= {name for name, _ in DISTRACTORS}
    new = {action.tool for skill in skills.SKILLS for action in skill.actions}
    assert not new & trained


def test_a_production_lists_each_of_its_wordings_once() -> None:
    assert phrases.wordings("(a|b) [the] {x}, (c|d [e])") == (
        "a {x}, c",
        "a {x}, d",
        "a {x}, d e",
        "a the {x}, c",
        "a the {x}, d",
        "a the {x}, d e",
        "b {x}, c",
        "b {x}, d",
        "b {x}, d e",
        "b the {x}, c",
        "b the {x}, d",
        "b the {x}, d e",
    )


def test_every_wording_of_every_production_matches_its_own_pattern() -> None:
    for action in (action for skill in skills.SKILLS for action in skill.actions):
        given = {slot: "{" + slot + "}" for slot, _ in action.kinds()}
        kinds = tuple((slot, r"\{" + slot + r"\}") for slot in given)
        for production in action.productions:
            pattern = phrases.pattern(production, kinds)
            for wording in phrases.wordings(production):
                assert pattern.fullmatch(wording), wording


def test_nothing_a_tool_of_the_household_says_is_text_from_outside(
    plan: tuple[tuple[Request, ...], ...],
) -> None:
    for asked in (request for week in plan for request in week):
        call = ToolCall("call_1", asked.call["name"], json.dumps(asked.call["arguments"]))
        answered = ContentPart("text", asked.result)
        messages = (
            Message("assistant", tool_calls=(call,)),
            Message("tool", (answered,), tool_call_id="call_1"),
        )
        (_, result) = spans([read(each) for each in messages], USUAL, lambda _: "claude")
        assert result.trusted, result.why
