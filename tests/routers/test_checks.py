from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.messages import ContentPart, Message, ToolCall
from routers.checks import NEUTRAL, Asked, Looked, look
from routers.checks.tokens import meaningful

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "description": "How many. Default is 3."},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city"],
}
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {"name": "weather.get", "description": "The weather.", "parameters": SCHEMA},
    },
    {"type": "function", "function": {"name": "send_mail", "description": "Sends an e-mail."}},
]


def asked(text: str, tools: list[Any] | None = None, *more: dict[str, Any]) -> Asked:
    return Asked([{"role": "user", "content": text}, *more], TOOLS if tools is None else tools)


def calls(*arguments: dict[str, Any], name: str = "weather.get") -> Message:
    made = (ToolCall("", name, json.dumps(held)) for held in arguments)
    return Message("assistant", (), tuple(made))


def says(text: str) -> Message:
    return Message("assistant", (ContentPart("text", text),))


def told(looked: Looked) -> dict[str, str]:
    return {finding.code: finding.text for finding in looked.findings}


def test_nothing_speaks_against_a_call_that_says_what_was_asked() -> None:
    looked = look(asked("Weather in Oslo for 5 days?"), calls({"city": "Oslo", "days": 5}))
    assert looked.findings == ()
    assert looked.fatal is None
    assert looked.features["grounded_share"] == looked.features["names_used"] == 1.0


def test_a_value_that_nobody_mentioned_is_told_by_its_argument_and_not_by_itself() -> None:
    looked = look(asked("Weather in Oslo?"), calls({"city": "Quito", "days": 9}))
    text = told(looked)["ungrounded"]
    assert "`city` of `weather.get`, `days` of `weather.get`" in text
    assert "Quito" not in text
    assert looked.fatal is None
    assert looked.features["grounded_least"] == 0.0


def test_what_a_tool_said_and_what_was_called_before_grounds_values_too() -> None:
    call = {"id": "c", "function": {"name": "find", "arguments": '{"name": "Rosa"}'}}
    rounds = ({"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "id 77-A"})
    looked = look(asked("Mail Rosa.", [], *rounds), calls({"to": "77-A", "name": "Rosa"}))
    assert "ungrounded" not in told(looked)


def test_a_choice_a_default_and_a_yes_need_no_ground() -> None:
    looked = look(asked("Weather in Oslo?"), calls({"city": "Oslo", "unit": "celsius", "days": 3}))
    assert looked.findings == ()


@pytest.mark.parametrize(
    ("ask", "value"),
    [
        ("for 1,500 people", 1500),
        ("for three people", 3),
        ("at 5% interest", 0.05),
        ("at 5 percent", 5),
        ("about $2.5 million", 2500000),
        ("a charge of 1.6 x 10^-19", 1.6e-19),
        ("from -74.0060 on", -74.006),
        ("on May 3rd, 2024", "2024-05-03"),
        ("at 6 pm", "18:00"),
        ("in New York", "new york"),
        ("for the Golden Gate bridge", "golden_gate_bridge"),
        ("of the golden gate", "goldenGate"),
        ("for 'r2-d2'", "R2-D2"),
        ("about cats", "cat"),
    ],
)
def test_a_value_may_be_written_in_another_way(ask: str, value: object) -> None:
    looked = look(asked(ask, []), calls({"it": value}))
    assert looked.features["grounded_least"] >= 0.8


@pytest.mark.parametrize(
    ("ask", "value"), [("for 15 people", 1), ("on May 3rd", "2019-07-08"), ("an art show", "car")]
)
def test_a_value_within_another_is_not_that_value(ask: str, value: object) -> None:
    assert look(asked(ask, []), calls({"it": value})).features["grounded_least"] < 0.5


def test_a_number_in_another_unit_is_grounded_in_part() -> None:
    features = look(asked("wait 2 minutes", []), calls({"seconds": 120})).features
    assert 0.5 < features["grounded_least"] < 1.0


def test_an_argument_that_is_not_declared_is_told() -> None:
    looked = look(asked("Weather in Oslo?"), calls({"city": "Oslo", "place": "Oslo"}))
    assert told(looked)["unknown_argument"] == "it gives `place` of `weather.get`, not declared"
    assert looked.features["arguments_known"] == 0.5


def test_a_tool_that_is_merely_spelled_differently_is_known_and_told() -> None:
    looked = look(asked("Weather in Oslo?"), calls({"city": "Oslo"}, name="weather_get"))
    assert list(told(looked)) == ["tool_spelled"]
    assert (looked.features["tools_known"], looked.features["tools_exact"]) == (1.0, 0.0)
    assert looked.fatal is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (calls({"city": "Oslo"}, name="wipe"), "unknown_tool"),
        (calls({"city": 7}), "schema"),
        (Message("assistant", (), (ToolCall("", "weather.get", "{"),)), "arguments"),
        (says("  "), "empty"),
        (Message("assistant", (ContentPart("thinking", "Oslo, they said."),)), "empty"),
    ],
)
def test_what_an_agent_would_stumble_over_is_fatal_and_comes_first(
    message: Message, code: str
) -> None:
    looked = look(asked("Weather in Oslo?"), message, "length")
    assert looked.fatal is not None
    assert looked.fatal.code == code
    assert "cut_off" in told(looked)


def test_a_fatal_fault_is_found_in_the_last_of_many_calls() -> None:
    message = calls(*[{"city": "Oslo"}] * 200, {"city": 7})
    looked = look(asked("Weather in Oslo?"), message)
    assert looked.fatal is not None
    assert looked.fatal.code == "schema"


def test_words_where_a_call_is_demanded_are_fatal() -> None:
    looked = look(Asked([], TOOLS, "required"), says("It is cold."))
    assert looked.fatal is not None
    assert looked.fatal.code == "no_tool_call"


def test_fewer_calls_than_things_asked_for_are_told() -> None:
    ask = asked("Weather in Oslo? And what is it like in Lima? Also mail it to Rosa.")
    looked = look(ask, calls({"city": "Oslo"}))
    assert "fewer_calls" in told(looked)
    assert looked.features["calls_per_ask"] == 0.5
    assert looked.features["names_used"] < 1.0


def test_in_the_midst_of_a_task_nobody_counts_the_calls() -> None:
    done = {"role": "tool", "content": "Oslo: cold. Lima: warm."}
    looked = look(asked("Weather in Oslo? And in Lima?", None, done), calls({"city": "Lima"}))
    assert "fewer_calls" not in told(looked)


def test_the_same_call_twice_is_told() -> None:
    looked = look(asked("Oslo?"), calls({"city": "Oslo"}, {"city": "Oslo"}))
    assert "repeated_call" in told(looked)


def test_the_tool_whose_words_were_used_is_the_best() -> None:
    best = look(asked("The weather in Oslo?"), calls({"city": "Oslo"}))
    other = look(asked("The weather in Oslo?"), calls({"to": "Oslo"}, name="send_mail"))
    assert (best.features["tool_best"], other.features["tool_best"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I'm sorry, but I cannot help with that.", "refusal"),
        ("None of the provided functions can do this.", "refusal"),
        ('<tool_call>{"name": "weather.get"}</tool_call>', "call_in_text"),
        ("One two three four five six. " * 12, "repetition"),
        (f"{'The way there is long. ' * 4}And then there is the matter of the", "cut_off"),
    ],
)
def test_words_that_are_no_answer_are_told(text: str, code: str) -> None:
    assert code in told(look(asked("Weather in Oslo?"), says(text)))


def test_a_reply_cut_off_at_its_length_is_told_so_once() -> None:
    hanging = says(
        "Oslo lies at the head of a fjord, between hills and woods. Its ships went out to the"
    )
    looked = look(asked("Weather in Oslo?", []), hanging, "length")
    assert [finding.text for finding in looked.findings] == ["it was cut off at its length"]
    assert looked.features["cut_off"] == 1.0


def test_brackets_alone_are_hollow_and_ordinary_words_nothing() -> None:
    assert look(asked("Hello."), says("\n[]")).features["hollow"] == 1.0
    looked = look(asked("Hello."), says("Good morning! What can I do for you today?"))
    assert (looked.findings, looked.features["hollow"]) == ((), 0.0)


def test_a_number_is_missed_where_one_is_asked_for() -> None:
    how_many = asked("How many eggs does she have?", [])
    assert "no_answer" in told(look(how_many, says("She has some.")))
    looked = look(how_many, says("She has 3 + 4 = 7.\n#### 7"))
    assert looked.findings == ()
    assert looked.features["sum_is_answer"] == looked.features["answer_marked"] == 1.0


def test_a_sum_that_does_not_come_out_is_told() -> None:
    looked = look(asked("How many?", []), says("She has 3 + 4 = 8, so 8 * 2 = 16."))
    assert told(looked)["sum_wrong"] == "1 of its 2 sums do not come out"
    assert looked.features["sums_right"] == 0.5


def test_thinking_does_not_count() -> None:
    thought = ContentPart("thinking", "I cannot do this: 3 + 4 = 8. Maybe. Perhaps.")
    message = Message("assistant", (thought, ContentPart("text", "7")))
    ask = asked("How many?", [])
    assert look(ask, message) == look(ask, says("7"))


def test_log_probabilities_are_summed_up() -> None:
    features = look(asked("Oslo?"), says("Yes."), None, [-0.1] * 7 + [-1.0, -2.0, -3.0]).features
    assert features["sure_given"] == 1.0
    assert features["sure_least"] < features["sure_tenth"] < features["sure_mean"] < 0.9


def test_only_tokens_of_names_and_values_count() -> None:
    tokens = ['{"', "city", '":', ' "', "Os", "lo", '",', ' "', "days", '": ', "5", "}"]
    content = [{"token": token, "logprob": -float(n)} for n, token in enumerate(tokens)]
    assert meaningful(content) == [-4.0, -5.0, -10.0]
    assert meaningful([None, {"token": 3}, {"token": "Hi", "logprob": True}]) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
texts = st.text(max_size=60) | st.from_regex(r"[-0-9+*/()= $%.,<>x#\\{}a-c\n]{0,60}")
messages = st.fixed_dictionaries(
    {}, optional={"role": st.sampled_from(["user", "tool"]), "content": texts | values}
)
replies = st.builds(
    Message,
    st.just("assistant"),
    st.lists(st.builds(ContentPart, st.sampled_from(["text", "thinking"]), texts)).map(tuple),
    st.lists(
        st.builds(
            ToolCall,
            st.just(""),
            st.sampled_from(["t", "u.v", ""]),
            texts | values.map(lambda held: json.dumps({"a": held, "b": [held]})),
        ),
        max_size=3,
    ).map(tuple),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(messages, max_size=4),
    values,
    replies,
    st.sampled_from([None, "length", "stop"]),
    st.lists(st.floats(), max_size=4) | st.none(),
)
def test_whatever_is_looked_at_gives_the_same_figures_between_0_and_1(
    said: list[Any], schema: object, reply: Message, finish: str | None, sure: list[float] | None
) -> None:
    tools: list[Any] = [{"type": "function", "function": {"name": "t", "parameters": schema}}]
    looked = look(Asked([*said, schema], [*tools, schema], schema), reply, finish, sure)  # pyright: ignore[reportArgumentType]
    assert list(looked.features) == list(NEUTRAL)
    assert all(0.0 <= figure <= 1.0 for figure in looked.features.values())
    assert all("\n" not in finding.text for finding in looked.findings)
