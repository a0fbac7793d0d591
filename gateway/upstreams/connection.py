"""One kept connection to an upstream, and the reply that is under way on it: HTTP/1.1 over
httptools, its deadlines, and back-pressure.

A connection carries one request at a time and is the `Reply` to it until that is closed. Parser and
timer are made once and serve every reply: they cost more than reading a short one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from gateway.settings import Deadlines
from gateway.upstreams.reply import (
    BrokenReply,
    DeadlineExceeded,
    DeadlineName,
    StaleConnection,
    TransportError,
    header,
)

_PAUSE_BYTES = 256 * 1024
"""Unread reply bytes past which the upstream is no longer read from."""
_HEAD_BYTES = 64 * 1024
_INTERIM_REPLIES = 16
_LINGER_SECONDS = 1.0
"""How long a reply that said all it had may take to end its framing."""
_STALE_SECONDS = 1.0

_FOREVER = float("inf")


class Pool(Protocol):
    """Who keeps connections between two requests."""

    def keep(self, connection: Connection) -> None:
        """Take back a connection whose reply was read whole."""
        ...

    def forget(self, connection: Connection) -> None:
        """A kept connection is of no more use."""
        ...


class Connection(asyncio.Protocol):
    """See the module."""

    __slots__ = (
        "_buffer", "_buffered", "_busy", "_deadlines", "_error", "_fault", "_finished",
        "_first_byte", "_head_bytes", "_header_bytes", "_interim", "_keep", "_last", "_linger",
        "_loop", "_parser", "_paused", "_pool", "_started", "_take", "_timer", "_timer_due",
        "_transport", "_waiter", "_writable", "connect_s", "headers", "idle_since", "lost",
        "served", "status",
    )  # fmt: skip

    def __init__(self, pool: Pool) -> None:
        self.idle_since = 0.0
        self.served = 0
        """Requests answered so far."""
        self.lost = False
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._writable: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = _FOREVER
        self._linger: asyncio.TimerHandle | None = None
        self._buffer: list[bytes] = []
        self._busy = False
        self._paused = False
        self._take: Callable[[bytes], bool] | None = None
        self._fault: BaseException | None = None
        """What `take` raised."""

    # what the relay calls: this is the reply

    status: int
    connect_s: float | None
    headers: list[tuple[bytes, bytes]]

    async def ask(self, request: bytes, deadlines: Deadlines, connect_s: float | None) -> None:
        """Send a request and wait for the head of its reply. Raises TransportError."""
        self._busy = True
        self.status = 0
        self.connect_s = connect_s
        self.headers = []
        self._deadlines = deadlines
        self._buffered = self._head_bytes = self._header_bytes = self._interim = 0
        self._finished = self._keep = False
        self._error: TransportError | None = None
        self._first_byte = False
        self._started = self._last = self._loop.time()
        soonest = self._started + min(deadlines.first_token, deadlines.idle, deadlines.total)
        if soonest < self._timer_due:
            self._watch(soonest)
        if self._transport is None or self.lost:
            raise StaleConnection("the upstream closed its kept-alive connection")
        self._transport.write(request)
        if self._writable is not None:
            await self._writable
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait()

    def ready(self) -> bytes | None:
        buffer = self._buffer
        if buffer:
            data = buffer[0] if len(buffer) == 1 else b"".join(buffer)
            buffer.clear()
            self._buffered = 0
            if self._paused:
                self._last = self._loop.time()
                self._resume()
            return data
        if self._finished:
            return b""
        if self._error is not None:
            raise self._error
        return None

    async def read(self) -> bytes:
        while (data := self.ready()) is None:
            await self._wait()
        return data

    async def hand(self, take: Callable[[bytes], bool]) -> bool:
        while data := self.ready():
            if not take(data):
                return True
        self._take = take
        try:
            while data is None:
                await self._wait()
                if self._take is None:
                    if self._fault is not None:
                        raise self._fault
                    return True
                data = self.ready()
        finally:
            self._take = self._fault = None
        return False

    def close(self, *, said_all: bool = False) -> None:
        if said_all and not self._finished and self._error is None and not self.lost:
            self._linger = self._loop.call_later(_LINGER_SECONDS, self.abort)
            self._resume()
            return
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._busy = False
        self._buffer.clear()
        if self._finished and self._keep and self._error is None and not self.lost:
            self.served += 1
            self._pool.keep(self)
        else:
            self.abort()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: TransportError) -> None:
        if self._error is None and not self._finished:
            self._error = error
        self._wake()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            if self._transport is not None and not self.lost:
                self._transport.resume_reading()

    # what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            self._pool.forget(self)
            self.abort()  # bytes nobody asked for
            return
        if self._finished:
            self._error = BrokenReply("bytes after the end of the reply")
            return
        if not self.status:
            self._head_bytes += len(data)
        self._last = self._loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(BrokenReply(f"not a valid HTTP reply: {error}"))
            self.abort()
            return
        if not self.status and self._head_bytes > _HEAD_BYTES:
            self._too_large()
            return
        if self._take is not None and self._buffer:
            self._hand_over(self._take)
        if self._buffered > _PAUSE_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        if self._take is None or self._finished or self._error is not None:
            self._wake()
        if self._linger is not None and (self._finished or self._buffered > _HEAD_BYTES):
            self.close()

    def _hand_over(self, take: Callable[[bytes], bool]) -> None:
        """What came, to whom `hand` was given: no task has to wake for it."""
        data = self.ready()
        try:
            if data and not take(data):
                self._take = None
        except Exception as fault:  # raised again where `hand` is awaited
            self._take, self._fault = None, fault

    def eof_received(self) -> None:
        return None  # closes; connection_lost follows

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.lost = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pool.forget(self)
        self.resume_writing()
        if not self._busy:
            return
        if self._linger is not None:
            self.close()
        elif self._finished or self._error is not None:
            self._wake()
        elif self.status and self._closes_body():
            self._finished = True
            self._wake()
        elif not self._head_bytes and self.served and self._is_fresh():
            self._fail(StaleConnection("the upstream closed its kept-alive connection"))
        else:
            self._fail(BrokenReply("the upstream closed the connection before its reply was whole"))

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        waiter, self._writable = self._writable, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _is_fresh(self) -> bool:
        """So short after sending that a kept-alive connection must have been closed before: later
        the request may well have been taken, and billed."""
        return self._loop.time() - self._started < _STALE_SECONDS

    def _too_large(self) -> None:
        self._fail(BrokenReply("the reply's head is too large"))
        self.abort()

    def _closes_body(self) -> bool:
        """HTTP/1.0 style: no length, no chunks, the body ends with the connection."""
        named = {name for name, _ in self.headers}
        return b"content-length" not in named and b"transfer-encoding" not in named

    # httptools callbacks

    def on_message_begin(self) -> None:
        if self._finished:
            self._error = BrokenReply("a second reply came unasked")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._finished:
            return
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _HEAD_BYTES:
            self._too_large()
        else:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._finished:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim += 1
            self.headers.clear()
            if self._interim > _INTERIM_REPLIES or status == 101:
                self._fail(BrokenReply("too many interim replies"))
            return
        encoding = header(self.headers, b"content-encoding")
        if encoding is not None and encoding.lower() != b"identity":
            self._fail(BrokenReply("the reply is content-encoded, which was not asked for"))
            return
        self._keep = self._parser.should_keep_alive()
        if self._error is None:
            self.status = status

    def on_body(self, body: bytes) -> None:
        if self._finished:
            return
        self._first_byte = True
        self._buffer.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        if self.status:
            self._finished = True

    # deadlines: one timer a connection, never put off; when it fires they are looked at again

    def _due(self) -> tuple[float, DeadlineName, float]:
        """When which deadline passes, and its length."""
        limits = self._deadlines
        total = self._started + limits.total
        if not self._first_byte:
            at, name, seconds = (
                self._started + limits.first_token,
                "first_token",
                limits.first_token,
            )
        else:  # while anything is unread the client is slow, not the upstream
            last = self._loop.time() if self._buffer or self._paused else self._last
            at, name, seconds = last + limits.idle, "idle", limits.idle
        if total < at:
            return total, "total", limits.total
        return at, name, seconds

    def _watch(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_due = self._loop.call_at(at, self._check), at

    def _check(self) -> None:
        self._timer, self._timer_due = None, _FOREVER
        if not self._busy or self._linger is not None or self._finished or self._error is not None:
            return
        due, name, seconds = self._due()
        if self._loop.time() < due:
            # the first byte may come meanwhile, and then the idle deadline counts
            self._watch(min(due, self._loop.time() + self._deadlines.idle))
        else:
            self._fail(DeadlineExceeded(name, seconds))
            self.abort()
