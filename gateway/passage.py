"""One attempt's reply on its way to the client: read, held where it is to be checked, passed on.

The record is written whole before the reply's last bytes go out. Until the first byte has gone out
an error of the upstream is raised, so that another place may answer; from then on it is told to the
client in-band.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from capture.exchange import Attempt
from gateway.attempts import as_upstream_error, bad_reply, lost_status
from gateway.desk import Desk
from gateway.errors import UpstreamError
from gateway.fleet import Link
from gateway.flight import Flight
from gateway.holding import ALONE, LAST_RESORT, WORTH_LEAVING, Held, UnfitReply
from gateway.recorder import Recorder
from gateway.sse import DONE
from gateway.upstreams.base import ReplyEnd, StreamReader
from gateway.upstreams.transport import Reply, TransportError, header

if TYPE_CHECKING:
    from gateway.weighing import Beside

_ERROR_BYTES = 256 * 1024
"""Most bytes read of an upstream's error body."""
_REPLY_BYTES = 32 * 1024 * 1024
"""Most bytes of one reply that is not streamed; it has to be held whole."""
_REQUEST_ID = frozenset({b"request-id", b"x-request-id"})


class Passage:
    """See the module."""

    def __init__(
        self, desk: Desk, flight: Flight, record: Recorder, link: Link, attempt: Attempt
    ) -> None:
        self.link = link
        self.attempt = attempt
        self.held: Held | None = None
        """How the reply is held back; None: it goes out as it comes."""
        self.beside: Beside | None = None
        """Who reads it to hold local replies against it; None: nobody."""
        self._desk = desk
        self._flight = flight
        self._record = record
        self._began = time.perf_counter()
        self._replying = False
        """A byte of the reply is on its way to the client."""
        self._unfit: tuple[bytes, ReplyEnd] | None = None
        """The reply, where it was checked and dropped."""
        self.fit = False
        """It was dropped for want of a second opinion alone."""

    async def read(self, reply: Reply) -> None:
        """Answer the client with this reply. Raises UpstreamError and TransportError while nothing
        of it has gone out: UnfitReply for one that another place should answer instead of."""
        attempt, link = self.attempt, self.link
        attempt.http_status = reply.status
        for name, value in reply.headers:
            if name in _REQUEST_ID and value:
                attempt.upstream_request_id = value.decode("latin-1")[:200]
                break
        if reply.status != 200:
            body = await self._drain(reply, _ERROR_BYTES)
            self._record.received(self._desk.links.mask_bytes(body))
            raise link.dialect.read_error(reply.status, reply.headers, body)
        if not self._flight.request.stream:
            await self._pass_whole(reply)
        elif b"text/event-stream" in (header(reply.headers, b"content-type") or b"").lower():
            await self._pass_stream(reply)
        else:
            body = await self._drain(reply, _ERROR_BYTES)
            self._record.received(self._desk.links.mask_bytes(body))
            raise bad_reply(link.name, "answered a stream request with something else")

    async def hand_over(self, turned: str | None = None) -> None:
        """Answer the client with the reply that was held back: since it was chosen, for the reason
        `turned`, or since no other is left."""
        assert self._unfit is not None
        out, end = self._unfit
        self._flight.attempt = self.attempt
        self._record.answered_by(self.attempt, translated=self.link.translates)
        if turned is None:
            self._say_unfit()
        else:
            self._flight.turned, self.attempt.error = turned, None
        self.attempt.status = "ok"
        ending = self._end_stream if self._flight.request.stream else self._end_whole
        await ending(out, end)

    def over(self) -> None:
        """Nothing more comes of the attempt."""
        if self.attempt.total_s is None:
            self.attempt.total_s = time.perf_counter() - self._began

    # whole replies

    async def _drain(self, reply: Reply, most: int) -> bytes:
        """The whole body, or its first `most` bytes for an error that is longer."""
        pieces: list[bytes] = []
        size = 0
        while True:
            data = reply.ready()
            if data is None:
                data = await reply.read()
            if not data:
                break
            if self.attempt.first_byte_s is None:
                self.attempt.first_byte_s = time.perf_counter() - self._began
            pieces.append(data)
            size += len(data)
            if size > most:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _pass_whole(self, reply: Reply) -> None:
        record, link = self._record, self.link
        body = await self._drain(reply, _REPLY_BYTES)
        if len(body) > _REPLY_BYTES:
            raise bad_reply(link.name, f"sent a reply of over {_REPLY_BYTES} bytes")
        try:
            out, end = link.dialect.read_reply(self._flight.request, self.attempt.model, body)
        except UpstreamError:
            record.received(self._desk.links.mask_bytes(body))
            raise
        record.received(body)
        self._finish(end)
        if self.held is not None:
            self.held.keep(out)
            self._check(self.held, out, end)
        if self.beside is not None:
            self.beside.feed(out)
            self.beside.over()
        link.circuit.succeeded()
        await self._end_whole(out, end)

    async def _end_whole(self, out: bytes, end: ReplyEnd) -> None:
        flight, record = self._flight, self._record
        flight.first_token_at = time.perf_counter()
        record.delivered(out)
        ended = await record.end("ok", 200, reply=end, last_bytes=len(out))
        self._desk.on_end(flight, ended)
        if not flight.writable:
            await flight.drain()
        flight.reply(200, out)

    # streams

    async def _pass_stream(self, reply: Reply) -> None:
        flight, link, held = self._flight, self.link, self.held
        reader = link.dialect.stream_reader(flight.request, self.attempt.model)
        if held is not None:
            reader = held.before(reader)
        broken: TransportError | None = None
        take = self._taker(reader)
        try:
            while await reply.hand(take) and not reader.done:
                await flight.drain()
        except TransportError as error:
            if not self._replying:
                raise
            broken = error
        except asyncio.CancelledError:
            self.attempt.usage = reader.finish()[1].usage  # as told so far; its cost is not known
            raise
        tail, end = reader.finish()
        if not self._replying and not end.complete:
            raise end.error or bad_reply(link.name, "ended its stream before saying anything")
        self._finish(end)
        if end.complete and end.error is None:
            if held is not None:
                self._check(held, tail, end)
            if self.beside is not None:
                self.beside.feed(tail)
                self.beside.over()
            link.circuit.succeeded()
            await self._end_stream(tail, end)
        else:
            await self._break_off(end, broken)

    def _taker(self, reader: StreamReader) -> Callable[[bytes], bool]:
        """What passes each piece on as it comes; False asks for no more until the client has read,
        or at all."""
        flight, record, attempt = self._flight, self._record, self.attempt
        beside = self.beside

        def take(data: bytes) -> bool:
            if attempt.first_byte_s is None:
                attempt.first_byte_s = time.perf_counter() - self._began
            record.received(data, spill=self._replying)
            out = reader.feed(data)
            if out:
                if not self._replying:
                    self._replying = True
                    self.link.circuit.succeeded()
                    flight.start_stream()
                record.delivered(out)
                flight.write(out)
                if beside is not None:
                    beside.feed(out)
            return not reader.done and flight.writable

        return take

    async def _end_stream(self, tail: bytes, end: ReplyEnd) -> None:
        flight, record = self._flight, self._record
        flight.start_stream()
        if flight.first_token_at is None:
            flight.first_token_at = time.perf_counter()
        last = tail + DONE
        record.delivered(last)
        ended = await record.end("ok", 200, reply=end, last_bytes=len(last))
        self._desk.on_end(flight, ended)
        if not flight.writable:
            await flight.drain()
        flight.end_stream(last)

    async def _break_off(self, end: ReplyEnd, broken: TransportError | None) -> None:
        """A reply that stopped after its first byte: told in-band, never patched up."""
        attempt, link, record = self.attempt, self.link, self._record
        if broken is not None:
            error = as_upstream_error(link.name, broken)
        else:
            error = end.error or bad_reply(link.name, "its stream broke off")
        attempt.status = "broken" if broken is None else lost_status(broken)
        error.message = self._desk.links.mask(error.message)
        attempt.error = error.message[:500]
        link.circuit.failed()
        status = "upstream_error" if end.error is not None else "truncated"
        self._desk.on_end(self._flight, await record.end(status, 200, reply=end, error=error))
        self._flight.fail(error)

    # both

    def _finish(self, end: ReplyEnd) -> None:
        """The reply is whole: what it used, cost and took."""
        attempt = self.attempt
        attempt.usage = end.usage
        attempt.cost_usd = self.link.cost(attempt.model, end.usage if end.complete else None)
        attempt.total_s = time.perf_counter() - self._began

    def _check(self, held: Held, out: bytes, end: ReplyEnd) -> None:
        """Raises UnfitReply when the reply is unfit and another place could answer instead."""
        fault = held.fault()
        if held.note is not None:
            self._record.notes.append(held.note)
        if fault is None:
            self._say_why(held)
            return
        reason, self.fit = fault
        weigher = self._flight.weigher
        if held.elsewhere() or (weigher is not None and weigher.accepted is not None):
            self._unfit = out, end
            raise UnfitReply(reason, self.link.name, fit=self.fit)
        self.attempt.error = self._desk.links.mask(reason.text)[:500]
        self._say_unfit()

    def _say_why(self, held: Held) -> None:
        """It goes out after it was looked at."""
        weigher = self._flight.weigher
        if weigher is not None:
            self._flight.turned = weigher.reason
        if held.confirmed:
            self._flight.turned = "agreed"
            self._record.confirmed()

    def _say_unfit(self) -> None:
        self._flight.turned = "last_resort"
        alone = ALONE if self._flight.weigher is None else WORTH_LEAVING
        self._record.notes.append(alone if self.fit else LAST_RESORT)
