"""One client's response, while it is under way: head, body, heartbeats, and word of its leaving.

A `Flight` owns the sending side of one request. It writes the response head once, at the latest
possible moment; keeps a silent stream alive; and hears from the server when the client has gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import orjson

from capture.exchange import Attempt, Candidate, Mode, RouteDecision
from gateway.errors import GatewayError
from gateway.upstreams.base import ChatRequest

if TYPE_CHECKING:
    from gateway.weighing import Weigher

_JSON = b"content-type: application/json\r\n"
_STREAM = (
    b"content-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\n"
    b"x-accel-buffering: no\r\n"
)


class ClientResponse(Protocol):
    """Where a response is written, and word of the client's leaving (`gateway.chat_call`)."""

    on_gone: Callable[[], None] | None
    """Told when the client has gone, just before the task that answers it is cancelled."""

    @property
    def writable(self) -> bool: ...
    async def drain(self) -> None: ...
    def head(self, status: int, lines: bytes, length: int | None) -> None: ...
    def send(self, data: bytes, *, more: bool) -> None: ...


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
    key: str | None = None
    """Name of the API key that asked; None when the gateway runs without keys."""


class Flight:
    """The response to one request."""

    def __init__(
        self,
        request: ChatRequest,
        decision: RouteDecision,
        response: ClientResponse,
        started_at: float,
        conversation: bytes | None = None,
        key: str | None = None,
    ) -> None:
        self.request = request
        self.decision = decision
        self.started_at = started_at
        self.conversation = conversation
        """What its conversation is known by; None while no rule asks."""
        self.key = key
        """Name of the API key that asked; None when the gateway runs without keys."""
        self.began = time.perf_counter()
        """When the request was whole, by `time.perf_counter`; the loop's clock is too coarse."""
        self.queued_s: float | None = None
        """Seconds from the request being whole to its first attempt."""
        self.candidate: Candidate | None = decision.chosen
        self.attempts = 0
        self.attempt: Attempt | None = None
        """The latest try; None before the first."""
        self.asks = False
        """Before it goes to a place that is not free its user is asked."""
        self.notes: tuple[str, ...] = ()
        """What of the request was left out before it was decided, one clause each."""
        self.turned: str | None = None
        """What led away from the decision's choice while it ran; None: nothing did."""
        self.weigher: Weigher | None = None
        """How the learning router weighs it; None where the decision asks for no such thing."""
        self.started = False
        """The response head has gone out: an error can only be told in-band now."""
        self.gone = False
        """The client went away."""
        self.capturing = True
        """False when this exchange is served although it cannot be recorded."""
        self.first_token_at: float | None = None
        self.bytes_out = 0
        self._over = False
        self._last_sent = self.began
        self._response = response
        response.on_gone = self._leave

    def _leave(self) -> None:
        self.gone = self._over = True

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
            key=self.key,
        )

    # sending

    @property
    def writable(self) -> bool:
        """False while the client reads too slowly to be sent more."""
        return self._response.writable

    async def drain(self) -> None:
        """Wait while the client reads slowly."""
        await self._response.drain()

    def start_stream(self) -> None:
        if not self.started:
            self._start(200, _STREAM, None)

    def write(self, data: bytes) -> None:
        """Send a piece of a stream."""
        if self.first_token_at is None:
            self.first_token_at = time.perf_counter()
        self._send(data, more=True)
        if b"data:" in data:  # an upstream's own comments count as silence, as they do for clients
            self._last_sent = time.perf_counter()

    def end_stream(self, data: bytes) -> None:
        """Send the last bytes of a stream."""
        self._send(data, more=False)

    def reply(self, status: int, body: bytes, extra: bytes = b"") -> None:
        """Send a whole JSON response."""
        self._start(status, _JSON + extra, len(body))
        self._send(body, more=False)

    def fail(self, error: GatewayError) -> None:
        """Tell an error: as a response if none was begun, else in-band and without `[DONE]`."""
        body = error.body(self.request.id)
        if self.started:
            self._send(b"data: " + body + b"\n\n", more=False)
        else:
            self.reply(error.status, body, retry_after_line(error))

    def beat(self, now: float, seconds: float) -> None:
        """Keep a silent stream alive: a comment for proxies, an empty delta for clients that count
        only parsed chunks (Hermes Agent)."""
        if self._over or now - self._last_sent < seconds or not self._response.writable:
            return
        self.start_stream()
        self._last_sent = now
        self._send(b": keep-alive\n\n" + self._empty_delta(), more=True)

    def _empty_delta(self) -> bytes:
        chunk: dict[str, object] = {
            "id": f"chatcmpl-{self.request.id}",
            "object": "chat.completion.chunk",
            "created": self.request.created,
            "model": self.request.alias,
            "choices": [{"index": 0, "delta": {}, "finish_reason": None}],
        }
        return b"data: " + orjson.dumps(chunk) + b"\n\n"

    def _start(self, status: int, lines: bytes, length: int | None) -> None:
        self.started = True
        self._response.head(status, lines + self._identity(), length)

    def _send(self, data: bytes, *, more: bool) -> None:
        self._over = not more
        self.bytes_out += len(data)
        self._response.send(data, more=more)

    def _identity(self) -> bytes:
        """The header lines that say which exchange this is and who answered why."""
        candidate, reasons = self.candidate, self.decision.reasons
        id_ = self.request.id.encode()
        reason = self.turned or (reasons[-1].code if reasons else None)
        return b"x-request-id: %b\r\nx-majordomo-exchange: %b\r\n%b" % (
            id_,
            id_,
            _answered_by(
                self.attempts,
                reason,
                candidate.mode if candidate else None,
                candidate.model if candidate else "",
                self.attempt.adapter if self.attempt else None,
                self.capturing,
            ),
        )


@lru_cache(maxsize=1024)
def _answered_by(
    attempts: int,
    reason: str | None,
    mode: Mode | None,
    model: str,
    adapter: str | None,
    capturing: bool,
) -> bytes:
    """Who answered and why; few differ, and they are in every response."""
    lines = [b"x-majordomo-attempts: %d" % attempts]
    if reason is not None:
        lines.append(b"x-majordomo-reason: " + _ascii(reason))
    if mode is not None:
        lines.append(b"x-majordomo-mode: " + mode.value.encode())
        lines.append(b"x-majordomo-model: " + _ascii(model))
    if adapter is not None:
        lines.append(b"x-majordomo-adapter: " + _ascii(adapter))
    if not capturing:
        lines.append(b"x-majordomo-capture: unrecorded")
    return b"\r\n".join(lines) + b"\r\n"


def _ascii(text: str) -> bytes:
    """A header value: printable ASCII, at most 256 bytes."""
    return "".join(c if " " <= c <= "~" else "?" for c in text[:256]).encode()


def retry_after_line(error: GatewayError) -> bytes:
    """`retry-after` in whole seconds, rounded up, when the error names a wait."""
    if error.retry_after is None:
        return b""
    return b"retry-after: %d\r\n" % -(-error.retry_after // 1)
