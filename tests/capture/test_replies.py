from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.messages import ContentPart, Message, ToolCall, Usage
from capture.replies import Malformed, Reply, ReplyReader, parse_reply, parse_request


def sse(*chunks: Any, end: str = "\n\n", done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(chunk)}{end}" for chunk in chunks]
    return "".join([*lines, f"data: [DONE]{end}" if done else ""]).encode()


def delta(finish: str | None = None, index: int = 0, **said: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": said, "finish_reason": finish}]}


def call(index: int | None, id: str | None, name: str | None, arguments: Any) -> dict[str, Any]:
    piece = {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}
    return {key: value for key, value in piece.items() if value is not None}


STREAM = b": heartbeat\r\n\r\n" + sse(
    delta(role="assistant", content=""),
    delta(reasoning_content="Which "),
    delta(reasoning_content="file?"),
    delta(content="Let me l\u00f6"),
    delta(content="ok \U0001f50d."),
    delta(tool_calls=[call(0, "call_1", "read_file", "")]),
    delta(tool_calls=[call(0, None, None, '{"path":')]),
    delta(tool_calls=[call(0, None, None, '"n\u00f6tes.txt"}')]),
    delta(tool_calls=[call(1, "call_2", "list", "{}")]),
    delta("tool_calls"),
    {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 34}},
    end="\r\n\r\n",
)
SAID = Message(
    "assistant",
    (ContentPart("thinking", "Which file?"), ContentPart("text", "Let me l\u00f6ok \U0001f50d.")),
    (
        ToolCall("call_1", "read_file", '{"path":"n\u00f6tes.txt"}'),
        ToolCall("call_2", "list", "{}"),
    ),
)


FIELDS = [
    *("choices", "message", "delta", "content", "tool_calls", "function", "name", "arguments"),
    *("index", "id", "usage", "error", "finish_reason", "role", "text", "reasoning", "type"),
]


def chunked(data: bytes, cuts: list[int]) -> Reply:
    reader = ReplyReader()
    edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    for start, stop in pairwise(edges):
        reader.feed(data[start:stop])
    return reader.finish()


def test_a_streamed_reply_is_joined_from_its_deltas() -> None:
    reply = parse_reply(STREAM)
    assert reply.message == SAID
    assert reply.finish_reason == "tool_calls"
    assert reply.usage == Usage(12, 34)
    assert reply.complete


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_a_stream_reads_the_same_at_any_chunking(cuts: list[int]) -> None:
    assert chunked(STREAM, cuts) == parse_reply(STREAM)


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n", "\r\r", "\n\nid: 3\nevent: x\n\n"])
def test_line_ends_and_other_fields_do_not_matter(end: str) -> None:
    assert parse_reply(sse(delta(content="a"), delta("stop", content="b"), end=end)).message == (
        Message("assistant", (ContentPart("text", "ab"),))
    )


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_no_bytes_make_reading_a_reply_fail(data: bytes, cuts: list[int]) -> None:
    parse_reply(data)
    parse_reply(STREAM[:150] + data + STREAM[150:])
    if data:
        chunked(data, cuts)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(FIELDS),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_no_json_makes_reading_a_reply_or_a_request_fail(value: Any) -> None:
    for body in (value, {"choices": [value]}, {"choices": [{"delta": value, "message": value}]}):
        parse_reply(json.dumps(body).encode())
        parse_reply(sse(body))
    parse_request(json.dumps({"messages": [value], "tools": [value]}).encode())


def test_a_stream_that_broke_off_is_not_complete_and_keeps_what_came() -> None:
    reply = parse_reply(STREAM[: STREAM.index(b"call_1")])
    assert not reply.complete
    assert reply.message == Message("assistant", SAID.content)
    assert reply.finish_reason is None


def test_an_error_told_in_the_stream_is_kept_beside_what_was_said() -> None:
    reply = parse_reply(sse(delta(content="Well"), {"error": {"message": "gone"}}, done=False))
    assert reply.error == {"message": "gone"}
    assert reply.message is not None
    assert reply.message.text == "Well"
    assert not reply.complete


def test_servers_that_number_every_call_zero_still_make_separate_calls() -> None:
    reply = parse_reply(
        sse(
            delta(tool_calls=[call(0, "a", "f", "{}")]),
            delta(tool_calls=[call(0, "b", "g", "{}")]),
        )
    )
    assert reply.message is not None
    assert reply.message.tool_calls == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}"))


def test_calls_without_numbers_go_by_their_ids() -> None:
    reply = parse_reply(
        sse(
            delta(tool_calls=[call(None, "a", "f", '{"x":')]),
            delta(tool_calls=[call(None, None, None, "1}")]),
            delta(tool_calls=[call(None, "b", "g", {"y": 2})]),
        )
    )
    assert reply.message is not None
    assert reply.message.tool_calls == (
        ToolCall("a", "f", '{"x":1}'),
        ToolCall("b", "g", '{"y":2}'),
    )


def test_an_emoji_split_into_surrogates_by_the_server_is_joined_again() -> None:
    body = rb'data: {"choices":[{"delta":{"content":"\ud83d"}}]}' + b"\n\n"
    body += rb'data: {"choices":[{"delta":{"content":"\ude00"}}]}' + b"\n\n"
    message = parse_reply(body).message
    assert message is not None
    assert message.text == "\U0001f600"


def test_several_choices_are_kept_apart() -> None:
    reply = parse_reply(
        sse(
            delta(content="a"), delta(index=1, content="b"), delta("stop", index=1), delta("length")
        )
    )
    assert [(c.index, c.message.text, c.finish_reason) for c in reply.choices] == [
        (0, "a", "length"),
        (1, "b", "stop"),
    ]


def test_usage_counts_what_was_said_and_leaves_the_rest_unknown() -> None:
    said = {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    reply = parse_reply(json.dumps({"choices": [], "usage": said}).encode())
    assert reply.usage == Usage(100, 7, 64, None, 0)
    assert parse_reply(b'{"choices": [], "usage": {}}').usage is None
    assert parse_reply(b'{"choices": [], "usage": {"prompt_tokens": true}}').usage is None
    assert parse_reply(b'{"choices": [], "usage": {"prompt_tokens": 1e400}}').usage is None


def test_a_request_is_read_with_tool_results_images_and_old_function_calls() -> None:
    request = {
        "messages": [
            {"role": "developer", "content": "Be kind."},
            {
                "role": "user",
                "name": "ann",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "see"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
            {"role": "assistant", "function_call": {"name": "old", "arguments": "{}"}},
            {"role": "wizard", "content": "?"},
        ],
        "tools": [{"type": "function", "function": {"name": "see"}}, {"type": "web_search"}],
    }
    asked = parse_request(json.dumps(request).encode())
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    assert asked.messages == (
        Message("developer", (ContentPart("text", "Be kind."),)),
        Message(
            "user",
            (ContentPart("text", "What is this?"), ContentPart("image", data=image)),
            name="ann",
        ),
        Message("assistant", (), (ToolCall("c1", "see", ""),)),
        Message("tool", (ContentPart("text", "a cat"),), tool_call_id="c1"),
        Message("assistant", (), (ToolCall("", "old", "{}"),)),
    )
    assert asked.tools == ("see",)
    assert asked.malformed == ("messages[5] is not a message",)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 200_000, b'"x"'])
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_request(body)
