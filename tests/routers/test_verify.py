from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.messages import ContentPart, Message, ToolCall
from routers.schemas import misfit
from routers.verify import unfit

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "minimum": 1},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "hours": {"type": "array", "items": {"$ref": "#/$defs/hour"}},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"hour": {"type": "integer"}},
}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "now"}},
    {"type": "web_search"},
    "nonsense",
]


def calls(arguments: str, name: str = "weather") -> Message:
    return Message("assistant", (), (ToolCall("c1", name, arguments),))


def says(text: str) -> Message:
    return Message("assistant", (ContentPart("text", text),))


def code(message: Message, choice: object = None, tools: list[Any] = TOOLS) -> str | None:
    reason = unfit(message, tools, choice)
    return None if reason is None else reason.code


@pytest.mark.parametrize(
    "arguments",
    ['{"city": "Oslo"}', '{"city":"Oslo","days":2,"unit":"celsius","hours":[1,2]}'],
)
def test_a_call_that_fits_is_fit(arguments: str) -> None:
    assert unfit(calls(arguments), TOOLS) is None


@pytest.mark.parametrize("arguments", ["{}", '{"any": [1]}'])
def test_a_tool_without_a_schema_takes_any_object(arguments: str) -> None:
    assert unfit(calls(arguments, "now"), TOOLS) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{}", "do not fit: `city` missing"),
        ('{"city": 7}', 'do not fit at `city`: not of type "string"'),
        ('{"city": "Oslo", "unit": "kelvin"}', "do not fit at `unit`: none of the values allowed"),
        ('{"city": "Oslo", "days": 0}', "do not fit at `days`: `minimum` is broken"),
        ('{"city": "Oslo", "hours": [1, "x"]}', 'do not fit at `hours.1`: not of type "integer"'),
        ('{"city": "Oslo", "pet": 1}', "do not fit: an argument that is not declared"),
    ],
)
def test_arguments_that_break_the_schema_are_told_without_their_values(
    arguments: str, words: str
) -> None:
    reason = unfit(calls(arguments), TOOLS)
    assert reason is not None
    assert (reason.code, reason.text) == ("schema", f"its arguments for `weather` {words}")


@pytest.mark.parametrize("arguments", ["", "[]", '"x"', '{"city": ', "null", "{'city': 'Oslo'}"])
def test_arguments_that_are_no_json_object_are_unfit(arguments: str) -> None:
    assert code(calls(arguments)) == "arguments"


def test_a_tool_that_was_not_offered_is_unfit() -> None:
    reason = unfit(calls("{}", "send`_money\n"), TOOLS)
    assert reason is not None
    assert reason.text == "it calls `send_money`, which was not offered"


def test_one_unfit_call_among_fit_ones_is_enough() -> None:
    both = Message(
        "assistant", (), (*calls('{"city": "Oslo"}').tool_calls, *calls("{}").tool_calls)
    )
    assert code(both) == "schema"


def test_words_are_fit_since_nobody_can_tell() -> None:
    assert unfit(says("It is cold."), TOOLS) is None


THOUGHT = Message("assistant", (ContentPart("thinking", "The user wants Oslo."),))


@pytest.mark.parametrize("message", [Message("assistant"), says(""), says(" \n"), THOUGHT])
def test_saying_nothing_at_all_is_unfit(message: Message) -> None:
    assert code(message) == "empty"


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("required", "no_tool_call"),
        ({"type": "function", "function": {"name": "weather"}}, "no_tool_call"),
        ({"name": "weather"}, "no_tool_call"),
        ("auto", None),
        ("none", None),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}, None),
    ],
)
def test_words_are_unfit_where_a_call_is_demanded(choice: object, wanted: str | None) -> None:
    assert code(says("It is cold."), choice) == wanted


NO_SCHEMAS: list[dict[str, Any]] = [
    {"type": "objct"},
    {"properties": 5},
    {"$ref": "http://127.0.0.1:9/schema.json"},
    {"$ref": "#/nowhere"},
    {"$ref": "#"},
    {"required": 3},
]


@pytest.mark.parametrize("schema", NO_SCHEMAS)
def test_a_schema_that_cannot_be_evaluated_judges_nothing(schema: dict[str, Any]) -> None:
    assert misfit({"a": 1}, schema) is None


def doubling(levels: int) -> dict[str, Any]:
    """A schema whose references double at each level."""
    defs: dict[str, Any] = {
        f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)
    }
    return {"$ref": "#/$defs/a0", "$defs": {**defs, f"a{levels}": {}}}


EVIL = "(a+)+$"
STALLING: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (doubling(40), {"a": 1}),
    ({"properties": {"a": {"pattern": EVIL}}}, {"a": "a" * 60 + "b"}),
    ({"patternProperties": {EVIL: {}}, "additionalProperties": False}, {"a" * 60 + "b": 1}),
    ({"propertyNames": {"pattern": EVIL}}, {"a" * 60 + "b": 1}),
    ({"properties": {"a": {"uniqueItems": True}}}, {"a": [{"x": n} for n in range(20_000)]}),
]


@pytest.mark.parametrize(("schema", "arguments"), STALLING)
def test_no_schema_stalls_the_gateway(schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    began = time.process_time()
    assert misfit(arguments, schema) is None
    assert time.process_time() - began < 1.0


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values, values)
def test_whatever_stands_in_tools_and_arguments_gives_one_verdict(
    schema: object, arguments: object
) -> None:
    tools: list[Any] = [{"type": "function", "function": {"name": "t", "parameters": schema}}]
    reason = unfit(calls(json.dumps(arguments), "t"), tools)
    assert reason is None or (reason.code and "\n" not in reason.text)


kinds = st.sampled_from(["string", "integer", "number", "boolean", "object", "array", "null", 3])
Schemas = st.SearchStrategy[dict[str, Any]]


def holding(inner: Schemas) -> Schemas:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": kinds,
            "enum": st.lists(st.sampled_from(["a", 1, True, 1.0])),
            "properties": st.dictionaries(st.sampled_from("ab"), inner) | st.just(5),
            "required": st.lists(st.sampled_from(["a", "b", 1])) | st.just("a"),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "minimum": st.just(2),
        },
    )


schemas: Schemas = holding(holding(holding(st.just({}))))
held_values = st.recursive(
    st.sampled_from(["a", "", 1, 2, 1.0, 0.5, True, False, None]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(schemas, st.dictionaries(st.sampled_from("abc"), held_values, max_size=3))
def test_what_is_seen_to_fit_without_the_library_fits_by_it(
    schema: dict[str, Any], arguments: dict[str, Any]
) -> None:
    unseen = {**schema, "$comment": "any other keyword leaves it to the library"}
    assert misfit(arguments, schema) == misfit(arguments, unseen)
