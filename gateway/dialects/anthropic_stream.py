"""Claude's event stream as OpenAI chat chunks, event by event.

A chunk goes out for each delta as it comes; nothing is held back but the finish chunk, which waits
for `message_stop`, so that a stream that breaks off never looks finished. Facts this relies on, all
seen in recordings: `data:` is padded with spaces; pings come anywhere; the first `input_json_delta`
is empty, and the only one when a tool takes no arguments; `message_delta.usage` is cumulative, and
in older streams holds the output alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from capture.messages import FinishReason, Usage
from gateway.dialects.anthropic_reply import (
    Heading,
    Remember,
    finish_reason,
    note_block,
    openai_usage,
    read_usage,
    refusal_text,
    sendable,
)
from gateway.dialects.values import Json, Notes, json_count, json_object, json_string, parse_json
from gateway.errors import UpstreamError
from gateway.sse import end_of_events, payloads
from gateway.upstreams.base import ReplyEnd

_EVENT_BYTES = 16 * 1024 * 1024
"""Largest single event; an upstream that sends more is broken."""
_TAIL = b'},"finish_reason":null}]}\n\n'


class _Block:
    """One content block as it grows."""

    __slots__ = ("call", "pieces", "start")

    def __init__(self, start: Json, call: int | None) -> None:
        self.start = start
        """As `content_block_start` gave it."""
        self.pieces: list[str] = []
        """Its text, thinking or argument JSON so far."""
        self.call = call
        """Index among the reply's tool calls; None for other blocks."""

    def whole(self) -> Json | None:
        """The block as a JSON reply would hold it; None when its arguments are cut."""
        kind = self.start.get("type")
        if kind in ("text", "thinking"):
            return {**self.start, kind: "".join(self.pieces)}
        if kind == "tool_use":
            arguments = parse_json("".join(self.pieces).encode())
            return {**self.start, "input": arguments} if isinstance(arguments, dict) else None
        return self.start


class ClaudeStream:
    """Reads one streamed reply. `StreamReader` says what its methods promise."""

    def __init__(
        self,
        heading: Heading,
        *,
        include_usage: bool,
        client_names: Mapping[str, str],
        remember: Remember,
        read_error: Callable[[Json], UpstreamError],
        upstream: str,
    ) -> None:
        self.done = False
        self._rest = bytearray()
        about = orjson.dumps(
            {
                "id": f"chatcmpl-{heading.id}",
                "object": "chat.completion.chunk",
                "created": heading.created,
                "model": heading.model,
            }
        )
        self._about = b"data: " + about[:-1]
        self._head = self._about + b',"choices":[{"index":0,"delta":{'
        self._include_usage = include_usage
        self._client_names = client_names
        self._remember = remember
        self._read_error = read_error
        self._upstream = upstream
        self._started = False
        self._stopped = False
        self._error: UpstreamError | None = None
        self._blocks: dict[int | None, _Block] = {}
        self._calls = 0
        self._usage: Json = {}
        self._counted = False
        self._stop: Json = {}
        self._notes = Notes()

    def feed(self, data: bytes) -> bytes:
        """Take bytes at any split; give back whole chunks for the client."""
        if self.done:
            return b""
        out: list[bytes] = []
        lone = None if self._rest else _lone_payload(data)
        if lone is not None:
            self._event(lone, out)
            return b"".join(out)
        for payload in payloads(self._whole_events(data)):
            if self.done:
                break
            self._event(payload, out)
        return b"".join(out)

    def _whole_events(self, data: bytes) -> bytes:
        """All events that `data` completes; what is left waits for more."""
        searched = max(0, len(self._rest) - 3)  # a boundary may begin in what came before
        self._rest += data
        cut = end_of_events(self._rest[searched:])
        if not cut:
            if len(self._rest) > _EVENT_BYTES:
                self._fail(f"sent an event of over {_EVENT_BYTES} bytes")
            return b""
        events = bytes(self._rest[: searched + cut])
        del self._rest[: searched + cut]
        return events

    def finish(self) -> tuple[bytes, ReplyEnd]:
        """The finish chunk, if Claude finished, and what is known of the reply."""
        out: list[bytes] = []
        if not self.done:
            self._last_event(out)
        usage = self._final_usage()
        if not self._stopped:
            if self._error is None:
                self._notes.add("the stream broke off before Claude had finished")
            return b"".join(out), ReplyEnd(
                complete=False, usage=usage, error=self._error, notes=self._notes.all()
            )
        reason = finish_reason(
            self._stop.get("stop_reason"), calls=self._calls > 0, notes=self._notes
        )
        self._keep()
        out.append(self._finish_chunk(reason))
        counts = openai_usage(usage) if self._include_usage else None
        if counts is not None:
            choices = b',"choices":[],"usage":'
            out.append(self._about + choices + orjson.dumps(counts) + b"}\n\n")
        return b"".join(out), ReplyEnd(
            complete=True, finish_reason=reason, usage=usage, notes=self._notes.all()
        )

    def _last_event(self, out: list[bytes]) -> None:
        """Read what came after the last blank line, if it is a whole event nevertheless."""
        for payload in payloads(bytes(self._rest)):
            if isinstance(parse_json(payload), dict):
                self._event(payload, out)

    def _finish_chunk(self, reason: FinishReason) -> bytes:
        refusal = refusal_text(self._stop.get("stop_details"))
        delta = b"" if refusal is None else b'"refusal":' + orjson.dumps(refusal)
        return self._head + delta + b'},"finish_reason":"' + reason.encode() + b'"}]}\n\n'

    def _event(self, payload: bytes, out: list[bytes]) -> None:
        event = parse_json(payload)
        if not isinstance(event, dict):
            self._fail("sent an event that is not a JSON object")
            return
        told = json_object(event)  # pyright: ignore[reportUnknownArgumentType] -- any JSON
        match told.get("type"):
            case "content_block_delta":
                self._block_delta(told, out)
            case "content_block_start":
                self._block_start(told, out)
            case "content_block_stop":
                self._block_stop(_index(told), out)
            case "message_start":
                self._message_start(told, out)
            case "message_delta":
                self._message_delta(told)
            case "message_stop":
                self._message_stop(out)
            case "error":
                self._error = self._read_error(told)
                self.done = True
            case _:
                pass  # pings, and events that are yet to be invented

    def _emit(self, delta: bytes, out: list[bytes]) -> None:
        out.append(self._head + delta + _TAIL)

    def _message_start(self, event: Json, out: list[bytes]) -> None:
        if self._started:
            self._fail("began its reply a second time")
            return
        self._started = True
        self._usage = json_object(json_object(event.get("message")).get("usage"))
        self._emit(b'"role":"assistant","content":""', out)

    def _block_start(self, event: Json, out: list[bytes]) -> None:
        start = json_object(event.get("content_block"))
        kind = start.get("type")
        note_block(kind, self._notes)
        block = _Block(start, None)
        self._blocks[_index(event)] = block
        if kind == "tool_use":
            block.call = self._calls
            self._calls += 1
            name = json_string(start.get("name"))
            call: Json = {
                "index": block.call,
                "id": start.get("id"),
                "type": "function",
                "function": {"name": self._client_names.get(name, name), "arguments": ""},
            }
            self._emit(b'"tool_calls":[' + orjson.dumps(call) + b"]", out)
        elif kind in ("text", "thinking"):
            self._words(block, kind, json_string(start.get(kind)), out)

    def _block_delta(self, event: Json, out: list[bytes]) -> None:
        block = self._blocks.get(_index(event))
        delta = json_object(event.get("delta"))
        if block is None:
            self._fail("sent a piece of a content block that had not begun")
            return
        kind = delta.get("type")
        if kind == "text_delta":
            self._words(block, "text", json_string(delta.get("text")), out)
        elif kind == "input_json_delta":
            self._arguments(block, json_string(delta.get("partial_json")), out)
        elif kind == "thinking_delta":
            self._words(block, "thinking", json_string(delta.get("thinking")), out)
        elif kind == "signature_delta":
            block.start = {**block.start, "signature": delta.get("signature")}
        elif kind == "citations_delta":
            self._notes.add("citations were left out")

    def _words(self, block: _Block, kind: str, words: str, out: list[bytes]) -> None:
        if words:
            block.pieces.append(words)
            field = b'"content":' if kind == "text" else b'"reasoning_content":'
            self._emit(field + orjson.dumps(words), out)

    def _arguments(self, block: _Block, piece: str, out: list[bytes]) -> None:
        if piece and block.call is not None:
            block.pieces.append(piece)
            index = b"%d" % block.call
            function = b',"function":{"arguments":' + orjson.dumps(piece) + b"}}]"
            self._emit(b'"tool_calls":[{"index":' + index + function, out)

    def _block_stop(self, index: int | None, out: list[bytes]) -> None:
        block = self._blocks.get(index)
        if block is not None and block.call is not None and not block.pieces:
            given = orjson.dumps(json_object(block.start.get("input"))).decode()
            self._arguments(block, given, out)

    def _message_delta(self, event: Json) -> None:
        self._stop = json_object(event.get("delta"))
        told = json_object(event.get("usage"))
        self._usage = self._usage | {k: v for k, v in told.items() if v is not None}
        self._counted = "output_tokens" in told

    def _message_stop(self, out: list[bytes]) -> None:
        for index in self._blocks:
            self._block_stop(index, out)
        self.done = self._stopped = True

    def _fail(self, what: str) -> None:
        self._error = UpstreamError(
            f"{self._upstream}: {what}", upstream=self._upstream, code="bad_reply"
        )
        self.done, self._rest = True, bytearray()

    def _final_usage(self) -> Usage | None:
        """What Claude counted; the output only once it counted to the end."""
        counts = self._usage
        if not self._counted:
            counts = {k: v for k, v in counts.items() if k != "output_tokens"}
        return read_usage(counts)

    def _keep(self) -> None:
        """Remember the reply, unless a part of it is cut."""
        content = [block.whole() for block in self._blocks.values()]
        whole = [block for block in content if block is not None]
        blocks = sendable(whole) if len(whole) == len(content) else None
        if blocks is not None:
            self._remember(blocks)


def _index(event: Json) -> int | None:
    """Which content block an event is about; None when it does not say."""
    return json_count(event.get("index"))


def _lone_payload(data: bytes) -> bytes | None:
    """The data of the one event that `data` is, as Claude mostly sends them; None when it is not
    plainly that."""
    at = data.find(b"data:")
    if at < 0 or data.find(b"\n", at) != len(data) - 2 or not data.endswith(b"\n\n"):
        return None
    return data[at + 5 : -2] if at == 0 or data[at - 1] == 0x0A else None
