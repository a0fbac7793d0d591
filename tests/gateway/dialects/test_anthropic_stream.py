"""What no recording shows of Claude's streams. Every stream here is synthetic."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.upstreams.base import ReplyEnd
from tests.support.claude_oracle import Told, openai_says
from tests.support.claude_upstream import asks, tool, upstream
from tests.support.fake_claude import Says, Use, encode_event, stream_events

JsonObject = dict[str, Any]


def _read(events: list[bytes], **fields: Any) -> tuple[bytes, ReplyEnd]:
    reader = upstream().stream_reader(asks(stream=True, **fields), "claude-test")
    delivered = b"".join(reader.feed(event) for event in events)
    tail, end = reader.finish()
    return delivered + tail, end


def _told(delivered: bytes) -> Told:
    return openai_says(delivered, streamed=True)


def _events(says: Says) -> list[bytes]:
    return stream_events(says.message("claude-test"))


_HELLO = _events(Says("Hello there, all of you."))


def test_each_delta_goes_out_as_it_comes_and_the_finish_chunk_last() -> None:
    reader = upstream().stream_reader(asks(stream=True), "claude-test")

    parts = [reader.feed(event) for event in _HELLO]
    assert [part.count(b"data: ") for part in parts] == [1, 0, 0, 1, 1, 1, 0, 0, 0]
    assert reader.done

    tail, _ = reader.finish()
    assert b'"finish_reason":"stop"' in tail
    assert tail.endswith(b"}\n\n")
    assert b"[DONE]" not in tail


def test_chunks_carry_our_id_the_clients_model_and_one_creation_time() -> None:
    delivered, _ = _read(_HELLO)

    for line in delivered.split(b"\n\n")[:-1]:
        chunk = json.loads(line.removeprefix(b"data: "))
        assert chunk["id"] == "chatcmpl-01TEST"
        assert chunk["object"] == "chat.completion.chunk"
        assert (chunk["model"], chunk["created"]) == ("auto", 1_700_000_000)


def test_usage_is_a_last_chunk_without_choices_when_the_client_wants_it() -> None:
    delivered, _ = _read(_HELLO)
    last = json.loads(delivered.rstrip().rpartition(b"data: ")[2])

    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 12
    assert last["usage"]["total_tokens"] == 19


def test_cache_reads_and_writes_count_as_input() -> None:
    events = _events(Says("Hi."))
    counts = {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 30,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 2},
    }
    delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": counts}

    _, end = _read([*events[:-2], encode_event(delta), events[-1]])

    assert end.usage is not None
    assert end.usage.input_tokens == 240
    assert (end.usage.cache_read_tokens, end.usage.cache_write_tokens) == (200, 30)
    assert end.usage.reasoning_tokens == 2


def test_parallel_calls_keep_ids_names_and_order_and_no_arguments_are_an_empty_object() -> None:
    uses = [Use("toolu_1", "look", {"at": "ü\n"}), Use("toolu_2", "ping"), Use("toolu_3", "look")]
    delivered, end = _read(_events(Says("I look.", uses=uses)))

    assert _told(delivered).calls == (
        ("toolu_1", "look", {"at": "ü\n"}),
        ("toolu_2", "ping", {}),
        ("toolu_3", "look", {}),
    )
    assert end.finish_reason == "tool_calls"


def test_the_client_gets_its_own_tool_names_back() -> None:
    uses = [Use("toolu_1", "files_read")]

    delivered, _ = _read(_events(Says(uses=uses)), tools=[tool("files.read")])

    assert _told(delivered).calls[0][1] == "files.read"


@pytest.mark.parametrize(
    ("stop_reason", "wanted"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("something_new", "stop"),
    ],
)
def test_stop_reasons_are_said_in_openais_words(stop_reason: str, wanted: str) -> None:
    delivered, end = _read(_events(Says("Hm.", stop_reason=stop_reason)))

    assert end.finish_reason == wanted
    assert _told(delivered).finish_reason == wanted


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Blocked by policy."}
    stop = {"stop_reason": "refusal", "stop_details": details}
    delta = {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 1}}

    delivered, end = _read([_HELLO[0], encode_event(delta), _HELLO[-1]])

    assert end.finish_reason == "content_filter"
    assert b'"refusal":"Blocked by policy."' in delivered


def test_an_error_event_ends_the_reply_and_keeps_its_words_and_kind() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    event = {"type": "error", "error": error, "request_id": "req_9"}
    reader = upstream().stream_reader(asks(stream=True), "claude-test")

    delivered = b"".join(reader.feed(e) for e in [*_HELLO[:4], encode_event(event), *_HELLO[4:]])

    assert reader.done
    tail, end = reader.finish()
    assert tail == b""
    assert not end.complete
    assert end.error is not None
    assert (end.error.status, end.error.code) == (503, "upstream_overloaded")
    assert end.error.upstream_request_id == "req_9"
    assert "Overloaded" in end.error.message
    assert delivered.count(b'"content"') == 2


def test_a_stream_without_its_stop_is_not_complete_and_its_output_is_not_counted() -> None:
    delivered, end = _read(_HELLO[:5])

    assert not end.complete
    assert end.error is None
    assert end.usage is not None
    assert (end.usage.input_tokens, end.usage.output_tokens) == (12, None)
    assert b'"finish_reason":"' not in delivered


@pytest.mark.parametrize(
    "bad",
    [
        b"data: <html>\n\n",
        b"data: [1,2]\n\n",
        b'data: {"type":"content_block_delta","index":7,"delta":{}}\n\n',
        b'data: {"type":"content_block_delta"}\n\n',
        b"data: \xff\xfe\n\n",
    ],
)
def test_bytes_that_are_no_reply_are_told_as_the_upstreams_fault(bad: bytes) -> None:
    _, end = _read([*_HELLO[:4], bad, *_HELLO[4:]])

    assert not end.complete
    assert end.error is not None
    assert (end.error.code, end.error.who) == ("bad_reply", "upstream")


def test_events_yet_to_be_invented_are_passed_over() -> None:
    news = encode_event({"type": "weather_report", "sunny": True})
    comment = b": keep-alive\n\n"

    assert _read([*_HELLO[:4], news, comment, *_HELLO[4:]]) == _read(_HELLO)


def test_half_a_surrogate_pair_does_not_break_the_stream() -> None:
    half = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    half += b'"text":"a\\ud83db"}}\n\n'

    delivered, end = _read([*_HELLO[:4], half, *_HELLO[4:]])

    assert end.complete
    assert "a?b" in _told(delivered).text


def test_an_event_without_end_is_given_up_in_bounded_memory() -> None:
    reader = upstream().stream_reader(asks(stream=True), "claude-test")
    for _ in range(17):
        reader.feed(b"x" * 1024 * 1024)

    assert reader.done
    assert reader.finish()[1].error is not None


def test_bytes_after_the_stop_are_ignored() -> None:
    assert _read([*_HELLO, *_HELLO]) == _read(_HELLO)


_TEXT = st.text(max_size=60)


@settings(max_examples=60)
@given(
    words=_TEXT,
    thought=_TEXT,
    inputs=st.lists(st.dictionaries(_TEXT, _TEXT, max_size=3), max_size=3),
    cuts=st.lists(st.integers(0, 4000), max_size=20),
    crlf=st.booleans(),
)
def test_any_reply_arrives_whole_at_any_chunking(
    words: str, thought: str, inputs: list[dict[str, str]], cuts: list[int], crlf: bool
) -> None:
    uses = [Use(f"toolu_{n}", "look", given) for n, given in enumerate(inputs)]
    sse = b"".join(_events(Says(words, thinking=thought, uses=uses)))
    if crlf:
        sse = sse.replace(b"\n", b"\r\n")
    edges = [0, *sorted(cut for cut in cuts if cut < len(sse)), len(sse)]

    delivered, end = _read([sse[a:b] for a, b in itertools.pairwise(edges)])

    told = _told(delivered)
    assert end.complete
    assert (told.text, told.thinking) == (words, thought)
    assert [call[2] for call in told.calls] == inputs
