from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.messages import ContentPart, Message, ToolCall
from routers.agreement import Agreement, agree, lineage
from routers.checks import Asked

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "default": 1},
        "unit": {"type": "string", "description": "The unit. Default is 'metric'."},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
    },
    "required": ["city"],
}
TOOLS: list[Any] = [{"type": "function", "function": {"name": "weather.get", "parameters": SCHEMA}}]
ASKED = Asked([{"role": "user", "content": "Weather in Oslo and Lima?"}], TOOLS)
HOW_MANY = Asked([{"role": "user", "content": "How many eggs are left?"}])


def calls(*arguments: dict[str, Any], name: str = "weather.get") -> Message:
    made = (ToolCall("", name, json.dumps(held)) for held in arguments)
    return Message("assistant", (), tuple(made))


def says(text: str) -> Message:
    return Message("assistant", (ContentPart("text", text),))


OSLO = {"city": "Oslo"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (calls(OSLO), calls(OSLO, name="weather_get")),
        (calls(OSLO), calls({"city": " oslo. "})),
        (calls(OSLO), calls({"city": "Oslo", "days": 1, "unit": "metric", "note": None})),
        (calls({**OSLO, "days": 2}), calls({"days": 2.0, **OSLO})),
        (calls(OSLO, {"city": "Lima"}), calls({"city": "Lima"}, OSLO)),
        (calls({**OSLO, "tags": ["a", "b"]}), calls({**OSLO, "tags": ["b", "a"]})),
        (calls({"city": "Austin, Texas"}), calls({"city": "Austin, TX"})),
    ],
)
def test_calls_that_do_the_same_are_the_same(one: Message, other: Message) -> None:
    found = agree(ASKED, one, other)
    assert found.same
    assert found.score == 1.0
    assert found.comparable


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (calls(OSLO), calls({"city": "Lima"})),
        (calls(OSLO), calls({"city": "Oslo", "days": 2})),
        (calls(OSLO), calls({"city": "Oslo", "note": "x"})),
        (calls(OSLO), calls(OSLO, name="weather.set")),
        (calls(OSLO), calls(OSLO, OSLO)),
        (calls(OSLO), says("It is cold in Oslo.")),
        (calls({**OSLO, "tags": [1, 2]}), calls({**OSLO, "tags": [2, 1]})),
        (calls({**OSLO, "note": True}), calls({**OSLO, "note": 1})),
        (calls({**OSLO, "note": "1.5"}), calls({**OSLO, "note": "15"})),
    ],
)
def test_calls_that_do_something_else_are_not(one: Message, other: Message) -> None:
    found = agree(ASKED, one, other)
    assert not found.same
    assert found.score < 1.0
    assert found.comparable


def test_a_required_argument_is_never_taken_for_its_default() -> None:
    schema = {"properties": {"n": {"default": 1}}, "required": ["n"]}
    asked = Asked([], [{"type": "function", "function": {"name": "t", "parameters": schema}}])
    assert not agree(asked, calls({"n": 1}, name="t"), calls({}, name="t")).same


def test_the_score_says_how_much_is_the_same() -> None:
    both = calls(OSLO, {"city": "Lima", "days": 4})
    near = agree(ASKED, both, calls(OSLO, {"city": "Lima", "days": 5}))
    half = agree(ASKED, both, calls(OSLO))
    none = agree(ASKED, both, calls({"to": 1}, name="send"))
    assert 1.0 > near.score > half.score > none.score == 0.0


def test_the_verdict_does_not_repeat_what_was_said() -> None:
    assert agree(ASKED, calls(OSLO), calls({"city": "Lima"})).text == (
        "they give the same tools different arguments"
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("5 and 4 make 9.\n#### 9", "She has 9 eggs left.", True),
        ("\\boxed{1,000}", "The answer is 1000.", True),
        ("#### 9", "#### 8", False),
        ("nine of them", "The answer is 9", False),
    ],
)
def test_texts_are_compared_by_the_number_asked_for(one: str, other: str, same: bool) -> None:
    found = agree(HOW_MANY, says(one), says(other))
    assert (found.same, found.comparable) == (same, True)


def test_letters_of_a_choice_are_compared() -> None:
    asked = Asked([{"role": "user", "content": "Which?\nA. one\nB. two\nAnswer:"}])
    assert agree(asked, says("B"), says("(B) two, since it is more.")).same
    assert not agree(asked, says("B"), says("A")).same


def test_short_texts_are_compared_word_for_word() -> None:
    asked = Asked([{"role": "user", "content": "Capital of Norway?"}])
    assert agree(asked, says("Oslo."), says(" oslo")).same
    other = agree(asked, says("Oslo."), says("Bergen"))
    assert (other.same, other.comparable) == (False, True)


def test_free_text_cannot_be_compared_and_says_so() -> None:
    asked = Asked([{"role": "user", "content": "Tell me of Oslo."}])
    essay = "It lies at the head of a fjord, and its ships went out to many lands."
    other = "The town is old. Kings built it, fires took it, and people built it anew."
    found = agree(asked, says(essay), says(other))
    assert not found.same
    assert not found.comparable
    assert agree(asked, says(essay), says(essay)) == Agreement(True, 1.0, "both say the same")


def test_two_that_decline_to_call_a_tool_agree() -> None:
    one, other = says("\n[]"), says("None of the provided functions can do that.")
    assert agree(ASKED, one, other).same
    found = agree(ASKED, one, says("One would first have to know where and when that was."))
    assert (found.same, found.comparable) == (False, False)


@pytest.mark.parametrize(
    ("one", "other", "family"),
    [
        ("meta-llama/Llama-3-8B-Instruct", "llama-3.2-1b-instruct-q4.gguf", "llama"),
        ("Qwen/Qwen3-14B", "mlx-community/qwen3-8b-4bit", "qwen"),
        ("hermes-2-pro-mistral-7b", "Mistral-Nemo-Instruct", "mistral"),
        ("Hermes-2-Pro-8B", "xLAM-1b-fc-r", None),
        ("org/model-8b-instruct", "org/model-1b-instruct", None),
    ],
)
def test_a_shared_family_is_seen_by_name(one: str, other: str, family: str | None) -> None:
    assert lineage(one, other) == family


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
replies = st.builds(
    Message,
    st.just("assistant"),
    st.text(max_size=40).map(lambda text: (ContentPart("text", text),)),
    st.lists(
        st.builds(
            ToolCall,
            st.just(""),
            st.sampled_from(["t", "u.v"]),
            st.text(max_size=8) | st.dictionaries(st.text(max_size=3), values).map(json.dumps),
        ),
        max_size=3,
    ).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(values, replies, replies)
def test_agreement_is_mutual_and_with_oneself(schema: object, one: Message, other: Message) -> None:
    asked = Asked([], [{"type": "function", "function": {"name": "t", "parameters": schema}}])
    there, back = agree(asked, one, other), agree(asked, other, one)
    assert (there.same, there.comparable) == (back.same, back.comparable)
    assert 0.0 <= there.score <= 1.0
    assert there.same <= (there.score == 1.0)
    assert agree(asked, one, one).same


@pytest.mark.parametrize("text", ["[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900])
def test_deep_arguments_are_neither_compared_nor_a_crash(text: str) -> None:
    message = Message("assistant", (), (ToolCall("", "t", f'{{"a": {text}}}'),))
    assert not agree(ASKED, message, message).same


def test_many_long_calls_take_no_time() -> None:
    held = json.dumps({f"a{n}": "x" * 20 for n in range(900)})
    message = Message("assistant", (), tuple(ToolCall("", f"t{n}", held) for n in range(200)))
    began = time.process_time()
    assert not agree(ASKED, message, message).same
    assert time.process_time() - began < 1.0
