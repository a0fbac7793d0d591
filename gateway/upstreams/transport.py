"""Sending one POST to an upstream and reading its answer as it comes: HTTP/1.1 over httptools.

Our own client, because this is the path of every request: aiohttp costs about 2.6 times the CPU per
request and httpx more than twenty times (docs/benchmarks.md). It owns connections, deadlines and
back-pressure, and refuses what a relay has no use for: redirects are not followed, encoded bodies
are not decoded, link-local and metadata addresses are never connected to.

    TransportError
    ├── ConnectFailed    no connection; nothing was sent
    ├── StaleConnection  a kept-alive connection was gone before any byte of an answer
    ├── DeadlineExceeded first_token, idle or total
    └── BrokenReply      what came back is not HTTP we understand, or it stopped short
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, Protocol, cast
from urllib.parse import urlsplit

import httptools

from gateway.addresses import forbidden
from gateway.settings import Deadlines
from gateway.upstreams.base import Headers, Prepared

_PAUSE_BYTES = 256 * 1024
"""Unread reply bytes past which the upstream is no longer read from."""
_HEAD_BYTES = 64 * 1024
_INTERIM_REPLIES = 16
_IDLE_SECONDS = 30.0
_LINGER_SECONDS = 1.0
"""How long a reply that said all it had may take to end its framing."""
_STALE_SECONDS = 1.0
_IDLE_CONNECTIONS = 256

DeadlineName = Literal["first_token", "idle", "total"]


class TransportError(Exception):
    """Root of what can go wrong between the gateway and an upstream, below its dialect."""


class ConnectFailed(TransportError):
    pass


class StaleConnection(TransportError):
    pass


class BrokenReply(TransportError):
    pass


class DeadlineExceeded(TransportError):
    def __init__(self, name: DeadlineName, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s ({name} deadline)")
        self.name: DeadlineName = name


class Reply(Protocol):
    """An answer whose head has arrived."""

    status: int
    connect_s: float | None
    """Seconds the connection took to open; None when a kept-alive one served."""

    @property
    def headers(self) -> Headers: ...

    async def read(self) -> bytes:
        """The next piece of the body as it came; b"" at its end. Raises TransportError."""
        ...

    def close(self, *, said_all: bool = False) -> None:
        """Be done with it: reuse the connection after a whole reply, else drop it at once.

        `said_all`: the reply told that it was over, so the rest of its framing is worth a moment's
        wait.
        """
        ...


class Transport(Protocol):
    """The seam between the relay and the network."""

    async def post(self, prepared: Prepared, deadlines: Deadlines) -> Reply:
        """Send, and return once the reply's head is in. Raises TransportError."""
        ...

    def close(self) -> None:
        """Drop every idle connection; those in use are dropped when their reply is over."""
        ...


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header, or None."""
    return next((value for key, value in headers if key == name), None)


class HttpTransport:
    """Connections to one upstream's origin. Not shared between event loops."""

    def __init__(self, base_url: str) -> None:
        url = urlsplit(base_url)
        if url.scheme not in ("http", "https") or not url.hostname or not url.netloc.isascii():
            raise ValueError(f"not an http(s) address: {base_url!r}")
        self._host = url.hostname
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._idle: list[_Connection] = []
        self._closed = False
        self._netloc = url.netloc.rpartition("@")[2].encode("ascii")

    async def post(self, prepared: Prepared, deadlines: Deadlines) -> Reply:
        started = time.monotonic()
        connection = self._reuse(started)
        connect_s = None
        if connection is None:
            try:
                async with asyncio.timeout(deadlines.connect):
                    connection = await self._connect(deadlines.connect)
            except TimeoutError:
                raise ConnectFailed(f"no connection within {deadlines.connect:g} s") from None
            connect_s = time.monotonic() - started
        exchange = _Exchange(connection, self, deadlines, connect_s)
        try:
            await exchange.send(self._render(prepared))
        except BaseException:
            exchange.close()
            raise
        return exchange

    def close(self) -> None:
        self._closed = True
        for connection in tuple(self._idle):
            connection.abort()
        self._idle.clear()

    def keep(self, connection: _Connection) -> None:
        """Take back a connection whose reply was read whole."""
        if self._closed or len(self._idle) >= _IDLE_CONNECTIONS:
            connection.abort()
            return
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        if connection.idle_since - self._idle[0].idle_since > _IDLE_SECONDS:
            self._idle.pop(0).abort()

    def forget(self, connection: _Connection) -> None:
        with suppress(ValueError):
            self._idle.remove(connection)

    def _reuse(self, now: float) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if now - connection.idle_since < _IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    def _render(self, prepared: Prepared) -> bytes:
        lines = [b"POST %b HTTP/1.1\r\nhost: %b" % (prepared.path.encode("ascii"), self._netloc)]
        lines += [b"%b: %b" % pair for pair in prepared.headers]
        lines.append(b"content-length: %d\r\n\r\n" % len(prepared.body))
        return b"\r\n".join(lines) + prepared.body

    async def _connect(self, seconds: float) -> _Connection:
        """Try each address in turn, all of them within `seconds`."""
        loop = asyncio.get_running_loop()
        failure = "no address"
        addresses = await _resolve(self._host, self._port)
        for address in addresses:
            try:
                async with asyncio.timeout(seconds / len(addresses)):
                    _, protocol = await loop.create_connection(
                        lambda: _Connection(self),
                        address,
                        self._port,
                        ssl=self._tls,
                        server_hostname=self._host if self._tls else None,
                    )
            except TimeoutError:
                failure = f"no answer from {address}"
            except OSError as error:
                failure = error.strerror or str(error)
            else:
                return protocol
        raise ConnectFailed(f"cannot connect to {self._host}:{self._port}: {failure}")


async def _resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of `host`, checked at connect time: a name cannot flip to a forbidden one."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectFailed(f"cannot resolve {host}: {error.strerror or error}") from None
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        reason = forbidden(address)
        if reason is not None:
            raise ConnectFailed(f"{host} resolves to {address}, which is refused: {reason}")
    return addresses


class _Connection(asyncio.Protocol):
    """One keep-alive connection; at most one request at a time."""

    __slots__ = ("_exchange", "_transport", "_writable", "idle_since", "lost", "pool", "served")

    def __init__(self, pool: HttpTransport) -> None:
        self.pool = pool
        self.idle_since = 0.0
        self.served = 0
        """Requests answered so far."""
        self.lost = False
        self._exchange: _Exchange | None = None
        self._transport: asyncio.Transport | None = None
        self._writable: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.lost = True
        self.pool.forget(self)
        self.resume_writing()
        if self._exchange is not None:
            self._exchange.on_lost()

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            self.pool.forget(self)
            self.abort()  # bytes nobody asked for
        else:
            self._exchange.on_data(data)

    def eof_received(self) -> None:
        return None  # closes; connection_lost follows

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        waiter, self._writable = self._writable, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def serve(self, exchange: _Exchange | None) -> None:
        self._exchange = exchange

    def write(self, data: bytes) -> asyncio.Future[None] | None:
        """Write; returns what to wait for when the upstream takes it slowly."""
        if self._transport is None or self.lost:
            raise StaleConnection("the upstream closed its kept-alive connection")
        self._transport.write(data)
        return self._writable

    def pause(self) -> None:
        if self._transport is not None and not self.lost:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self.lost:
            self._transport.resume_reading()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class _Exchange:
    """One request on a connection and the reply to it; also httptools' callback object."""

    __slots__ = (
        "_buffer",
        "_buffered",
        "_connection",
        "_deadlines",
        "_error",
        "_finished",
        "_first_byte",
        "_head_bytes",
        "_header_bytes",
        "_headers",
        "_interim",
        "_keep",
        "_last",
        "_lingering",
        "_loop",
        "_parser",
        "_paused",
        "_pool",
        "_started",
        "_timer",
        "_waiter",
        "connect_s",
        "status",
    )

    def __init__(
        self,
        connection: _Connection,
        pool: HttpTransport,
        deadlines: Deadlines,
        connect_s: float | None,
    ) -> None:
        self.status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self.connect_s = connect_s
        self._connection = connection
        self._pool = pool
        self._deadlines = deadlines
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._paused = False
        self._finished = False
        self._error: TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._head_bytes = 0
        self._header_bytes = 0
        self._interim = 0
        self._keep = False
        self._lingering = False
        self._first_byte: float | None = None
        self._started = self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        connection.serve(self)

    # what the relay calls

    @property
    def headers(self) -> Headers:
        return self._headers

    async def send(self, request: bytes) -> None:
        """Send the request and wait for the head of its reply."""
        self._arm()
        blocked = self._connection.write(request)
        if blocked is not None:
            await blocked
        while not self.status and self._error is None:
            await self._wait()
        if not self.status and self._error is not None:
            raise self._error

    async def read(self) -> bytes:
        while True:
            if self._buffer:
                data = self._buffer[0] if len(self._buffer) == 1 else b"".join(self._buffer)
                self._buffer.clear()
                self._buffered = 0
                if self._paused:
                    self._paused = False
                    self._last = self._loop.time()
                    self._connection.resume()
                return data
            if self._finished:
                return b""
            if self._error is not None:
                raise self._error
            await self._wait()

    def close(self, *, said_all: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        connection = self._connection
        if said_all and not self._finished and self._error is None and not connection.lost:
            self._lingering = True
            self._timer = self._loop.call_later(_LINGER_SECONDS, connection.abort)
            if self._paused:
                self._paused = False
                connection.resume()
            return
        self._lingering = False
        connection.serve(None)
        reusable = self._finished and self._error is None and not connection.lost
        if reusable and self._keep:
            connection.served += 1
            self._pool.keep(connection)
        else:
            connection.abort()

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

    # what the connection calls

    def on_data(self, data: bytes) -> None:
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
            self._connection.abort()
            return
        if not self.status and self._head_bytes > _HEAD_BYTES:
            self._too_large()
            return
        if self._buffered > _PAUSE_BYTES and not self._paused:
            self._paused = True
            self._connection.pause()
        self._wake()
        if self._lingering and (self._finished or self._buffered > _HEAD_BYTES):
            self.close()

    def on_lost(self) -> None:
        if self._lingering:
            self.close()
        elif self._finished or self._error is not None:
            self._wake()
        elif self.status and self._closes_body():
            self._finished = True
            self._wake()
        elif not self._head_bytes and self._connection.served and self._is_fresh():
            self._fail(StaleConnection("the upstream closed its kept-alive connection"))
        else:
            self._fail(BrokenReply("the upstream closed the connection before its reply was whole"))

    def _is_fresh(self) -> bool:
        """So short after sending that a kept-alive connection must have been closed before: later
        the request may well have been taken, and billed."""
        return self._loop.time() - self._started < _STALE_SECONDS

    def _too_large(self) -> None:
        self._fail(BrokenReply("the reply's head is too large"))
        self._connection.abort()

    def _closes_body(self) -> bool:
        """HTTP/1.0 style: no length, no chunks, the body ends with the connection."""
        named = {name for name, _ in self._headers}
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
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._finished:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim += 1
            self._headers.clear()
            if self._interim > _INTERIM_REPLIES or status == 101:
                self._fail(BrokenReply("too many interim replies"))
            return
        encoding = header(self._headers, b"content-encoding")
        if encoding is not None and encoding.lower() != b"identity":
            self._fail(BrokenReply("the reply is content-encoded, which was not asked for"))
            return
        self._keep = self._parser.should_keep_alive()
        if self._error is None:
            self.status = status

    def on_body(self, body: bytes) -> None:
        if self._finished:
            return
        if self._first_byte is None:
            self._first_byte = self._last
            self._rearm()
        self._buffer.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        if self.status:
            self._finished = True

    # deadlines: one timer a reply, re-armed when it fires early

    def _due(self) -> tuple[float, DeadlineName, float]:
        """When which deadline passes, and its length."""
        limits = self._deadlines
        total = (self._started + limits.total, "total", limits.total)
        if self._first_byte is None:
            nearest = (self._started + limits.first_token, "first_token", limits.first_token)
        elif self._buffer or self._paused:  # the client is slow, not the upstream
            nearest = (self._loop.time() + limits.idle, "idle", limits.idle)
        else:
            nearest = (self._last + limits.idle, "idle", limits.idle)
        return min(total, nearest)

    def _arm(self) -> None:
        self._timer = self._loop.call_at(self._due()[0], self._check)

    def _rearm(self) -> None:
        """The first byte is in: the idle deadline may come before the one waited for."""
        if self._timer is not None and self._due()[0] < self._timer.when():
            self._timer.cancel()
            self._arm()

    def _check(self) -> None:
        due, name, seconds = self._due()
        if self._finished or self._error is not None:
            return
        if self._loop.time() < due:
            self._arm()
        else:
            self._fail(DeadlineExceeded(name, seconds))
            self._connection.abort()
