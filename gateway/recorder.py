"""The record of one exchange as it grows, and when it must reach the journal.

Raw upstream bytes are kept per attempt; a long stream spills to the journal in parts, so that
memory does not grow with it. `end` writes the full record and must be called before the client's
terminal bytes. Which failures of the journal matter is the settings' `capture.on_failure`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from capture.exchange import Attempt, ExchangeEnd, ExchangeStatus
from capture.journal import Begin, Journal, JournalError, Position
from gateway.errors import CaptureUnavailable, GatewayError, UpstreamError
from gateway.flight import Flight
from gateway.opinions import CONFIRMED
from gateway.settings import CaptureSettings
from gateway.upstreams.base import ReplyEnd

_SPILL_BYTES = 256 * 1024
"""Raw bytes of a stream held in memory before they go to the journal as a part."""


@dataclass(slots=True)
class Recorder:
    """Everything that came of one exchange so far."""

    journal: Journal
    capture: CaptureSettings
    flight: Flight
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    notes: list[str] = field(default_factory=list[str])
    ended: bool = False
    _raw: list[bytes] = field(default_factory=list[bytes])
    _pieces: list[bytes] = field(default_factory=list[bytes])
    _piece_bytes: int = 0
    _delivered: list[bytes] = field(default_factory=list[bytes])
    _translated: bool = False

    def begin(self, begin: Begin) -> None:
        """Journal the intent. Raises CaptureUnavailable when that fails and the settings say so."""
        try:
            self.journal.begin(begin)
        except JournalError as error:
            self._degrade(error)

    def attempt(self, attempt: Attempt, *, translated: bool) -> None:
        """A new attempt begins; what follows is its reply."""
        if self.attempts:
            self._raw.append(b"".join(self._pieces))
            self._pieces.clear()
            self._piece_bytes = 0
        self.attempts.append(attempt)
        self._translated = translated

    def answered_by(self, attempt: Attempt, *, translated: bool) -> None:
        """The reply of this attempt is the one that the client gets, whichever were made since:
        it becomes the last."""
        index = next(n for n, each in enumerate(self.attempts) if each is attempt)
        self._raw.append(b"".join(self._pieces))
        self._pieces = [self._raw.pop(index)]
        self._piece_bytes = len(self._pieces[0])
        self.attempts.append(self.attempts.pop(index))
        self._translated = translated

    def confirmed(self) -> None:
        """Another place says the same as the attempts that were held back for its opinion."""
        for attempt in self.attempts:
            if attempt.status == "held":
                attempt.error = CONFIRMED

    def received(self, data: bytes, *, spill: bool = False) -> None:
        """Raw bytes of the current attempt's reply; `spill`: it is the one that will be kept."""
        if not self.flight.capturing:
            return
        self._pieces.append(data)
        self._piece_bytes += len(data)
        if spill and self._piece_bytes > _SPILL_BYTES:
            try:
                self.journal.part(self.flight.request.id, b"".join(self._pieces))
            except JournalError as error:
                self._degrade(error)
            self._pieces.clear()
            self._piece_bytes = 0

    def delivered(self, data: bytes) -> None:
        """Bytes given to the client, kept only where they differ from the raw ones."""
        if self._translated:
            self._delivered.append(data)

    def said(self, data: bytes) -> None:
        """The whole of what the client is given, which is the gateway's own and no attempt's."""
        self._translated, self._delivered = True, [data]

    async def end(
        self,
        status: ExchangeStatus,
        http_status: int,
        *,
        reply: ReplyEnd | None = None,
        error: GatewayError | None = None,
        last_bytes: int = 0,
    ) -> ExchangeEnd:
        """Journal the full record; with `durability: strict`, wait until it is on disk.

        `last_bytes` of body are about to be handed to the client once this has returned.
        """
        end = self._compose(status, http_status, reply, error)
        end.delivered_bytes += last_bytes
        position = self._write(end)
        if position is not None and self.capture.durability == "strict":
            try:
                await self.journal.synced(position)
            except JournalError as failure:
                self._degrade(failure)
        return end

    def abandon(self, status: ExchangeStatus) -> ExchangeEnd | None:
        """Journal an end nobody waits for; None when the exchange had ended already."""
        if self.ended:
            return None
        end = self._compose(status, 200 if self.flight.started else 499, None, None)
        try:
            self._write(end)
        except CaptureUnavailable:
            self.flight.capturing = False  # nobody is left to be told; status and metrics say it
        return end

    def _write(self, end: ExchangeEnd) -> Position | None:
        self.ended = True
        if not self.flight.capturing:
            return None
        pieces = self._pieces
        raw = [*self._raw, pieces[0] if len(pieces) == 1 else b"".join(pieces)]
        if not self.attempts:
            raw = []
        delivered = b"".join(self._delivered) if self._translated else None
        try:
            return self.journal.end(self.flight.request.id, end, raw, delivered)
        except JournalError as error:
            self._degrade(error)
            return None

    def _degrade(self, error: JournalError) -> None:
        self.flight.capturing = False
        if self.capture.on_failure == "refuse":
            raise CaptureUnavailable(
                "this exchange cannot be recorded, and the settings refuse unrecorded ones "
                f"(capture.on_failure): {error}"
            ) from error

    def _compose(
        self,
        status: ExchangeStatus,
        http_status: int,
        reply: ReplyEnd | None,
        error: GatewayError | None,
    ) -> ExchangeEnd:
        flight = self.flight
        now = time.perf_counter()
        cost: float | None = 0
        for attempt in self.attempts:
            cost = None if cost is None or attempt.cost_usd is None else cost + attempt.cost_usd
        notes = tuple(self.notes) + (reply.notes if reply else ())
        return ExchangeEnd(
            status=status,
            http_status=http_status,
            attempts=self.attempts,
            finish_reason=reply.finish_reason if reply else None,
            usage=reply.usage if reply else None,
            cost_usd=cost,
            queue_s=flight.queued_s,
            first_token_s=None
            if flight.first_token_at is None
            else flight.first_token_at - flight.began,
            total_s=now - flight.began,
            error=error.as_dict(flight.request.id) if error else None,
            streamed=flight.request.stream,
            delivered_bytes=flight.bytes_out,
            notes=notes,
            weighing=None if flight.weigher is None else flight.weigher.weighing,
        )


def status_of(error: GatewayError) -> ExchangeStatus:
    """How an exchange that ends in `error` ended."""
    return "upstream_error" if isinstance(error, UpstreamError) else "refused"
