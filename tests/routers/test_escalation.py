from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.exchange import Mode
from routers.conditions import (
    Condition,
    ConversationIn,
    HeaderIs,
    ImagesPresent,
    InputAtLeast,
    InputAtMost,
    KeyIs,
    ModelIs,
    SkillIs,
    ToolOffered,
    ToolsPresent,
    like,
)
from routers.escalation import Policy, Rule, why
from routers.features import Features

ASK = Features(
    "auto",
    input_tokens=5000,
    output_tokens=100,
    tools=("terminal", "read_file"),
    headers={"user-agent": "OpenAI/Python 3.52"},
    key="laptop",
    named_skill="code-review",
    conversation_mode=Mode.BURST,
)


@pytest.mark.parametrize(
    ("condition", "check"),
    [
        (ModelIs(("auto", "burst")), ("model", "auto or burst", "auto", True)),
        (ModelIs(("burst",)), ("model", "burst", "auto", False)),
        (ToolsPresent(True), ("tools", "some", "2", True)),
        (ToolsPresent(False), ("tools", "none", "2", False)),
        (ToolOffered(("x", "read_file")), ("tools", "x or read_file", "read_file", True)),
        (ToolOffered(("x",)), ("tools", "x", "2 others", False)),
        (InputAtLeast(5000), ("min_input_tokens", "5000", "5000", True)),
        (InputAtLeast(5001), ("min_input_tokens", "5001", "5000", False)),
        (InputAtMost(5000), ("max_input_tokens", "5000", "5000", True)),
        (InputAtMost(4999), ("max_input_tokens", "4999", "5000", False)),
        (
            HeaderIs("user-agent", "OpenAI/*"),
            ("header user-agent", "OpenAI/*", "OpenAI/Python 3.52", True),
        ),
        (HeaderIs("x-none", "a"), ("header x-none", "a", "absent", False)),
        (HeaderIs("x-none", False), ("header x-none", "absent", "absent", True)),
        (HeaderIs("user-agent", True), ("header user-agent", "present", "present", True)),
        (KeyIs(("laptop",)), ("key", "laptop", "laptop", True)),
        (SkillIs(("code*", "x")), ("skill", "code* or x", "code-review", True)),
        (ConversationIn((Mode.BURST,)), ("conversation_mode", "burst", "burst", True)),
        (ImagesPresent(True), ("images", "some", "none", False)),
    ],
)
def test_each_condition_says_what_it_wanted_what_it_found_and_whether_it_held(
    condition: Condition, check: tuple[str, str, str, bool]
) -> None:
    assert condition.check(ASK) == check


@pytest.mark.parametrize(
    "condition",
    [KeyIs(("a",)), ConversationIn((Mode.BURST,)), HeaderIs("h", "*")],
)
def test_what_is_unknown_matches_nothing(condition: Condition) -> None:
    unknown = Features("auto", input_tokens=1, output_tokens=1)
    *_, found, held = condition.check(unknown)
    assert not held
    assert found in {"none", "absent"}


@pytest.mark.parametrize(
    ("condition", "clause"),
    [
        (ModelIs(("auto",)), "the model asked for is `auto`"),
        (ToolsPresent(True), "2 tools are offered"),
        (ToolOffered(("read_file",)), "the tool `read_file` is offered"),
        (InputAtLeast(1000), "the prompt is about 5,000 tokens, 1,000 or more"),
        (InputAtMost(9000), "the prompt is about 5,000 tokens, 9,000 or fewer"),
        (HeaderIs("user-agent", "O*"), "header `user-agent` is `O*`"),
        (HeaderIs("x-b", False), "header `x-b` is absent"),
        (KeyIs(("laptop",)), "the key is `laptop`"),
        (SkillIs(("code*",)), "the skill is `code-review`"),
        (ConversationIn((Mode.BURST,)), "the conversation was last answered in burst"),
        (ImagesPresent(False), "no message holds an image"),
    ],
)
def test_each_condition_can_say_why_it_held(condition: Condition, clause: str) -> None:
    assert condition.because(ASK) == clause


def test_a_rule_says_all_its_conditions() -> None:
    rule = Rule("r", (ToolsPresent(False), InputAtMost(10)), Mode.RESTING)
    asked = replace(ASK, tools=(), input_tokens=4)
    said = "no tools are offered and the prompt is about 4 tokens, 10 or fewer"
    assert why(rule, asked) == said
    assert why(Rule("r"), asked) == "it always applies"


def test_a_trace_repeats_little_of_a_clients_own_text() -> None:
    long = replace(ASK, headers={"h": "x" * 10_000}, named_skill="y" * 10_000)
    for condition in (HeaderIs("h", "*"), SkillIs(("*",))):
        assert len(condition.check(long)[2]) <= 128


def test_a_policy_knows_which_headers_its_rules_test() -> None:
    rules = (
        Rule("a", (HeaderIs("x-a", True), ToolsPresent(True))),
        Rule("b", (HeaderIs("x-b", "c"),)),
    )
    assert Policy(Mode.RESTING, rules).headers == {"x-a", "x-b"}


@pytest.mark.parametrize(
    ("pattern", "text", "held"),
    [
        ("a", "a", True),
        ("a", "A", False),
        ("*", "", True),
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("a*c", "abc", True),
        ("a*c", "ac", True),
        ("ab*bc", "abc", False),
        ("a*b*c", "a-c-b", False),
        ("*b*", "abc", True),
        ("**", "abc", True),
        ("a.c", "abc", False),
    ],
)
def test_a_star_stands_for_any_run_of_characters(pattern: str, text: str, held: bool) -> None:
    assert like(pattern, text) is held


@settings(deadline=None)
@given(st.lists(st.text("ab", max_size=3), min_size=1, max_size=5), st.text("ab", max_size=8))
def test_a_pattern_matches_what_its_stars_are_filled_with(pieces: list[str], fill: str) -> None:
    assert like("*".join(pieces), fill.join(pieces))


def test_matching_stays_quick_on_hostile_text() -> None:
    assert not like("*a" * 40 + "*b", "a" * 100_000 + "c")
