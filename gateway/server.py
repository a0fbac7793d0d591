"""The HTTP server: uvicorn, with what it lacks against slow, oversized and broken requests.

uvicorn over httptools bounds neither the size of a request's head nor the time a client takes to
send it. `GuardedProtocol` adds both, and answers what the parser refuses in the API's own error
shape. `ClientResponse` is how the hot path answers: it writes head and body in one piece, half the
cost of ASGI's `send`, and tells at once that a client has gone, without a task waiting for it.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import Server as UvicornServer

from capture.ids import new_id
from gateway.errors import ClientError, GatewayError
from gateway.settings import Limits

RESPONSE = "majordomo.response"
"""ASGI extension under which a request's `ClientResponse` is found."""

_DISCARDED_BYTES = 64 * 1024 * 1024
"""A body already answered with an error is read on, and thrown away, up to this many bytes past the
largest body allowed; then the connection is cut."""
_PIPELINED = 4
"""Requests that may wait behind one under way on the same connection."""
_UPGRADE = re.compile(rb"(\r\n)upgrade[ \t]*:", re.IGNORECASE)
_BODY_BYTES_PER_SECOND = 1024
"""Slowest body that is still taken, once `body_seconds` have passed."""


class ClientResponse:
    """The response to one request, written straight to its connection."""

    __slots__ = ("_chunked", "_cycle", "_head", "_protocol", "on_gone")

    def __init__(self, protocol: GuardedProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self._head = b""
        self._chunked = False
        self.on_gone: Callable[[], None] | None = None
        """Called once when the client goes away before its response is complete."""

    @property
    def writable(self) -> bool:
        """False while the client reads too slowly to be sent more."""
        return not self._protocol.flow.write_paused

    @property
    def begun(self) -> bool:
        """Whether its head was set, and not all of it was handed to the connection."""
        return self._cycle.response_started and not self._cycle.response_complete

    @property
    def complete(self) -> bool:
        """Whether all of it was handed to the connection."""
        return self._cycle.response_complete

    def head(self, status: int, headers: Iterable[tuple[bytes, bytes]], length: int | None) -> None:
        """Set the head, sent with the first piece of the body; `length` None: unknown yet.

        Names and values must be valid already: nothing is checked here.
        """
        cycle = self._cycle
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        lines = [STATUS_LINE[status]]
        lines += [
            b"%b: %b\r\n" % pair
            for pair in (*self._protocol.server_state.default_headers, *headers)
        ]
        if length is not None:
            lines.append(b"content-length: %d\r\n" % length)
        elif cycle.scope["http_version"] == "1.0":
            cycle.keep_alive = False
        else:
            self._chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        self._head = b"".join(lines)

    async def body(self, data: bytes, *, more: bool) -> None:
        """Send a piece of the body, waiting first while the client reads slowly."""
        protocol, cycle = self._protocol, self._cycle
        if protocol.flow.write_paused and not cycle.disconnected:
            await protocol.flow.drain()
        if cycle.disconnected or cycle.response_complete:
            return
        head, self._head = self._head, b""
        if self._chunked:
            framed = b"%b%x\r\n%b\r\n" % (head, len(data), data) if data else head
            protocol.transport.write(framed if more else framed + b"0\r\n\r\n")
        else:
            protocol.transport.write(head + data)
        if not more:
            self._complete()

    def _complete(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        self._protocol.responses.discard(self)
        if not cycle.keep_alive:
            self._protocol.transport.close()
        cycle.on_response()

    def gone(self) -> None:
        """The connection is lost."""
        tell, self.on_gone = self.on_gone, None
        if tell is not None:
            tell()


class GuardedProtocol(HttpToolsProtocol):
    """One client connection. `limits` is set on the subclass that `guarded` makes."""

    limits: Limits

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.responses: set[ClientResponse] = set()
        """Not complete yet; more than one only when a client pipelines."""
        self._head_bytes = 0
        self._in_head = True
        self._in_body = False
        self._body_bytes = 0
        self._request_began = 0.0
        self._refusal: GatewayError | None = None
        self._most_discarded = self.limits.body_bytes + _DISCARDED_BYTES
        self._deadline: asyncio.TimerHandle | None = None

    # connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as uvicorn has it
        super().connection_made(transport)
        self._request_began = self.loop.time()
        self._arm(self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        for response in tuple(self.responses):
            response.gone()
        self.responses.clear()

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        self._disarm()
        if self._in_head:
            if not self._head_bytes:
                data = data.lstrip(b"\r\n")  # between requests (RFC 9112 section 2.2)
                if not data:
                    return
                self._request_began = self.loop.time()
            data = _without_upgrade(data)
            self._head_bytes += len(data)
        super().data_received(data)
        if self._refusal is not None or self.transport.is_closing():
            return
        if self._in_head and self._head_bytes:
            if self._head_bytes > self.limits.header_bytes:
                self._refuse(_head_too_large(self.limits))
            else:
                self._arm(self._request_began + self.limits.header_seconds - self.loop.time())
        elif self._in_body:
            self._check_rate()

    # parser callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > 200:
            self._refusal = _head_too_large(self.limits)
            raise ValueError("too many headers")

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers)
        if size > self.limits.header_bytes:
            self._refusal = _head_too_large(self.limits)
            raise ValueError("request head too large")
        assert self.parser is not None
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            raise ValueError("not a version of HTTP that is spoken here")
        if len(self.pipeline) >= _PIPELINED:
            self._refusal = ClientError("too many pipelined requests", status=429, code="pipelined")
            raise ValueError("too many pipelined requests")
        self._in_head, self._in_body = False, True
        self._head_bytes = self._body_bytes = 0
        super().on_headers_complete()
        if self.responses:  # those that were answered through ASGI's `send`
            self.responses = {known for known in self.responses if not known.complete}
        response = ClientResponse(self, self.cycle)
        self.responses.add(response)
        self.scope["extensions"] = {RESPONSE: response}  # pyright: ignore[reportGeneralTypeIssues]  # our own

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self.cycle.response_complete and self._body_bytes > self._most_discarded:
            self.transport.abort()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._in_body = True, False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when the parser, or a callback above, refuses the bytes."""
        self._refuse(self._refusal or ClientError(msg, code="bad_http"))

    # slowness

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(max(seconds, 0.0), self._too_slow)

    def _check_rate(self) -> None:
        """A pause is bounded, and so is a trickle that never pauses."""
        elapsed = self.loop.time() - self._request_began
        if self._body_bytes < (elapsed - self.limits.body_seconds) * _BODY_BYTES_PER_SECOND:
            self._too_slow()
        else:
            self._arm(self.limits.body_seconds)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._in_body and self.flow.read_paused:  # we are not reading: not the client's fault
            self._arm(self.limits.body_seconds)
            return
        idle = not self._head_bytes and self._in_head
        if idle:
            self.transport.close()
        else:
            part = "body" if self._in_body else "head"
            message = f"the request's {part} came too slowly; the connection is closed"
            self._refuse(ClientError(message, status=408, code="request_timeout"))

    def _refuse(self, error: GatewayError) -> None:
        """Answer with an error unless another answer is under way, and close."""
        self._refusal = error
        if self.transport.is_closing():
            return
        request_id = new_id()
        if not any(response.begun for response in self.responses):
            body = error.body(request_id)
            head = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)
            head += b"x-request-id: %b\r\n" % request_id.encode()
            close = b"connection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[error.status] + head + close + body)
        self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """A request's head without its wish for another protocol, which is to be ignored (RFC 9110
    section 7.8): some clients send one by default, and the parser would stop at the body."""
    if b"pgrade" not in data:
        return data
    head, gap, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(rb"\1x-ignored-upgrade:", head) + gap + rest


def _head_too_large(limits: Limits) -> GatewayError:
    return ClientError(
        f"the request's headers are larger than {limits.header_bytes} bytes",
        status=431,
        code="headers_too_large",
    )


class Server(UvicornServer):
    """uvicorn's server without its signal handlers: `gateway.serve` owns the process."""

    def __init__(self, app: Callable[..., Any], *, limits: Limits, drain_seconds: int) -> None:
        protocol = type("LimitedProtocol", (GuardedProtocol,), {"limits": limits})
        self.listening = asyncio.Event()
        """Set once connections are accepted."""
        super().__init__(
            Config(
                app,
                loop="uvloop",
                http=protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=2048,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=drain_seconds,
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are `gateway.serve`'s."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()
