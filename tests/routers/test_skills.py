from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.conditions import SkillIs
from routers.features import Features

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
