from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.messages import Message
from capture.narrowing import Malformed
from capture.plain import message_of
from capture.replies import parse_reply, parse_request
from capture.said import Asked, answered, message_row, read_answered, read_asked

# lone surrogates too, as JSON can spell them
texts = st.text(st.characters(codec=None), max_size=8) | st.sampled_from(
    ["", "a", "\ud83d", "\x00"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "text", "id", "function", "name", "arguments"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)
roles = st.sampled_from(["user", "assistant", "tool", "function", "system", "developer", "wizard"])
messages = st.fixed_dictionaries(
    {"role": roles | values, "content": texts | values},
    optional=dict.fromkeys(
        (
            *("tool_calls", "function_call", "tool_call_id", "name"),
            *("reasoning_content", "reasoning", "refusal", "audio"),
        ),
        texts | values,
    ),
)
plain_messages = st.fixed_dictionaries(
    {"role": roles, "content": texts},
    optional={"tool_call_id": texts | st.none(), "name": texts, "refusal": st.none()},
)
entries = plain_messages | messages | values
choices = st.fixed_dictionaries(
    {"message": entries},
    optional={"index": values, "finish_reason": st.sampled_from(["stop", "eos", "x", None, 3])},
)
usages = st.fixed_dictionaries({}, optional={"prompt_tokens": values, "completion_tokens": values})


def generally(body: bytes) -> Asked:
    """The same by way of values, for any message."""
    try:
        asked = parse_request(body)
    except Malformed:
        return Asked([], (), None)
    users = [message.text for message in asked.messages if message.role == "user"]
    rows = [message_row(message) for message in asked.messages]
    return Asked(rows, asked.tools, users[-1] if users else None)


@given(st.lists(entries, max_size=4), st.lists(values, max_size=2))
def test_a_request_has_the_same_rows_as_by_way_of_values(said: list[Any], tools: list[Any]) -> None:
    for request in ({"messages": said}, {"messages": said, "tools": tools}):
        body = json.dumps(request).encode()
        assert read_asked(body) == generally(body)


@given(st.lists(choices | values, max_size=2) | values, usages | values, st.booleans())
def test_a_reply_has_the_same_rows_as_by_way_of_values(
    said: Any, usage: Any, erroneous: bool
) -> None:
    reply = {"choices": said, "usage": usage} | ({"error": {"message": "x"}} if erroneous else {})
    body = json.dumps(reply).encode()
    whole = answered(parse_reply(body))
    assert read_answered(body) == whole
    assert read_answered(body, counted=True)[:4] == whole[:4]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 200_000, b'{"messages":3}'])
def test_bodies_that_say_nothing_have_no_rows(body: bytes) -> None:
    assert read_asked(body) == Asked([], (), None)
    assert read_answered(body).messages == []


def test_a_row_is_named_by_its_body_and_its_body_is_the_message() -> None:
    asked = read_asked(b'{"messages":[{"role":"function","content":"ok","name":"f"}]}')
    ((id_, role, body),) = asked.messages
    assert body == '{"role":"tool","content":[{"kind":"text","text":"ok"}],"name":"f"}'
    assert id_ == blake2b(body.encode(), digest_size=16).digest()
    assert role == "tool"
    message = message_of(orjson.loads(body))
    assert message.text == "ok"
    assert isinstance(message, Message)
    assert message_row(message) == asked.messages[0]
