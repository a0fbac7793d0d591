"""How the gateway is doing, read off the runtime, and what of it a person should know.

`vitals` reads; `problems` is pure. The page's banner, `/readyz`, `/v1/status` and `/metrics` all
tell the same story because all of them come through here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gateway.endpoints.seam import Runtime
from gateway.telemetry import HouseVitals, PlaceVitals, Vitals


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be, now."""

    code: str
    """Stable, for machines."""
    effect: Literal["stops", "warns"]
    """`stops`: requests are not answered until it is mended. `warns`: they are."""
    text: str
    """What is wrong and what follows from it, for people; may name upstreams and files."""


def vitals(runtime: Runtime) -> Vitals:
    """Read everything at this moment."""
    fleet = runtime.fleet()
    places = [*fleet.places, *fleet.named.values()]
    budget = runtime.ledger.left()
    error = runtime.config.error
    house = runtime.house
    return Vitals(
        draining=runtime.draining,
        in_flight=len(runtime.in_flight()),
        config_generation=runtime.config.current.generation,
        config_error=None if error is None else str(error),
        journal_failure=runtime.journal.failure,
        ingest_failure=runtime.ingester.failure,
        ingest_lag_bytes=runtime.ingester.lag_bytes,
        recall_failures=tuple(runtime.recall_failures),
        refuses_unrecorded=runtime.settings.capture.on_failure == "refuse",
        places=tuple(
            PlaceVitals(place.mode or "named", place.upstream, place.model, place.healthy)
            for place in places
        ),
        restart_needed=runtime.config.current.restart_needed,
        house=None
        if house is None
        else HouseVitals(house.ready.is_set(), house.failure, house.adapter, house.adapter_failure),
        day_left_usd=budget.day_left_usd,
        month_left_usd=budget.month_left_usd,
    )


def problems(now: Vitals) -> tuple[Problem, ...]:
    """What is wrong, worst first; empty when all is well."""
    found = [*_serving(now), *_recording(now), *_settings(now)]
    return tuple(sorted(found, key=lambda problem: problem.effect))


def _serving(now: Vitals) -> Iterator[Problem]:
    if now.draining:
        yield Problem("draining", "stops", "Majordomo is shutting down; open replies are finished")
    if not now.places:
        yield Problem("no_upstream", "stops", "No upstream is configured, so nothing can answer")
    elif not any(place.healthy for place in now.places):
        yield Problem("no_upstream", "stops", "No upstream is healthy, so nothing can answer")
    for upstream in dict.fromkeys(place.upstream for place in now.places if not place.healthy):
        yield Problem(
            "circuit_open",
            "warns",
            f"{upstream} keeps failing and is rested; it is tried again soon",
        )

    if now.house is not None and now.house.failure is not None:
        yield Problem("house", "warns", f"The house model does not run: {now.house.failure}")
    elif now.house is not None and not now.house.ready:
        yield Problem("house", "warns", "The house model is starting; requests for it wait")
    if now.house is not None and now.house.adapter_failure is not None:
        answers = "the base alone" if now.house.adapter is None else f"adapter {now.house.adapter}"
        text = f"The house model goes on with {answers}: {now.house.adapter_failure}"
        yield Problem("adapter", "warns", text)


def _recording(now: Vitals) -> Iterator[Problem]:
    if now.journal_failure is not None and now.refuses_unrecorded:
        yield Problem(
            "capture",
            "stops",
            f"Exchanges cannot be recorded, so new requests are refused: {now.journal_failure}",
        )
    elif now.journal_failure is not None:
        yield Problem(
            "capture", "warns", f"Exchanges are NOT being recorded: {now.journal_failure}"
        )
    if now.ingest_failure is not None:
        yield Problem(
            "ingest",
            "warns",
            "Exchanges are safe in the journal but do not reach the store, so pages and budgets "
            f"lag behind: {now.ingest_failure}",
        )
    for failure in now.recall_failures:
        yield Problem("recall", "warns", f"Exchanges are not found as they should be: {failure}")


def _settings(now: Vitals) -> Iterator[Problem]:
    if now.config_error is not None:
        yield Problem(
            "config",
            "warns",
            f"The settings on disk were refused; load {now.config_generation} still serves: "
            f"{now.config_error}",
        )
    if now.restart_needed:
        yield Problem(
            "restart",
            "warns",
            f"Changed settings wait for a restart: {', '.join(now.restart_needed)}",
        )
    for period, left in (("today", now.day_left_usd), ("this month", now.month_left_usd)):
        if left is not None and left <= 0:
            yield Problem(
                "budget", "warns", f"The BURST budget for {period} is spent; requests stay at home"
            )
