"""What a fake upstream says: bytes of OpenAI's chat dialect, and the scripts that send them.

A script is a coroutine that is given one call and writes whatever it likes, whenever it likes. It
never sleeps to synchronise: it waits for what its test signals.
"""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Framing = Literal["chunked", "length", "close"]
Script = Callable[["Call"], Awaitable[None]]

DONE = b"data: [DONE]\n\n"
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 302: "Found"}


@dataclass(eq=False)
class Call:
    """One request as it stood on the wire, and the means to answer it."""

    number: int
    """Counts from 0 per upstream."""
    at: float
    """Monotonic seconds at its last byte."""
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    """In order, names in lower case."""
    body: bytes
    transport: asyncio.Transport
    writable: asyncio.Event
    """Clear while the peer reads too slowly to take more."""
    stalled: asyncio.Event
    """Set once the peer has ever read too slowly."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """The connection is gone, whoever closed it."""
    closed_at: float | None = None
    """Monotonic seconds; None while it is open."""
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    """The script has ended."""
    sent: int = 0
    """Bytes the script handed over so far."""
    framing: Framing = "length"

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @functools.cached_property
    def prompt(self) -> str:
        """Text of the last user message; empty for bodies that have none."""
        try:
            messages: list[Any] = self.json["messages"]
            return _text(next(m["content"] for m in reversed(messages) if m["role"] == "user"))
        except (ValueError, LookupError, TypeError, StopIteration, RecursionError):
            return ""

    async def raw(self, data: bytes) -> None:
        """Write bytes as they are; waits while the peer does not read."""
        if self.closed.is_set():
            raise ConnectionResetError("the peer has gone")
        self.transport.write(data)
        self.sent += len(data)
        await asyncio.sleep(0)  # an endless script must not keep the loop from seeing the peer go
        await self.writable.wait()
        if self.closed.is_set():
            raise ConnectionResetError("the peer has gone")

    async def head(
        self,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        framing: Framing = "chunked",
        length: int | None = None,
    ) -> None:
        self.framing = framing
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if framing == "chunked":
            lines.append("transfer-encoding: chunked")
        elif framing == "length":
            lines.append(f"content-length: {length or 0}")
        else:
            lines.append("connection: close")
        await self.raw("\r\n".join([*lines, "", ""]).encode())

    async def send(self, data: bytes) -> None:
        """One piece of the body, framed as the head announced."""
        if self.framing == "chunked":
            data = b"%x\r\n%s\r\n" % (len(data), data)
        await self.raw(data)

    async def end(self) -> None:
        if self.framing == "chunked":
            await self.raw(b"0\r\n\r\n")
        elif self.framing == "close":
            self.hang_up()

    def hang_up(self) -> None:
        """Close after what was written."""
        self.transport.close()

    def reset(self) -> None:
        """Drop the connection with a TCP reset."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts: list[Any] = content or []
    return "".join(part.get("text") or "" for part in parts)


# ---------------------------------------------------------------- what goes on the wire


def completion(text: str = "hello", *, model: str = "tiny-1", **extra: Any) -> bytes:
    """A chat completion as JSON."""
    body = {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }
    return json.dumps(body | extra).encode()


def event(payload: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def chunk(
    delta: Mapping[str, Any] | None = None,
    *,
    finish: str | None = None,
    usage: Mapping[str, int] | None = None,
) -> bytes:
    """One streamed event; with `usage` the last one, which has no choices."""
    choices = [] if usage else [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    payload: dict[str, Any] = {
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "tiny-1",
        "choices": choices,
    }
    return event(payload | ({"usage": dict(usage)} if usage else {}))


def text_events(words: Iterable[str], *, usage: bool = False, done: bool = True) -> list[bytes]:
    """A whole streamed reply, one word an event."""
    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": word}) for word in words]
    events.append(chunk(finish="stop"))
    if usage:
        events.append(chunk(usage={"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}))
    return [*events, DONE] if done else events


def tool_events(calls: Sequence[tuple[str, str, str]], pieces: int = 4) -> list[bytes]:
    """Tool calls (id, name, arguments), each one's arguments in this many fragments."""
    events = [chunk({"role": "assistant", "content": None})]
    for index, (call_id, name, arguments) in enumerate(calls):
        function = {"name": name, "arguments": ""}
        first = {"index": index, "id": call_id, "type": "function", "function": function}
        events.append(chunk({"tool_calls": [first]}))
        step = max(1, -(-len(arguments) // pieces))
        for start in range(0, len(arguments), step):
            part = {"index": index, "function": {"arguments": arguments[start : start + step]}}
            events.append(chunk({"tool_calls": [part]}))
    return [*events, chunk(finish="tool_calls"), DONE]


# ---------------------------------------------------------------- ready-made scripts


def reply_json(
    body: bytes | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    framing: Framing = "length",
) -> Script:
    """A whole body at once."""
    payload = completion() if body is None else body

    async def script(call: Call) -> None:
        merged = {"content-type": "application/json"} | dict(headers or {})
        await call.head(status, merged, framing=framing, length=len(payload))
        await call.send(payload)
        await call.end()

    return script


def failing(status: int, message: str = "no", headers: Mapping[str, str] | None = None) -> Script:
    """An error reply in OpenAI's shape."""
    error = {"message": message, "type": "server_error", "param": None, "code": f"fake_{status}"}
    return reply_json(json.dumps({"error": error}).encode(), status=status, headers=headers)


def reply_sse(
    pieces: Iterable[bytes],
    *,
    steps: asyncio.Semaphore | None = None,
    framing: Framing = "chunked",
    pause: float = 0.0,
    headers: Mapping[str, str] | None = None,
) -> Script:
    """A stream of pieces; with `steps`, one piece for each release by the test."""
    body = list(pieces)

    async def script(call: Call) -> None:
        merged = {"content-type": "text/event-stream; charset=utf-8"} | dict(headers or {})
        await call.head(200, merged, framing=framing, length=sum(map(len, body)))
        for piece in body:
            if steps is not None:
                await steps.acquire()
            if pause:
                await asyncio.sleep(pause)
            await call.send(piece)
        await call.end()

    return script


def broken_after(pieces: Sequence[bytes], how: Literal["reset", "close", "end"]) -> Script:
    """A stream that stops after these pieces: reset, closed unannounced, or ended in good form."""

    async def script(call: Call) -> None:
        await call.head(200, {"content-type": "text/event-stream"})
        for piece in pieces:
            await call.send(piece)
        if how == "end":
            await call.end()
        elif how == "close":
            call.hang_up()
        else:
            await asyncio.sleep(0.05)  # a reset discards what the peer has not read yet
            call.reset()

    return script


async def reset_at_once(call: Call) -> None:
    """No answer, and a TCP reset."""
    call.reset()


async def silent(call: Call) -> None:
    """No answer at all until the peer goes."""
    await call.closed.wait()


async def polite(call: Call) -> None:
    """The default: echoes the prompt, streamed when asked."""
    if call.method == "GET" and call.target.endswith("/models"):
        listing = {"object": "list", "data": [{"id": "tiny-1", "object": "model"}]}
        await reply_json(json.dumps(listing).encode())(call)
    elif not call.target.endswith("/chat/completions"):
        await failing(404, "no such path")(call)
    elif call.json.get("stream"):
        options: Any = call.json.get("stream_options")
        usage = bool(options and options.get("include_usage"))
        await reply_sse(text_events(["You ", "said: ", call.prompt], usage=usage))(call)
    else:
        await reply_json(completion("You said: " + call.prompt))(call)
