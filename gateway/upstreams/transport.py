"""Sending one POST to an upstream: which connection takes it, and connections to be had.

Our own client, because this is the path of every request: aiohttp costs about 2.6 times the CPU per
request and httpx more than twenty times (docs/benchmarks.md). It keeps connections, and refuses
what a relay has no use for: redirects are not followed, encoded bodies are not decoded, link-local
and metadata addresses are never connected to.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol
from urllib.parse import urlsplit

from capture.addresses import forbidden
from gateway.settings import Deadlines
from gateway.upstreams.base import Prepared
from gateway.upstreams.connection import Connection
from gateway.upstreams.reply import (
    BrokenReply,
    ConnectFailed,
    DeadlineExceeded,
    Reply,
    StaleConnection,
    TransportError,
    header,
)

__all__ = [
    "BrokenReply",
    "ConnectFailed",
    "DeadlineExceeded",
    "HttpTransport",
    "Reply",
    "StaleConnection",
    "Transport",
    "TransportError",
    "header",
]

_IDLE_SECONDS = 30.0
_IDLE_CONNECTIONS = 256


class Transport(Protocol):
    """The seam between the relay and the network."""

    async def post(self, prepared: Prepared, deadlines: Deadlines) -> Reply:
        """Send, and return once the reply's head is in. Raises TransportError."""
        ...

    def close(self) -> None:
        """Drop every idle connection; those in use are dropped when their reply is over."""
        ...


class HttpTransport:
    """Connections to one upstream's origin. Not shared between event loops."""

    def __init__(self, base_url: str) -> None:
        url = urlsplit(base_url)
        if url.scheme not in ("http", "https") or not url.hostname or not url.netloc.isascii():
            raise ValueError(f"not an http(s) address: {base_url!r}")
        self._host = url.hostname
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._idle: list[Connection] = []
        self._closed = False
        self._path: str | None = None
        self._headers: Sequence[tuple[bytes, bytes]] = ()
        self._head = b""
        """The last request's, up to its length."""
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
        try:
            await connection.ask(self._render(prepared), deadlines, connect_s)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        self._closed = True
        for connection in tuple(self._idle):
            connection.abort()
        self._idle.clear()

    def keep(self, connection: Connection) -> None:
        """Take back a connection whose reply was read whole."""
        if self._closed or len(self._idle) >= _IDLE_CONNECTIONS:
            connection.abort()
            return
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        if connection.idle_since - self._idle[0].idle_since > _IDLE_SECONDS:
            self._idle.pop(0).abort()

    def forget(self, connection: Connection) -> None:
        with suppress(ValueError):
            self._idle.remove(connection)

    def _reuse(self, now: float) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if now - connection.idle_since < _IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    def _render(self, prepared: Prepared) -> bytes:
        path, headers, body = prepared.path, prepared.headers, prepared.body
        if headers is not self._headers or path != self._path:  # a dialect's are always the same
            lines = [b"POST %b HTTP/1.1\r\nhost: %b" % (path.encode("ascii"), self._netloc)]
            lines += [b"%b: %b" % pair for pair in headers]
            self._path, self._headers = path, headers
            self._head = b"\r\n".join(lines) + b"\r\ncontent-length: "
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    async def _connect(self, seconds: float) -> Connection:
        """Try each address in turn, all of them within `seconds`."""
        loop = asyncio.get_running_loop()
        failure = "no address"
        addresses = await _resolve(self._host, self._port)
        for address in addresses:
            try:
                async with asyncio.timeout(seconds / len(addresses)):
                    _, protocol = await loop.create_connection(
                        lambda: Connection(self),
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
