"""Every recorded Claude reply, given to a chat client, against the two vendors' SDKs as judges.

No reply is left out because its request could not have come from a chat client: what a chat
completion can hold of it must still arrive. Left out are, by rule: what is not a successful answer
of the Messages API; and, of fixtures that string several streams into one file, all but the first.
"""

from __future__ import annotations

import itertools
import random

import pytest

from gateway.settings import UpstreamSettings
from gateway.thinking import ThinkingStore
from gateway.upstreams.anthropic import Anthropic
from gateway.upstreams.base import ChatRequest, ReplyEnd
from tests.support.claude_oracle import claude_says, openai_says
from tests.support.recordings import Recording, recordings, skip_without_recordings

skip_without_recordings()

_SPLICED = "anthropic-chunks/vercel-ai__anthropic_spliced-message-start.chunks.txt"
"""A stream that begins twice: no truthful translation exists; see its own test."""
_STOP = b'"message_stop"'


def _is_reply(recording: Recording) -> bool:
    return recording.status == 200 and recording.path in ("", "/v1/messages")


_REPLIES = [
    r for r in recordings("anthropic", "anthropic-chunks") if _is_reply(r) and r.name != _SPLICED
]
_STREAMED = [r for r in _REPLIES if r.streamed]
_WHOLE = [r for r in _REPLIES if not r.streamed]


def _name(recording: Recording) -> str:
    return recording.name


def _claude() -> Anthropic:
    return Anthropic("claude", UpstreamSettings(kind="anthropic"), "key", ThinkingStore())


def _request(*, stream: bool) -> ChatRequest:
    return ChatRequest(
        id="01TEST", raw=b"", body={}, alias="auto", stream=stream, include_usage=True, created=1
    )


def _first_stream(sse: bytes) -> bytes:
    """The bytes up to the end of the first `message_stop` event."""
    stop = sse.index(_STOP)
    end = sse.find(b"\n\n", stop)
    return sse if end < 0 else sse[: end + 2]


def _translate(pieces: list[bytes]) -> tuple[bytes, ReplyEnd]:
    reader = _claude().stream_reader(_request(stream=True), "claude-test")
    out = [reader.feed(piece) for piece in pieces]
    tail, end = reader.finish()
    return b"".join(out) + tail, end


def _cut_at_random(data: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    cuts = sorted(chance.randrange(len(data)) for _ in range(chance.randrange(1, 60)))
    edges = [0, *cuts, len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def test_the_recordings_hold_the_replies_this_test_was_written_for() -> None:
    assert (len(_STREAMED), len(_WHOLE)) == (65, 120)


@pytest.mark.parametrize("recording", _STREAMED, ids=_name)
def test_a_recorded_stream_arrives_whole(recording: Recording) -> None:
    sse = _first_stream(recording.sse)

    delivered, end = _translate([sse])

    told, wanted = openai_says(delivered, streamed=True), claude_says(sse, streamed=True)
    assert told == wanted
    assert end.complete
    assert end.usage is not None
    assert (end.usage.input_tokens, end.usage.output_tokens) == (
        wanted.input_tokens,
        wanted.output_tokens,
    )
    assert end.finish_reason == wanted.finish_reason
    assert all(chunk.startswith(b"data: {") for chunk in delivered.split(b"\n\n")[:-1])


@pytest.mark.parametrize("recording", _STREAMED, ids=_name)
def test_a_recorded_stream_arrives_the_same_at_any_chunking(recording: Recording) -> None:
    sse = _first_stream(recording.sse)
    whole = _translate([sse])

    assert _translate([sse[i : i + 1] for i in range(len(sse))]) == whole
    for seed in range(5):
        assert _translate(_cut_at_random(sse, seed)) == whole
    with_crlf = sse.replace(b"\n", b"\r\n")
    assert _translate(_cut_at_random(with_crlf, 0)) == whole


@pytest.mark.parametrize("recording", _WHOLE, ids=_name)
def test_a_recorded_reply_arrives_whole(recording: Recording) -> None:
    delivered, end = _claude().read_reply(_request(stream=False), "claude-test", recording.body)

    wanted = claude_says(recording.body, streamed=False)
    assert openai_says(delivered, streamed=False) == wanted
    assert end.complete
    assert end.usage is not None
    assert (end.usage.input_tokens, end.usage.output_tokens) == (
        wanted.input_tokens,
        wanted.output_tokens,
    )


@pytest.mark.parametrize("recording", _REPLIES, ids=_name)
def test_what_a_chat_completion_cannot_hold_is_noted(recording: Recording) -> None:
    if recording.streamed:
        _, end = _translate([_first_stream(recording.sse)])
    else:
        _, end = _claude().read_reply(_request(stream=False), "claude-test", recording.body)

    raw = _first_stream(recording.sse) if recording.streamed else recording.body
    for kind in (b"server_tool_use", b"mcp_tool_use", b"web_search_tool_result", b"compaction"):
        if b'"type": "%s"' % kind in raw or b'"type":"%s"' % kind in raw:
            assert any(kind.decode() in note for note in end.notes)


def test_a_stream_that_begins_twice_is_an_error_and_never_looks_finished() -> None:
    spliced = next(r for r in recordings("anthropic-chunks") if r.name == _SPLICED)

    delivered, end = _translate([spliced.sse])

    assert not end.complete
    assert end.error is not None
    assert b"toolu_second" not in delivered
    assert b'"finish_reason":"' not in delivered


@pytest.mark.parametrize("recording", _STREAMED[:12], ids=_name)
def test_a_recorded_stream_cut_anywhere_never_looks_finished(recording: Recording) -> None:
    sse = _first_stream(recording.sse)
    whole, _ = _translate([sse])
    last_event = sse.rstrip().rindex(b"data:")

    for cut in range(0, last_event, max(1, last_event // 40)):
        delivered, end = _translate([sse[:cut]])
        assert not end.complete
        assert end.error is None
        assert whole.startswith(delivered)
        assert b'"finish_reason":"' not in delivered
        assert end.usage is None or end.usage.output_tokens is None or b"message_delta" in sse[:cut]
