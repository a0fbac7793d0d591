"""One client's response, while it is under way: head, body, heartbeats, and word of its leaving.

A `Flight` owns the sending side of one request. It writes the response head once, at the latest
possible moment; keeps a silent stream alive; and hears from the server when the client has gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import orjson

from capture.exchange import Attempt, Candidate, Mode, RouteDecision
from gateway.errors import GatewayError
from gateway.upstreams.base import ChatRequest

RawHeader = tuple[bytes, bytes]

_JSON = (b"content-type", b"application/json")
_STREAM_HEADERS: tuple[RawHeader, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


class ClientResponse(Protocol):
    """Where a response is written, and word of the client's leaving (`gateway.server`)."""

    on_gone: Callable[[], None] | None

    @property
    def writable(self) -> bool: ...
    def head(self, status: int, headers: Iterable[RawHeader], length: int | None) -> None: ...
    async def body(self, data: bytes, *, more: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class InFlight:
    """A request under way, as pages and `status` show it."""

    id: str
    started_at: float
    """Unix seconds."""
    alias: str
    mode: Mode | None
    upstream: str | None
    model: str | None
    stream: bool
    bytes_out: int
    """Body bytes handed to the client so far."""


class Flight:
    """The response to one request."""

    def __init__(
        self,
        request: ChatRequest,
        decision: RouteDecision,
        response: ClientResponse,
        started_at: float,
        conversation: bytes | None = None,
    ) -> None:
        self.request = request
        self.decision = decision
        self.started_at = started_at
        self.conversation = conversation
        """What its conversation is known by; None while no rule asks."""
        self.began = time.perf_counter()
        """When the request was whole, by `time.perf_counter`; the loop's clock is too coarse."""
        self.queued_s: float | None = None
        """Seconds from the request being whole to its first attempt."""
        self.candidate: Candidate | None = decision.chosen
        self.attempts = 0
        self.attempt: Attempt | None = None
        """The latest try; None before the first."""
        self.turned: str | None = None
        """What led away from the decision's choice while it ran; None: nothing did."""
        self.started = False
        """The response head has gone out: an error can only be told in-band now."""
        self.gone = False
        """The client went away."""
        self.capturing = True
        """False when this exchange is served although it cannot be recorded."""
        self.first_token_at: float | None = None
        self.bytes_out = 0
        self._sending = False
        self._over = False
        self._last_sent = self.began
        self._task = asyncio.current_task()
        self._response = response
        response.on_gone = self._leave

    def _leave(self) -> None:
        self.gone = self._over = True
        if self._task is not None:
            self._task.cancel()

    def landed(self) -> None:
        """The exchange is over: whether the client stays matters no more."""
        self._response.on_gone = None

    @property
    def snapshot(self) -> InFlight:
        candidate = self.candidate
        return InFlight(
            id=self.request.id,
            started_at=self.started_at,
            alias=self.request.alias,
            mode=candidate.mode if candidate else None,
            upstream=candidate.upstream if candidate else None,
            model=candidate.model if candidate else None,
            stream=self.request.stream,
            bytes_out=self.bytes_out,
        )

    # sending

    def start_stream(self) -> None:
        if not self.started:
            self._start(200, _STREAM_HEADERS, None)

    async def write(self, data: bytes) -> None:
        """Send a piece of a stream; waits while the client reads slowly."""
        if self.first_token_at is None:
            self.first_token_at = time.perf_counter()
        await self._body(data, more=True)
        if b"data:" in data:  # an upstream's own comments count as silence, as they do for clients
            self._last_sent = time.perf_counter()

    async def end_stream(self, data: bytes) -> None:
        """Send the last bytes of a stream."""
        await self._body(data, more=False)

    async def reply(self, status: int, body: bytes, extra: tuple[RawHeader, ...] = ()) -> None:
        """Send a whole JSON response."""
        self._start(status, (_JSON, *extra), len(body))
        await self._body(body, more=False)

    async def fail(self, error: GatewayError) -> None:
        """Tell an error: as a response if none was begun, else in-band and without `[DONE]`."""
        body = error.body(self.request.id)
        if self.started:
            await self._body(b"data: " + body + b"\n\n", more=False)
        else:
            await self.reply(error.status, body, retry_after_header(error))

    async def beat(self, now: float, seconds: float) -> None:
        """Keep a silent stream alive: a comment for proxies, an empty delta for clients that count
        only parsed chunks (Hermes Agent)."""
        busy = self._sending or self._over or not self._response.writable
        if busy or now - self._last_sent < seconds:
            return
        self.start_stream()
        self._last_sent = now
        await self._body(b": keep-alive\n\n" + self._empty_delta(), more=True)

    def _empty_delta(self) -> bytes:
        chunk: dict[str, object] = {
            "id": f"chatcmpl-{self.request.id}",
            "object": "chat.completion.chunk",
            "created": self.request.created,
            "model": self.request.alias,
            "choices": [{"index": 0, "delta": {}, "finish_reason": None}],
        }
        return b"data: " + orjson.dumps(chunk) + b"\n\n"

    def _start(self, status: int, headers: tuple[RawHeader, ...], length: int | None) -> None:
        self.started = True
        self._response.head(status, (*headers, *self._identity()), length)

    async def _body(self, data: bytes, *, more: bool) -> None:
        self._sending = True
        self._over = not more
        self.bytes_out += len(data)
        await self._response.body(data, more=more)
        self._sending = False

    def _identity(self) -> list[RawHeader]:
        """The headers that say which exchange this is and who answered why."""
        id_ = self.request.id.encode()
        headers = [
            (b"x-request-id", id_),
            (b"x-majordomo-exchange", id_),
            (b"x-majordomo-attempts", b"%d" % self.attempts),
        ]
        reasons = self.decision.reasons
        reason = self.turned or (reasons[-1].code if reasons else None)
        if reason is not None:
            headers.append((b"x-majordomo-reason", _ascii(reason)))
        if self.candidate is not None:
            headers.append((b"x-majordomo-mode", self.candidate.mode.value.encode()))
            headers.append((b"x-majordomo-model", _ascii(self.candidate.model)))
        if self.attempt is not None and self.attempt.adapter is not None:
            headers.append((b"x-majordomo-adapter", self.attempt.adapter.encode()))
        if not self.capturing:
            headers.append((b"x-majordomo-capture", b"unrecorded"))
        return headers


def _ascii(text: str) -> bytes:
    """A header value: printable ASCII, at most 256 bytes."""
    return "".join(c if " " <= c <= "~" else "?" for c in text[:256]).encode()


def retry_after_header(error: GatewayError) -> tuple[RawHeader, ...]:
    """`retry-after` in whole seconds, rounded up, when the error names a wait."""
    if error.retry_after is None:
        return ()
    return ((b"retry-after", b"%d" % -(-error.retry_after // 1)),)
