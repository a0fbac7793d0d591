from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.conditions import SkillIs
from routers.features import Features
from routers.skills import spoken

names = st.lists(st.text(max_size=12), min_size=2, max_size=6, unique=True)


def asking(tools: tuple[str, ...] = (), skill: str | None = None) -> Features:
    return Features("auto", 10, None, tools=tools, named_skill=skill)


@pytest.mark.parametrize(
    ("features", "skill"),
    [
        (asking(), "chat"),
        (asking(("get_weather",)), "tool:get_weather"),
        (asking(("get_weather", "get_weather")), "tool:get_weather"),
        (asking(("get_weather",), "finance/rent"), "finance/rent"),
    ],
)
def test_the_clients_word_counts_first_and_then_the_tools(features: Features, skill: str) -> None:
    assert features.skill == skill


@given(names.map(tuple) | st.just(()), st.none() | st.text(max_size=200))
def test_a_rule_copied_from_an_explanation_holds(tools: tuple[str, ...], named: str | None) -> None:
    features = asking(tools, named)
    assert SkillIs((features.skill,)).check(features)[3]
    assert features.skill in SkillIs(("nothing",)).check(features)


def test_several_tools_are_named_by_the_first_how_many_others_and_a_hash() -> None:
    assert asking(("write", "read", "run")).skill == "tools:read+2-f2c646"


@given(names, st.randoms())
def test_the_order_of_the_tools_says_nothing(tools: list[str], random: object) -> None:
    shuffled = sorted(tools, key=lambda name: (hash((name, str(random))), name))
    assert asking(tuple(tools)).skill == asking(tuple(shuffled)).skill


@given(names, st.text(max_size=12))
def test_another_set_of_tools_is_another_skill(tools: list[str], further: str) -> None:
    if further not in tools:
        assert asking((*tools, further)).skill != asking(tuple(tools)).skill


def test_a_skill_stays_short_whatever_a_client_calls_its_tools() -> None:
    long = "x" * 10_000
    for features in (asking((long,)), asking((long, "y" * 10_000)), asking(skill=long)):
        assert len(features.skill) <= 128


def test_a_tools_name_may_be_any_text() -> None:
    assert asking(("\ud800", "é\n")).skill.startswith("tools:")


def said(text: object) -> dict[str, object]:
    return {"role": "user", "content": text}


def viewing(name: str) -> dict[str, object]:
    function = {"name": "skill_view", "arguments": f'{{"name": "{name}"}}'}
    return {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "function": function}]}


TOLD = {"role": "tool", "tool_call_id": "1", "content": "{}"}
SYSTEM = {
    "role": "system",
    "content": "You are Hermes.\n<available_skills>\n  devops:\n    - tidy: Tidies up\n"
    "</available_skills>",
}
STARTED = {
    "role": "system",
    "content": "You are Hermes.\n\n[IMPORTANT: The user launched this CLI session with the "
    '"deploy" skill preloaded. Treat its instructions as active guidance.]',
}


@pytest.mark.parametrize(
    ("messages", "skill"),
    [
        ([SYSTEM, said("/tidy the shed")], "tidy"),
        ([SYSTEM, said("/tmp is full")], None),
        ([SYSTEM, said("/tidying up")], None),
        ([said("/tidy the shed")], None),
        ([said('[IMPORTANT: The user has invoked the "a b" skill bundle, loading 2')], "a b"),
        ([said('[IMPORTANT: The "forum" skill is auto-loaded. Follow')], "forum"),
        (
            [said([{"type": "text", "text": '[IMPORTANT: The "forum" skill is auto-loaded.'}])],
            "forum",
        ),
        ([STARTED, said("hello")], "deploy"),
        ([STARTED, said("hello"), viewing("tidy"), TOLD], "tidy"),
        ([STARTED, said("hello"), viewing("tidy"), TOLD, said("And now?")], "deploy"),
        (
            [said("Go"), viewing("tidy"), TOLD, said("[System: The previous response was cut off")],
            "tidy",
        ),
        (
            [said("Go"), viewing("tidy"), TOLD, said("Review the conversation above and update")],
            None,
        ),
        (
            [
                {
                    "role": "system",
                    "content": 'x [IMPORTANT: The user launched this CLI session with the "',
                }
            ],
            None,
        ),
    ],
)
def test_hermes_shows_which_skill_is_in_use(
    messages: list[dict[str, object]], skill: str | None
) -> None:
    assert spoken(messages) == skill


def test_a_long_tool_loop_is_not_read_to_its_beginning() -> None:
    steps = [{"role": "assistant", "tool_calls": [{"function": {"name": "ls"}}]}, TOLD] * 200
    assert spoken([said("/tidy"), viewing("tidy"), TOLD, *steps]) is None
    assert spoken([said("/tidy"), viewing("tidy"), TOLD, *steps[:100]]) == "tidy"
