"""An HTTP/1.1 client that sends exactly the bytes it is given and tells exactly what came back.

For requests no decent client would send, peers that half-close or read slowly, and streams whose
arrival times matter. It follows the framing the server announces and says when that was broken.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """In order, names in lower case."""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def exchange_id(self) -> str:
        found = self.header("x-request-id")
        assert found, f"no x-request-id on {self.status}"
        return found

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.headers}


@dataclass(frozen=True, slots=True)
class Reply(Head):
    """A whole response."""

    body: bytes
    complete: bool
    """The body ended as the head announced it would."""
    seconds: float
    """From the first byte sent to the last received."""

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json()["error"]

    @property
    def events(self) -> list[bytes]:
        return split_events(self.body)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One SSE event as it came."""

    raw: bytes
    """With its blank line."""
    at: float
    """Monotonic seconds."""

    @property
    def data(self) -> Any:
        """The decoded payload; None for comments and `[DONE]`."""
        return event_data(self.raw)


def event_data(raw: bytes) -> Any:
    """The decoded payload of one event; None for comments and `[DONE]`."""
    lines = raw.replace(b"\r\n", b"\n").split(b"\n")
    data = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
    return None if not data or data == b"[DONE]" else json.loads(data)


def split_events(body: bytes) -> list[bytes]:
    """Whole events, each with its blank line; a rest without one comes last."""
    events: list[bytes] = []
    start = 0
    while start < len(body):
        ends = [body.find(sep, start) + len(sep) for sep in (b"\n\n", b"\r\n\r\n")]
        found = [end for end, sep in zip(ends, (2, 4), strict=True) if end >= start + sep]
        stop = min(found, default=len(body))
        events.append(body[start:stop])
        start = stop
    return events


def text_of(events: Sequence[bytes]) -> str:
    """Everything the first choice said."""
    words: list[str] = []
    for raw in events:
        data = event_data(raw)
        if data is not None:
            choices: list[Any] = data.get("choices", [])
            words += [choice["delta"].get("content") or "" for choice in choices[:1]]
    return "".join(words)


def request_bytes(
    method: str, target: str, body: bytes | None = None, headers: Pairs = (), host: str = ""
) -> bytes:
    """A well-formed request; content-length and host are added where missing."""
    names = {name.lower() for name, _ in headers}
    pairs = list(headers)
    if "host" not in names and host:
        pairs.insert(0, ("Host", host))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    if body is not None and "content-type" not in names:
        pairs.append(("Content-Type", "application/json"))
    head = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")


class Connection:
    """One connection to a server; use it as an async context manager."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.complete = False
        """The last body read ended as announced."""
        self.began = time.monotonic()

    @classmethod
    async def open(cls, url: str, *, receive_buffer: int | None = None) -> Self:
        """Connect; a small `receive_buffer` (bytes) makes a slow reader felt at once."""
        parts = urlsplit(url)
        sock = socket.socket()
        sock.setblocking(False)
        limit = 64 * 1024
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            limit = receive_buffer
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(sock, (parts.hostname, parts.port))
        except OSError:
            sock.close()
            raise
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(*await asyncio.open_connection(sock=sock, limit=limit))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, data: bytes) -> None:
        self.began = time.monotonic()
        self.writer.write(data)
        await self.writer.drain()

    def half_close(self) -> None:
        self.writer.write_eof()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def closed_by_peer(self) -> bytes:
        """What came until the server closed."""
        try:
            return await self.reader.read(-1)
        except ConnectionError:
            return b""

    async def head(self) -> Head:
        """The next response head; 1xx ones are passed over."""
        while True:
            block = await self.reader.readuntil(b"\r\n\r\n")
            first, *rest = block[:-4].decode("latin-1").split("\r\n")
            status = int(first.split(" ")[1])
            split = (line.partition(":") for line in rest)
            if status >= 200:
                return Head(status, tuple((n.lower(), v.strip()) for n, _, v in split))

    async def pieces(self, head: Head) -> AsyncGenerator[bytes]:
        """The body as it arrives, framing taken off; sets `complete`."""
        self.complete = False
        try:
            if "chunked" in (head.header("transfer-encoding") or ""):
                async for piece in self._chunks():
                    yield piece
            elif (length := head.header("content-length")) is not None:
                left = int(length)
                while left and (piece := await self.reader.read(min(left, 65536))):
                    left -= len(piece)
                    yield piece
                self.complete = left == 0
            else:
                while piece := await self.reader.read(65536):
                    yield piece
                self.complete = True
        except ConnectionError:
            return

    async def _chunks(self) -> AsyncGenerator[bytes]:
        while True:
            line = await self.reader.readline()
            if not line.endswith(b"\r\n"):
                return
            size = left = int(line.split(b";")[0], 16)
            while left and (piece := await self.reader.read(left)):
                left -= len(piece)
                yield piece
            if left or await self.reader.read(2) != b"\r\n":
                return
            if size == 0:
                self.complete = True
                return

    async def events(self, head: Head) -> AsyncGenerator[Arrival]:
        """SSE events as they become whole; a rest without its blank line comes last."""
        buffer = b""
        async for piece in self.pieces(head):
            *whole, rest = [*split_events(buffer + piece), b""]
            if whole and not whole[-1].endswith((b"\n\n", b"\r\n\r\n")):
                rest = whole.pop()
            for raw in whole:
                yield Arrival(raw, time.monotonic())
            buffer = rest
        if buffer:
            yield Arrival(buffer, time.monotonic())

    async def reply(self) -> Reply:
        """Everything up to the end of the body."""
        head = await self.head()
        body = b"".join([piece async for piece in self.pieces(head)])
        seconds = time.monotonic() - self.began
        return Reply(head.status, head.headers, body, self.complete, seconds)


async def send(url: str, data: bytes, *, within: float = 10.0, half_close: bool = False) -> Reply:
    """Send raw bytes on a connection of their own and read one response."""
    async with asyncio.timeout(within), await Connection.open(url) as connection:
        await connection.send(data)
        if half_close:
            connection.half_close()
        return await connection.reply()


async def call(
    url: str,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Pairs = (),
    *,
    within: float = 10.0,
) -> Reply:
    """One well-formed request on a connection of its own."""
    host = urlsplit(url).netloc
    return await send(url, request_bytes(method, target, body, headers, host), within=within)


async def get(url: str, target: str, headers: Pairs = (), *, within: float = 10.0) -> Reply:
    return await call(url, "GET", target, None, headers, within=within)


async def chat(
    url: str,
    prompt: str,
    *,
    headers: Pairs = (),
    within: float = 10.0,
    **fields: Any,
) -> Reply:
    """One chat completion; `fields` go into the body."""
    body = json.dumps(chat_body(prompt, **fields)).encode()
    return await call(url, "POST", "/v1/chat/completions", body, headers, within=within)


def chat_body(prompt: str, **fields: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": prompt}]} | fields


async def open_stream(
    url: str,
    prompt: str,
    *,
    headers: Pairs = (),
    receive_buffer: int | None = None,
    **fields: Any,
) -> Connection:
    """Send a streaming chat completion and leave the reading to the caller."""
    body = json.dumps(chat_body(prompt, stream=True, **fields)).encode()
    connection = await Connection.open(url, receive_buffer=receive_buffer)
    host = urlsplit(url).netloc
    await connection.send(request_bytes("POST", "/v1/chat/completions", body, headers, host))
    return connection
