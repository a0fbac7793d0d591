"""A fake of Anthropic's Messages API on loopback, for tests that need Claude to say something.

It speaks the real wire: chunked server-sent events with padding and pings, JSON bodies, errors in
Anthropic's shape with a request id. It asks for a key and refuses what the real one refuses
(`claude_rules`). What it says is scripted, reply by reply; with nothing scripted it greets.

    async with FakeClaude() as claude:
        claude.script(Says("Hello."), Fails(529, "overloaded_error", "Overloaded"))
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.claude_rules import why_refused

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Use:
    """One tool call Claude makes."""

    id: str
    name: str
    input: JsonObject = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Says:
    """One reply, streamed or not as the request asks."""

    text: str = ""
    thinking: str = ""
    uses: Sequence[Use] = ()
    stop_reason: str | None = None
    """None: `tool_use` when it uses tools, else `end_turn`."""
    input_tokens: int = 12
    output_tokens: int = 7
    cache_read_tokens: int = 0
    pieces: int = 3
    """Deltas that each text, thought and argument text is cut into."""

    def message(self, model: str) -> JsonObject:
        content: list[JsonObject] = []
        if self.thinking:
            content.append(
                {"type": "thinking", "thinking": self.thinking, "signature": f"sig-{self.thinking}"}
            )
        if self.text:
            content.append({"type": "text", "text": self.text})
        content.extend(
            {"type": "tool_use", "id": use.id, "name": use.name, "input": use.input}
            for use in self.uses
        )
        return {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": self.stop_reason or ("tool_use" if self.uses else "end_turn"),
            "stop_sequence": None,
            "usage": {
                "input_tokens": self.input_tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": self.cache_read_tokens,
                "output_tokens": self.output_tokens,
            },
        }


@dataclass(frozen=True, slots=True)
class Plays:
    """One reply, byte for byte, as it was recorded."""

    body: bytes
    streamed: bool


@dataclass(frozen=True, slots=True)
class Fails:
    """One error answer in Anthropic's shape."""

    status: int
    type: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Breaks:
    """A stream that ends after so many events of `says`: with an error event, or with nothing."""

    says: Says
    after: int
    error: tuple[str, str] | None = None
    """(type, message) of the error event; None: the connection just closes."""


Reply = Says | Plays | Fails | Breaks


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    """Lower-case names."""
    body: JsonObject


def stream_events(message: JsonObject, pieces: int = 3) -> list[bytes]:
    """A message as Claude streams it, one encoded event each."""
    usage = {**message["usage"], "output_tokens": 1}
    head: JsonObject = {**message, "content": [], "stop_reason": None, "usage": usage}
    events: list[JsonObject] = [{"type": "message_start", "message": head}]
    for index, block in enumerate(message["content"]):
        events.extend(_block_events(index, block, pieces))
        if index == 0:
            events.insert(2, {"type": "ping"})
    ends = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ends, "usage": message["usage"]})
    events.append({"type": "message_stop"})
    return [encode_event(event, padding=n % 7) for n, event in enumerate(events)]


def encode_event(event: JsonObject, padding: int = 0) -> bytes:
    """One event with the trailing spaces Claude pads its data with."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}{' ' * padding}\n\n".encode()


def _block_events(index: int, block: JsonObject, pieces: int) -> list[JsonObject]:
    kind = block["type"]
    if kind == "tool_use":
        start: JsonObject = {**block, "input": {}}
        arguments = json.dumps(block["input"]) if block["input"] else ""
        parts = ["", *_cut(arguments, pieces)]
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
    else:
        start = {**block, kind: ""}
        start.pop("signature", None)
        deltas = [{"type": f"{kind}_delta", kind: part} for part in _cut(block[kind], pieces)]
        if kind == "thinking":
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _cut(text: str, pieces: int) -> list[str]:
    size = max(1, -(-len(text) // pieces))
    return [text[at : at + size] for at in range(0, len(text), size)]


class FakeClaude:
    """The fake. `requests` is what it was sent; `script` what it will say."""

    def __init__(self, *, interval: float = 0.0, strict: bool = True) -> None:
        self.requests: list[Received] = []
        self.client_gone = asyncio.Event()
        """Set when a client hung up before its reply was over."""
        self.may_go_on = asyncio.Event()
        """While cleared, streams stop before their next event."""
        self.may_go_on.set()
        self._interval = interval
        self._strict = strict
        self._script: deque[Reply] = deque()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def script(self, *replies: Reply) -> None:
        """Say these next, one for each request."""
        self._script.extend(replies)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while (received := await _receive(reader)) is not None:
                self.requests.append(received)
                await self._answer(received, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.client_gone.set()
        finally:
            self._connections.discard(task)
            writer.close()

    def _choose(self, received: Received) -> Reply:
        if not received.headers.get("x-api-key"):
            return Fails(401, "authentication_error", "x-api-key header is required")
        if received.path != "/v1/messages" or "anthropic-version" not in received.headers:
            return Fails(404, "not_found_error", "Not found")
        refused = why_refused(received.body) if self._strict else None
        if refused is not None:
            return Fails(400, "invalid_request_error", refused)
        return self._script.popleft() if self._script else Says("Hello from the fake Claude.")

    async def _answer(
        self, received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        reply = self._choose(received)
        model = str(received.body.get("model"))
        if isinstance(reply, Fails):
            error = {"type": reply.type, "message": reply.message}
            body = {"type": "error", "error": error, "request_id": "req_fake"}
            await _send(writer, reply.status, json.dumps(body).encode(), reply.headers)
        elif isinstance(reply, Plays) and not reply.streamed:
            await _send(writer, 200, reply.body, {})
        elif isinstance(reply, Says) and not received.body.get("stream"):
            await _send(writer, 200, json.dumps(reply.message(model)).encode(), {})
        elif isinstance(reply, Plays):
            await self._stream([reply.body], reader, writer)
        elif isinstance(reply, Says):
            await self._stream(stream_events(reply.message(model), reply.pieces), reader, writer)
        else:
            await self._break(reply, model, reader, writer)

    async def _break(
        self, reply: Breaks, model: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        events = stream_events(reply.says.message(model), reply.says.pieces)[: reply.after]
        if reply.error is not None:
            error = {"type": reply.error[0], "message": reply.error[1]}
            events.append(encode_event({"type": "error", "error": error}))
        await self._stream(events, reader, writer, whole=reply.error is not None)
        if reply.error is None:
            writer.close()

    async def _stream(
        self,
        events: Sequence[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        whole: bool = True,
    ) -> None:
        """Send events in chunks of HTTP; a body that is not `whole` lacks its last chunk."""
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"request-id: req_fake\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        gone = asyncio.ensure_future(reader.read(1))
        for event in events:
            await self._until_allowed(gone)
            if gone.done():
                raise ConnectionResetError
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
        gone.cancel()
        await asyncio.wait((gone,))
        if whole:
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    async def _until_allowed(self, gone: asyncio.Future[bytes]) -> None:
        if self._interval:
            await asyncio.sleep(self._interval)
        if self.may_go_on.is_set():
            return
        waiting = asyncio.ensure_future(self.may_go_on.wait())
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()


async def _receive(reader: asyncio.StreamReader) -> Received | None:
    """The next request on a connection; None when the client has closed it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as cut:
        if not cut.partial:
            return None
        raise
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(first.split(" ")[1], headers, json.loads(body) if body else {})


async def _send(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: Mapping[str, str]
) -> None:
    lines = [
        f"HTTP/1.1 {status} Fake",
        "content-type: application/json",
        "request-id: req_fake",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()
