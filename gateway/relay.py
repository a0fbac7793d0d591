"""From a decision to the client's last byte: attempts, relaying, and the record before the end.

The order of things is the promise (design.md, N1 to N5): the begin is journalled before the first
byte goes upstream; a reply goes to the client as it comes; the full record is journalled before the
terminal bytes; after the first byte nothing is tried again; a client that leaves takes the
upstream's request with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from capture import clock
from capture.exchange import Attempt, AttemptStatus, Candidate, ExchangeEnd
from capture.journal import Begin, Journal
from gateway.budget import Ledger
from gateway.errors import (
    ClientError,
    GatewayError,
    NothingMayAnswer,
    UpstreamError,
    failed_here,
)
from gateway.fleet import Link, Links
from gateway.flight import Flight
from gateway.holding import Held, UnfitReply, held
from gateway.policy import refusal
from gateway.recorder import Recorder, status_of
from gateway.retry import Failure, RetryBudget, next_step
from gateway.settings import CaptureSettings, Retries
from gateway.sse import DONE
from gateway.upstreams.base import ReplyEnd, StreamReader
from gateway.upstreams.transport import (
    ConnectFailed,
    DeadlineExceeded,
    Reply,
    StaleConnection,
    TransportError,
    header,
)
from routers.features import Features

log = logging.getLogger(__name__)

_ERROR_BYTES = 256 * 1024
"""Most bytes read of an upstream's error body."""
_REPLY_BYTES = 32 * 1024 * 1024
"""Most bytes of one reply that is not streamed; it has to be held whole."""
_REQUEST_ID = frozenset({b"request-id", b"x-request-id"})


@dataclass(frozen=True, slots=True)
class Desk:
    """What every relay of one load of the settings works with."""

    journal: Journal
    ledger: Ledger
    links: Links
    retries: Retries
    budget: RetryBudget
    capture: CaptureSettings
    on_end: Callable[[Flight, ExchangeEnd], None]
    """Told of every finished exchange, after it was journalled."""
    verify: bool = False
    """Local replies to requests that offer tools are checked before they are handed over."""


class Relay:
    """One exchange, from its decision to its end."""

    def __init__(self, desk: Desk, flight: Flight, features: Features) -> None:
        self._desk = desk
        self._flight = flight
        self._features = features
        self._record = Recorder(desk.journal, desk.capture, flight)
        self._replying = False
        """A byte of a reply is on its way to the client: nothing may be tried again."""
        self._held: Held | None = None
        """The reply under way, where it is held back; None: it goes out as it comes."""
        self._after: Sequence[Candidate] = ()
        """The places after the one being tried."""

    async def run(self, begin: Begin) -> None:
        """Answer the client, whatever happens; a client that leaves ends it quietly."""
        try:
            try:
                self._record.begin(begin)
                await self._answer()
            except GatewayError as error:
                await self._refuse(error)
            except Exception:  # the request's edge: whatever happened, the client is told
                log.exception("exchange failed", extra={"exchange": self._flight.request.id})
                await self._refuse(failed_here())
        except asyncio.CancelledError:
            end = self._record.abandon("client_gone" if self._flight.gone else "interrupted")
            if end is not None:
                self._desk.on_end(self._flight, end)
            if not self._flight.gone:
                raise
        finally:
            self._flight.landed()

    async def _refuse(self, error: GatewayError) -> None:
        """End the exchange with an error, unless its end is already written."""
        if not self._record.ended:
            status = 200 if self._flight.started else error.status
            try:
                end = await self._record.end(status_of(error), status, error=error)
                self._desk.on_end(self._flight, end)
            except GatewayError as unrecorded:
                error = unrecorded
        self._flight.fail(error)

    # attempts

    async def _answer(self) -> None:
        desk, candidates = self._desk, self._flight.decision.candidates
        if not candidates:
            raise refusal(self._flight.decision)
        desk.budget.earn()
        self._flight.queued_s = time.perf_counter() - self._flight.began
        index = self._first_ready(candidates)
        while True:
            self._after = candidates[index + 1 :]
            failed = await self._attempt(candidates[index])
            if failed is None:
                return
            circuits = [desk.links[c.upstream].circuit for c in candidates]
            error, failure = failed
            step = next_step(
                failure,
                current=index,
                attempts=len(self._record.attempts),
                most=desk.retries.attempts,
                ready=[circuit.ready for circuit in circuits],
                rest_left=circuits[index].rest_left,
                max_wait=desk.retries.max_wait_seconds,
                may_retry=desk.budget.left,
            )
            if step is None:
                raise error
            if step.candidate == index and not failure.stale:
                desk.budget.spend()
            if step.wait:
                await asyncio.sleep(step.wait)
            index = step.candidate

    def _first_ready(self, candidates: Sequence[Candidate]) -> int:
        """The first place that may be tried now. Raises NothingMayAnswer while all of them rest."""
        links = self._desk.links
        for index, candidate in enumerate(candidates):
            if links[candidate.upstream].circuit.ready:
                return index
        raise NothingMayAnswer(
            "every upstream that may answer this keeps failing and is being rested; try again",
            code="upstream_resting",
            retry_after=min(links[c.upstream].circuit.rest_left for c in candidates),
        )

    async def _attempt(self, candidate: Candidate) -> tuple[GatewayError, Failure] | None:
        """One try at one place. None once the client is answered, else what failed and how."""
        flight, link = self._flight, self._desk.links[candidate.upstream]
        try:
            prepared = link.dialect.prepare(flight.request, candidate.model)
        except ClientError as error:  # what one dialect cannot say, another may
            return error, Failure(status=None, retryable=False)
        attempt = Attempt(candidate.mode, candidate.upstream, candidate.model, clock.now())
        money = f"{flight.request.id}/{len(self._record.attempts)}"
        if not (link.free or self._reserve(link, attempt, money)):
            return _over_budget(candidate), Failure(status=None, retryable=False)
        self._record.attempt(attempt, translated=link.translates)
        self._record.notes += prepared.notes
        flight.candidate, flight.attempts = candidate, len(self._record.attempts)
        flight.attempt = attempt
        self._held = self._hold(link)
        began = time.perf_counter()
        link.circuit.enter()
        reply: Reply | None = None
        try:
            reply = await link.post(prepared, attempt)
            attempt.connect_s = reply.connect_s
            await self._read(reply, link, attempt, began)
        except TransportError as error:
            attempt.status = _attempt_status(error)
            return self._failed(link, attempt, _as_upstream_error(link.name, error), error)
        except UpstreamError as error:
            attempt.status = _failed_status(error, attempt)
            return self._failed(link, attempt, error, None)
        except BaseException as error:
            attempt.status = "cancelled" if isinstance(error, asyncio.CancelledError) else "broken"
            link.circuit.left()
            raise
        finally:
            if reply is not None:
                reply.close(said_all=attempt.status in ("ok", "unfit"))
            _close(attempt, began)
            self._settle(link, attempt, money)
        return None

    def _failed(
        self, link: Link, attempt: Attempt, error: UpstreamError, cause: TransportError | None
    ) -> tuple[GatewayError, Failure]:
        """Account for an attempt that failed before its first byte."""
        error.message = self._desk.links.mask(error.message)
        attempt.error = error.message[:500]
        stale = isinstance(cause, StaleConnection)
        if stale:
            link.circuit.left()
        elif attempt.status == "unfit":  # the server did its part
            link.circuit.succeeded()
            self._flight.turned = "unfit"
        elif attempt.http_status is not None and _is_request_fault(attempt.http_status):
            link.circuit.succeeded()
        else:
            link.circuit.failed(error.retry_after)
        failure = Failure(
            status=attempt.http_status,
            retryable=error.retryable,
            retry_after=error.retry_after,
            stale=stale,
        )
        return error, failure

    def _reserve(self, link: Link, attempt: Attempt, money: str) -> bool:
        """Set the attempt's worst case aside; False when no budget covers it."""
        attempt.reserve_usd = link.worst_case(attempt.model, self._features)
        return self._desk.ledger.reserve(money, attempt.reserve_usd)

    def _settle(self, link: Link, attempt: Attempt, money: str) -> None:
        refused = attempt.http_status is not None and attempt.http_status != 200
        if attempt.cost_usd is None and (link.free or refused or attempt.status == "connect_error"):
            attempt.cost_usd = 0.0  # errors are not billed; what broke off may have been
        if not link.free:
            self._desk.ledger.settle(money, attempt.cost_usd)

    # replies

    async def _read(self, reply: Reply, link: Link, attempt: Attempt, began: float) -> None:
        attempt.http_status = reply.status
        for name, value in reply.headers:
            if name in _REQUEST_ID and value:
                attempt.upstream_request_id = value.decode("latin-1")[:200]
                break
        if reply.status != 200:
            body = await self._drain(reply, attempt, began, _ERROR_BYTES)
            self._record.received(self._desk.links.mask_bytes(body))
            raise link.dialect.read_error(reply.status, reply.headers, body)
        if not self._flight.request.stream:
            await self._relay_whole(reply, link, attempt, began)
        elif b"text/event-stream" in (header(reply.headers, b"content-type") or b"").lower():
            await self._relay_stream(reply, link, attempt, began)
        else:
            body = await self._drain(reply, attempt, began, _ERROR_BYTES)
            self._record.received(self._desk.links.mask_bytes(body))
            raise _bad_reply(link.name, "answered a stream request with something else")

    async def _drain(self, reply: Reply, attempt: Attempt, began: float, most: int) -> bytes:
        """The whole body, or its first `most` bytes for an error that is longer."""
        pieces: list[bytes] = []
        size = 0
        while True:
            data = reply.ready()
            if data is None:
                data = await reply.read()
            if not data:
                break
            if attempt.first_byte_s is None:
                attempt.first_byte_s = time.perf_counter() - began
            pieces.append(data)
            size += len(data)
            if size > most:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _relay_whole(self, reply: Reply, link: Link, attempt: Attempt, began: float) -> None:
        flight, record = self._flight, self._record
        body = await self._drain(reply, attempt, began, _REPLY_BYTES)
        if len(body) > _REPLY_BYTES:
            raise _bad_reply(link.name, f"sent a reply of over {_REPLY_BYTES} bytes")
        try:
            out, end = link.dialect.read_reply(flight.request, attempt.model, body)
        except UpstreamError:
            record.received(self._desk.links.mask_bytes(body))
            raise
        record.received(body)
        self._finish(link, attempt, began, end)
        if self._held is not None:
            self._held.keep(out)
        self._check_held()
        link.circuit.succeeded()
        flight.first_token_at = time.perf_counter()
        record.delivered(out)
        ended = await record.end("ok", 200, reply=end, last_bytes=len(out))
        self._desk.on_end(flight, ended)
        if not flight.writable:
            await flight.drain()
        flight.reply(200, out)

    async def _relay_stream(self, reply: Reply, link: Link, attempt: Attempt, began: float) -> None:
        flight = self._flight
        reader = self._reader(link, attempt)
        broken: TransportError | None = None
        take = self._taker(reader, link, attempt, began)
        try:
            while await reply.hand(take) and not reader.done:
                await flight.drain()
        except TransportError as error:
            if not self._replying:
                raise
            broken = error
        except asyncio.CancelledError:
            attempt.usage = reader.finish()[1].usage  # as far as it was told; its cost is not known
            raise
        tail, end = reader.finish()
        if not self._replying and not end.complete:
            raise end.error or _bad_reply(link.name, "ended its stream before saying anything")
        self._finish(link, attempt, began, end)
        if end.complete and end.error is None:
            self._check_held()
            link.circuit.succeeded()
            await self._end_stream(tail, end)
        else:
            await self._break_off(link, attempt, end, broken)

    def _hold(self, link: Link) -> Held | None:
        if not self._desk.verify or not self._features.tools or not link.local:
            return None
        return held(self._flight.request, link.name, self._elsewhere)

    def _elsewhere(self) -> bool:
        """Whether a later place could still answer."""
        tries_left = len(self._record.attempts) < self._desk.retries.attempts
        links = self._desk.links
        return tries_left and any(links[c.upstream].circuit.ready for c in self._after)

    def _reader(self, link: Link, attempt: Attempt) -> StreamReader:
        reader = link.dialect.stream_reader(self._flight.request, attempt.model)
        return reader if self._held is None else self._held.before(reader)

    def _check_held(self) -> None:
        """Raises UnfitReply when the reply that was held must not be handed over."""
        if self._held is not None:
            self._held.check()
            self._record.notes += [self._held.note] if self._held.note else []

    def _taker(
        self, reader: StreamReader, link: Link, attempt: Attempt, began: float
    ) -> Callable[[bytes], bool]:
        """What passes each piece on as it comes; False asks for no more until the client has read,
        or at all."""
        flight, record = self._flight, self._record

        def take(data: bytes) -> bool:
            if attempt.first_byte_s is None:
                attempt.first_byte_s = time.perf_counter() - began
            record.received(data, spill=self._replying)
            out = reader.feed(data)
            if out:
                if not self._replying:
                    self._replying = True
                    link.circuit.succeeded()
                    flight.start_stream()
                record.delivered(out)
                flight.write(out)
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

    async def _break_off(
        self, link: Link, attempt: Attempt, end: ReplyEnd, broken: TransportError | None
    ) -> None:
        """A reply that stopped after its first byte: told in-band, never patched up."""
        if broken is not None:
            error = _as_upstream_error(link.name, broken)
        else:
            error = end.error or _bad_reply(link.name, "its stream broke off")
        attempt.status = "broken" if broken is None else _attempt_status(broken)
        error.message = self._desk.links.mask(error.message)
        attempt.error = error.message[:500]
        link.circuit.failed()
        status = "upstream_error" if end.error is not None else "truncated"
        record = self._record
        self._desk.on_end(self._flight, await record.end(status, 200, reply=end, error=error))
        self._flight.fail(error)

    def _finish(self, link: Link, attempt: Attempt, began: float, end: ReplyEnd) -> None:
        """The attempt is over: what it used, cost and took."""
        attempt.usage = end.usage
        attempt.cost_usd = link.cost(attempt.model, end.usage if end.complete else None)
        _close(attempt, began)


def _close(attempt: Attempt, began: float) -> None:
    if attempt.total_s is None:
        attempt.total_s = time.perf_counter() - began


def _is_request_fault(status: int) -> bool:
    return 400 <= status < 500 and status not in (401, 403, 404, 408, 429)


def _failed_status(error: UpstreamError, attempt: Attempt) -> AttemptStatus:
    if isinstance(error, UnfitReply):
        return "unfit"
    return "http_error" if attempt.http_status != 200 else "broken"


def _attempt_status(error: TransportError) -> AttemptStatus:
    if isinstance(error, DeadlineExceeded):
        return "timeout"
    return "connect_error" if isinstance(error, ConnectFailed | StaleConnection) else "broken"


def _as_upstream_error(name: str, error: TransportError) -> UpstreamError:
    if isinstance(error, DeadlineExceeded):
        status, code, retryable = 504, f"upstream_{error.name}_timeout", False
    elif isinstance(error, ConnectFailed):
        status, code, retryable = 502, "upstream_unreachable", True
    else:
        status, code, retryable = 502, "bad_reply", True
    return UpstreamError(
        f"{name}: {error}", upstream=name, status=status, code=code, retryable=retryable
    )


def _bad_reply(name: str, what: str) -> UpstreamError:
    return UpstreamError(f"{name}: {what}", upstream=name, code="bad_reply", retryable=True)


def _over_budget(candidate: Candidate) -> NothingMayAnswer:
    return NothingMayAnswer(
        f"{candidate.upstream}: the budget for {candidate.mode.value} does not cover this "
        "request's worst case; raise `escalation.budget` or ask for less (`max_tokens`)",
        status=402,
        type="insufficient_quota",
        code="budget_exhausted",
    )
