"""One chat request on a client's connection, and the response to it.

Chat requests do not go through uvicorn's ASGI cycle: its scope, events and second task cost as much
as everything the gateway itself does (docs/experiments.md). A `ChatCall` collects its own body,
starts the hot path when that is whole, and writes head and body in one piece. It also stands where
uvicorn's protocol expects its cycle, so that keep-alive, pipelining and draining stay uvicorn's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from capture.ids import new_id
from gateway.door import RawHeaders, Visitor, body_too_large
from gateway.errors import GatewayError
from gateway.flight import retry_after_line

if TYPE_CHECKING:
    from gateway.connection import ClientConnection

BASIC = b'www-authenticate: Basic realm="majordomo", charset="UTF-8"\r\n'


class HotPath(Protocol):
    """Who answers chat requests (`gateway.hotpath`)."""

    def admit(self, headers: RawHeaders, known: Visitor | None) -> Visitor:
        """Let a request in before its body is read. `known`: who sent the last one on this
        connection. Raises GatewayError; else `dismiss` or `answer` must follow."""
        ...

    def dismiss(self) -> None:
        """An admitted request ended before it was whole."""
        ...

    def refused(self, error: GatewayError) -> None:
        """A request was turned away before it was an exchange."""
        ...

    async def answer(self, call: ChatCall) -> None:
        """Answer an admitted request, whatever happens."""
        ...


class _Nobody:
    """Stands for the event on which uvicorn's own cycles wait."""

    def set(self) -> None:
        pass


class ChatCall:
    """See the module."""

    __slots__ = (
        "_admitted", "_chunked", "_connection", "_head", "_hot", "_http_1_0", "_limit",
        "_pieces", "_size", "_task", "_whole", "disconnected", "headers", "keep_alive", "on_gone",
        "path", "response_complete", "response_started", "visitor",
    )  # fmt: skip
    message_event = _Nobody()

    def __init__(
        self,
        connection: ClientConnection,
        hot: HotPath,
        headers: RawHeaders,
        path: str,
        *,
        http_1_0: bool,
        keep_alive: bool,
    ) -> None:
        self.headers = headers
        self.path = path
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self.on_gone: Callable[[], None] | None = None
        """Called once when the client goes away before its response is complete; then the task that
        answers is cancelled."""
        self.visitor: Visitor | None = None
        """Who asks; None until it was let in."""
        self._connection = connection
        self._hot = hot
        self._http_1_0 = http_1_0
        self._limit = connection.limits.body_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._whole = False
        self._admitted = False
        self._task: asyncio.Task[None] | None = None
        self._head = b""
        self._chunked = False

    # the request

    @property
    def body(self) -> bytes:
        """The request's body, once it is whole."""
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def start(self) -> None:
        """Its turn has come: let it in or turn it away, before its body is read."""
        connection = self._connection
        try:
            visitor = self._hot.admit(self.headers, connection.visitor)
        except GatewayError as error:
            self._hot.refused(error)
            self.refuse(error, new_id())
            return
        self.visitor = connection.visitor = visitor
        self._admitted = True
        if visitor.expects and not connection.transport.is_closing():
            connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._whole or self._size > self._limit:  # it came while others were being answered
            self._go_on()

    def take(self, piece: bytes) -> None:
        """More of its body."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._admitted and self._size > self._limit:
            self._go_on()

    def whole(self) -> None:
        """Its body is whole."""
        self._whole = True
        if self._admitted:
            self._go_on()

    def gone(self) -> None:
        """The connection is lost."""
        self.disconnected = True
        self._dismiss()
        tell, self.on_gone = self.on_gone, None
        if tell is not None:
            tell()
            if self._task is not None:
                self._task.cancel()

    def _go_on(self) -> None:
        if self._size > self._limit:
            error = body_too_large(self._limit)
            self._dismiss()
            self._hot.refused(error)
            self.refuse(error, new_id())
        elif self._whole:
            self._admitted = False  # from here on the hot path sees to it
            tasks = self._connection.tasks
            self._task = task = self._connection.loop.create_task(self._hot.answer(self))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def _dismiss(self) -> None:
        if self._admitted:
            self._admitted = False
            self._hot.dismiss()

    def over(self) -> None:
        """Nothing more will be sent: a response that is not complete never will be."""
        if not self.disconnected:
            self._connection.transport.close()

    # the response

    @property
    def writable(self) -> bool:
        """False while the client reads too slowly to be sent more."""
        return not self._connection.flow.write_paused

    async def drain(self) -> None:
        """Wait while the client reads slowly; returns when it is gone, too."""
        if self._connection.flow.write_paused and not self.disconnected:
            await self._connection.flow.drain()

    def head(self, status: int, lines: bytes, length: int | None) -> None:
        """Set the head, sent with the first piece of the body; `length` None: unknown yet.

        `lines` are whole header lines, valid already: nothing is checked here.
        """
        self.response_started = True
        if length is not None:
            framing = b"content-length: %d\r\n" % length
        elif self._http_1_0:
            self.keep_alive, framing = False, b""
        else:
            self._chunked, framing = True, b"transfer-encoding: chunked\r\n"
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self._head = STATUS_LINE[status] + self._connection.default_lines + lines + framing + end

    def send(self, data: bytes, *, more: bool) -> None:
        """Send a piece of the body; `drain` comes first where the client may read slowly."""
        if self.disconnected or self.response_complete:
            return
        if self._chunked:
            framed = b"%b%x\r\n%b\r\n" % (self._head, len(data), data) if data else self._head
            self._connection.transport.write(framed if more else framed + b"0\r\n\r\n")
        else:
            self._connection.transport.write(self._head + data)
        self._head = b""
        if not more:
            self.response_complete = True
            if not self.keep_alive:
                self._connection.transport.close()
            self._connection.on_response_complete()

    def refuse(self, error: GatewayError, request_id: str) -> None:
        """Answer with an error. What is still to come of the request's body is discarded: closing
        at once would reset the connection under a client that is still sending, which then never
        sees the answer. Does nothing once a response has begun."""
        if self.response_started:
            return
        body = error.body(request_id)
        lines = b"content-type: application/json\r\nx-request-id: %b\r\n" % request_id.encode()
        lines += retry_after_line(error)
        if error.status == 401:
            lines += BASIC
        self.head(error.status, lines, len(body))
        self.send(body, more=False)
