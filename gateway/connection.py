"""One client connection: uvicorn's, with what it lacks against slow, oversized and broken requests.

uvicorn over httptools bounds neither the size of a request's head nor the time a client takes to
send it. `ClientConnection` adds both, answers what the parser refuses in the API's own error shape,
and hands chat requests to the hot path itself; all other requests go uvicorn's way.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from capture.ids import new_id
from gateway.chat_call import ChatCall, HotPath
from gateway.door import Visitor, expects
from gateway.errors import ClientError, GatewayError
from gateway.settings import Limits

CHAT = "/v1/chat/completions"
_CHAT = CHAT.encode()

_DISCARDED_BYTES = 64 * 1024 * 1024
"""A body already answered with an error is read on, and thrown away, up to this many bytes past the
largest body allowed; then the connection is cut."""
_PIPELINED = 4
"""Requests that may wait behind one under way on the same connection."""
_UPGRADE = re.compile(rb"(\r\n)upgrade[ \t]*:", re.IGNORECASE)
_HEADERS = 200
_BODY_BYTES_PER_SECOND = 1024
"""Slowest body that is still taken, once `body_seconds` have passed."""


class ClientConnection(HttpToolsProtocol):
    """See the module. `limits` and `hot` are set on the subclass that a server makes."""

    limits: Limits
    hot: HotPath | None
    """Answers chat requests; None leaves them to ASGI, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.visitor: Visitor | None = None
        """Who sent the last chat request that was let in."""
        self._serving: RequestResponseCycle | ChatCall | None = None
        """What is being answered."""
        self._incoming: RequestResponseCycle | ChatCall | None = None
        """The last request that came, pipelined or not; uvicorn knows it as `cycle`."""
        self._in_head = True
        self._in_body = False
        self._head_bytes = 0
        """Bytes received of a head that is not whole yet."""
        self._read_bytes = 0
        """Bytes that the last read brought."""
        self._body_bytes = 0
        self._request_began = 0.0
        self._refusal: GatewayError | None = None
        self._most_discarded = self.limits.body_bytes + _DISCARDED_BYTES
        self._deadline: asyncio.TimerHandle | None = None
        self._quiet_since = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._dated: object = None
        self._default_lines = b""

    # connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as uvicorn has it
        super().connection_made(transport)
        self._request_began = self.loop.time()
        self._arm(self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        super().connection_lost(exc)
        if isinstance(self._serving, ChatCall) and not self._serving.response_complete:
            self._serving.gone()

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        if self._deadline is not None:
            self._disarm()
        if self._in_head:
            if not self._head_bytes:
                data = data.lstrip(b"\r\n")  # between requests (RFC 9112 section 2.2)
                if not data:
                    return
                self._request_began = self.loop.time()
            data = _without_upgrade(data)
            self._head_bytes += len(data)
        self._read_bytes = len(data)
        self._feed(data)
        if self._refusal is not None or self.transport.is_closing():
            return
        if self._in_head and self._head_bytes:
            if self._head_bytes > self.limits.header_bytes:
                self._refuse(_head_too_large(self.limits))
            else:
                self._arm(self._request_began + self.limits.header_seconds - self.loop.time())
        elif self._in_body:
            self._check_rate()

    def _feed(self, data: bytes) -> None:
        assert self.parser is not None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:  # a wish that is ignored
            pass

    @property
    def default_lines(self) -> bytes:
        """Header lines of every response; uvicorn replaces its list of them once a second."""
        headers = self.server_state.default_headers
        if headers is not self._dated:
            self._dated = headers
            self._default_lines = b"".join([b"%b: %b\r\n" % pair for pair in headers])
        return self._default_lines

    # parser callbacks

    def on_message_begin(self) -> None:
        # what uvicorn's own does waits until it is known that ASGI needs it
        self.url = b""
        self.headers = []
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))
        if len(self.headers) > _HEADERS:
            self._refusal = _head_too_large(self.limits)
            raise ValueError("too many headers")

    def on_headers_complete(self) -> None:
        assert self.parser is not None
        limit = self.limits.header_bytes
        if max(self._head_bytes, self._read_bytes) > limit:  # there was room for too large a head
            size = len(self.url) + sum([len(n) + len(v) + 4 for n, v in self.headers])
            if size > limit:
                self._refusal = _head_too_large(self.limits)
                raise ValueError("request head too large")
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise ValueError("not a version of HTTP that is spoken here")
        if len(self.pipeline) >= _PIPELINED:
            self._refusal = ClientError("too many pipelined requests", status=429, code="pipelined")
            raise ValueError("too many pipelined requests")
        self._in_head, self._in_body = False, True
        self._head_bytes = self._body_bytes = 0
        hot = self.hot
        if hot is not None and self.parser.get_method() == b"POST" and _path(self.url) == CHAT:
            self._begin_chat(hot, http_1_0=version == "1.0")
        else:
            self._begin_asgi()

    def _begin_chat(self, hot: HotPath, *, http_1_0: bool) -> None:
        assert self.parser is not None
        before = self._incoming
        call = ChatCall(
            self,
            hot,
            self.headers,
            CHAT,
            http_1_0=http_1_0,
            keep_alive=not http_1_0 and self.parser.should_keep_alive(),
        )
        self._incoming = call
        self.cycle = cast("Any", call)
        if before is None or before.response_complete:
            self._serving = call
            call.start()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, cast("Any", self.app)))

    def _begin_asgi(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url, self.headers, self.scope["headers"] = url, headers, headers
        self.expect_100_continue = expects(headers)
        super().on_headers_complete()
        self._incoming = self.cycle

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """A request's turn has come: uvicorn calls this, also for those that were pipelined."""
        self._serving = call = cast("RequestResponseCycle | ChatCall", cycle)
        if isinstance(call, ChatCall):
            call.start()
        else:
            super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        call = self._incoming
        assert call is not None
        if call.response_complete:
            if self._body_bytes > self._most_discarded:
                self.transport.abort()
        elif isinstance(call, ChatCall):
            call.take(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._in_body = True, False
        call = self._incoming
        if not isinstance(call, ChatCall):
            super().on_message_complete()
        elif not call.response_complete:
            call.whole()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when the parser, or a callback above, refuses the bytes."""
        self._refuse(self._refusal or ClientError(msg, code="bad_http"))

    # between requests

    def on_response_complete(self) -> None:
        """As uvicorn's own, but that it starts no timer: one a connection looks after itself."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._quiet_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._check_idle)

    def _check_idle(self) -> None:
        """Close a kept connection on which nothing has come for too long."""
        self._idle_timer = None
        if self.transport.is_closing():
            return
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        busy = self._in_body or self._head_bytes or not self.cycle.response_complete
        if busy or left > 0:
            wait = self.timeout_keep_alive if busy else left
            self._idle_timer = self.loop.call_later(wait, self._check_idle)
        else:
            self.transport.close()

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
        serving = self._serving
        if serving is None or serving.response_complete or not serving.response_started:
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


def _path(url: bytes) -> str:
    """The path asked for, as uvicorn reads it."""
    if url == _CHAT:
        return CHAT
    path = httptools.parse_url(url).path.decode("ascii")
    return unquote(path) if "%" in path else path


def _head_too_large(limits: Limits) -> GatewayError:
    return ClientError(
        f"the request's headers are larger than {limits.header_bytes} bytes",
        status=431,
        code="headers_too_large",
    )
