"""Finding exchanges: in the store, in the journal's tail, and in memory while they run.

The API and the pages answer from here, so an exchange is found from its first moment on, whichever
of the three has it. Values are the store's own; an exchange that only memory knows (capture is
failing) is told with what memory knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson
from starlette.concurrency import run_in_threadpool

from capture.exchange import ExchangeStatus, Mode
from capture.ids import time_of
from capture.store.bodies import REMEDY, BodyDamaged
from capture.store.rows import ExchangeDetail, ExchangeSummary
from gateway.endpoints.seam import InFlight, Runtime
from gateway.errors import ClientError, GatewayError

CATCH_UP_S = 2.0
"""Longest wait for the journal's tail to reach the store."""
SCAN_STEP = 500
SCANNED = 5000
"""Exchanges looked at for one filtered list."""


def checked_id(text: str) -> str:
    """`text` if it is an exchange id. Raises the 404 of an unknown exchange when it is none."""
    try:
        time_of(text)
    except ValueError:
        raise unknown_exchange(text) from None
    return text


def unknown_exchange(text: str) -> ClientError:
    """The 404 for an exchange nobody knows."""
    return ClientError(
        f"there is no exchange {text[:64]!r} here; `x-request-id` of a reply names one",
        status=404,
        code="exchange_not_found",
    )


def damaged_exchange(error: BodyDamaged) -> GatewayError:
    """The 500 for an exchange that the store has, but not whole any more."""
    return GatewayError(f"{error}; {REMEDY}", code="damaged")


async def find(runtime: Runtime, id: str) -> ExchangeDetail:
    """One exchange, however fresh. Raises the 404 of an unknown exchange, and the 500 of a damaged
    one."""
    try:
        return await _find(runtime, id)
    except BodyDamaged as error:
        raise damaged_exchange(error) from error


async def _find(runtime: Runtime, id: str) -> ExchangeDetail:
    flights = {flight.id: flight for flight in runtime.in_flight()}
    found = await run_in_threadpool(runtime.store.exchange, checked_id(id))
    settled = found is not None and (found.summary.status != "open" or id in flights)
    if not settled:
        await runtime.ingester.catch_up(CATCH_UP_S)
        found = await run_in_threadpool(runtime.store.exchange, id)
    if found is None and id in flights:
        return _from_memory(flights[id])
    if found is None:
        raise unknown_exchange(id)
    return replace(found, summary=_as_it_runs(found.summary, flights))


def client_got(detail: ExchangeDetail) -> bytes:
    """The response body as the client got it: our error where that was the whole response, else
    what was relayed (heartbeats, and an error told in-band, are not part of it)."""
    told = detail.error is not None and (detail.summary.http_status or 0) >= 400
    return orjson.dumps({"error": detail.error}) if told else detail.delivered or detail.partial


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which exchanges are asked for."""

    mode: Mode | None = None
    """None: any."""
    status: ExchangeStatus | None = None
    """None: any."""
    before: str | None = None
    """Only older than this one; None: the newest."""

    @property
    def filters(self) -> bool:
        """Some exchanges are left out."""
        return self.mode is not None or self.status is not None

    def fits(self, row: ExchangeSummary) -> bool:
        """Whether this one is wanted, whatever its age."""
        return self.mode in (None, row.mode) and self.status in (None, row.status)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some exchanges, newest first."""

    rows: tuple[ExchangeSummary, ...]
    next_before: str | None
    """Where to go on for older ones; None when there are none."""


async def recent(runtime: Runtime, limit: int, wanted: Wanted) -> Stretch:
    """The newest exchanges that are wanted, those in flight among them.

    With filters at most `SCANNED` exchanges are looked at, so that a rare kind cannot make every
    look at the list read the whole store; there may be fewer than `limit`, and more to come.
    """
    flights = {flight.id: flight for flight in runtime.in_flight()}
    step = SCAN_STEP if wanted.filters else limit + 1
    found: list[ExchangeSummary] = []
    cursor = wanted.before
    exhausted = False
    for _ in range(SCANNED // SCAN_STEP if wanted.filters else 1):
        batch = await run_in_threadpool(runtime.store.exchanges, step, cursor)
        found += filter(wanted.fits, (_as_it_runs(row, flights) for row in batch))
        exhausted = len(batch) < step
        if exhausted or len(found) > limit:
            break
        cursor = batch[-1].id
    if wanted.before is None:
        found = _with_flights(found, flights, wanted)
    rows = tuple(found[:limit])
    if len(found) > limit:
        return Stretch(rows, rows[-1].id)
    return Stretch(rows, None if exhausted else cursor)


def _with_flights(
    stored: list[ExchangeSummary], flights: Mapping[str, InFlight], wanted: Wanted
) -> list[ExchangeSummary]:
    """Those in flight that have not reached the store, put where they belong."""
    known = {row.id for row in stored}
    fresh = (_summary(flight) for flight in flights.values() if flight.id not in known)
    rows = [*stored, *filter(wanted.fits, fresh)]
    return sorted(rows, key=lambda row: row.id, reverse=True)


def _as_it_runs(row: ExchangeSummary, flights: Mapping[str, InFlight]) -> ExchangeSummary:
    """An open row with the place that is being tried now."""
    flight = flights.get(row.id)
    if flight is None or row.status != "open":
        return row
    return replace(row, mode=flight.mode, upstream=flight.upstream, model=flight.model)


def _summary(flight: InFlight) -> ExchangeSummary:
    return ExchangeSummary(
        id=flight.id,
        began_at=flight.started_at,
        status="open",
        path="/v1/chat/completions",
        key=flight.key,
        alias=flight.alias,
        stream=flight.stream,
        private=False,
        mode=flight.mode,
        upstream=flight.upstream,
        model=flight.model,
        http_status=None,
        finish_reason=None,
        usage=None,
        cost_usd=None,
        first_token_s=None,
        total_s=None,
        attempts=0,
        asked=None,
        answered=None,
        called=(),
    )


def _from_memory(flight: InFlight) -> ExchangeDetail:
    return ExchangeDetail(
        summary=_summary(flight),
        headers={},
        config_generation=0,
        decision={
            "candidates": [],
            "reasons": [{"code": "unrecorded", "text": "this exchange is not being recorded"}],
            "rules": [],
        },
        request=b"",
        tools=(),
        messages=(),
        replies=(),
        tool_calls=(),
        attempts=(),
        partial=b"",
        delivered=b"",
        delivered_bytes=flight.bytes_out,
        queue_s=None,
        connect_s=None,
        error=None,
        notes=(),
    )
