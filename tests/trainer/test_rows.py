from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from tests.support.turns import calls, says
from trainer.rows import Row, row_of

TOOL = {"type": "function", "function": {"name": "read_file", "parameters": {"b": 1, "a": 2}}}
ASKED = {"role": "user", "content": "read notes.txt"}


def made(reply: dict[str, Any], *messages: dict[str, Any]) -> Row | None:
    return row_of("x", "c", "s", {"messages": list(messages) or [ASKED], "tools": [TOOL]}, reply)


def test_a_row_ends_with_the_reply_and_has_the_arguments_as_an_object() -> None:
    row = made(calls("read_file", '{"path": "notes.txt"}'))
    assert row is not None
    assert row.reply["tool_calls"][0]["function"]["arguments"] == {"path": "notes.txt"}
    assert row.reply["content"] == ""
    assert orjson.loads(row.line) == {"messages": row.messages, "tools": [TOOL]}


def test_text_in_parts_is_joined_as_the_server_joins_it() -> None:
    parts = [{"type": "text", "text": "read "}, {"type": "text", "text": "this"}]
    row = made(says("no"), {"role": "user", "content": parts})
    assert row is not None
    assert row.messages[0]["content"] == "read this"


@pytest.mark.parametrize(
    "reply",
    [says(""), says("  "), calls("read_file", '["path"]'), calls("read_file", "{broken")],
    ids=["empty", "blank", "arguments-are-a-list", "arguments-are-broken"],
)
def test_a_reply_that_says_nothing_or_is_broken_is_no_row(reply: dict[str, Any]) -> None:
    assert made(reply) is None


def test_a_request_with_an_image_is_no_row() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    assert made(says("a cat"), {"role": "user", "content": [image]}) is None


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": "hello"}, {"messages": [1]}])
def test_a_body_without_messages_is_no_row(body: dict[str, Any]) -> None:
    assert row_of("x", "c", None, body, says("hello")) is None


def test_rows_that_differ_in_made_up_ids_alone_teach_the_same() -> None:
    row = made(calls("read_file", "{}"))
    other_call = calls("read_file", "{}")
    other_call["tool_calls"][0]["id"] = "call_2"
    other = made(other_call)
    assert row is not None
    assert other is not None
    assert row.key == other.key
    assert row.sha256 != other.sha256
    assert replace(row, tools=[]).key != row.key
