"""What Majordomo counts about itself, as Prometheus metrics.

Owns the metric names and their labels; `GET /metrics` renders them. Labels come from the settings
and from our own vocabulary, never from a client, and past `MAX_SERIES` distinct label sets of one
metric the rest are counted as `other`. Unknown amounts are counted as unknown, never as zero.
`exchange` is the one call on the path of a request: a few microseconds. All of it runs on the
event loop's thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from capture.exchange import Attempt, ExchangeEnd, RouteDecision

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""Media type of what `render` returns."""
MAX_SERIES = 500
"""Label sets kept apart per metric; settings that change for months must not grow memory."""
FIRST_TOKEN_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0)
TOTAL_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0)
SANE = 1e15
"""Amounts at or past this, or below zero, are an upstream's nonsense and are not added up."""

NOWHERE = ("none", "none")
"""Mode and upstream of an exchange that nothing could answer."""


@dataclass(frozen=True, slots=True)
class PlaceVitals:
    """One place requests can go, as it stands now."""

    mode: str
    """The mode it serves, or `named` for one reachable only by a configured name."""
    upstream: str
    model: str
    healthy: bool
    """False while its circuit is open."""


@dataclass(frozen=True, slots=True)
class HouseVitals:
    """The child process that serves the house model."""

    ready: bool
    failure: str | None
    """Why it does not serve; None when it does or is starting for the first time."""
    adapter: str | None = None
    """Id of the adapter it answers with; None for the base alone."""
    adapter_failure: str | None = None
    """Why that is not the incumbent; None when it is, or soon will be."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the gateway itself is doing at this moment."""

    draining: bool
    """Shutting down: nothing new should be sent here."""
    in_flight: int
    """Exchanges being answered now."""
    config_generation: int
    """Which load of the settings serves; counts up by one per successful load."""
    config_error: str | None
    """Why the settings file on disk was refused; None when what is on disk is what serves."""
    journal_failure: str | None
    """Why exchanges cannot be journalled now; None when they can."""
    ingest_failure: str | None
    """Why the journal does not reach the store; None when it does."""
    ingest_lag_bytes: int
    """Journal bytes that are not in the store yet."""
    refuses_unrecorded: bool
    """What happens while the journal fails: True refuses new requests, False serves unrecorded."""
    places: tuple[PlaceVitals, ...]
    restart_needed: tuple[str, ...] = ()
    """Settings whose change on disk has no effect before a restart, as `server.port`."""
    house: HouseVitals | None = None
    """The house model's process; None when no upstream uses it."""
    recall_failures: tuple[str, ...] = ()
    """What is wrong with searching: words not taken in, vectors or distillations not made."""
    day_left_usd: float | None = None
    """Money left for BURST today (UTC); None means no limit."""
    month_left_usd: float | None = None
    """Money left for BURST this month (UTC); None means no limit."""


class _Counts(Collector):
    """A counter kept in a plain dict: a quarter of the cost of prometheus-client's own, whose locks
    are for threads that never touch it here."""

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self._family = (f"majordomo_{name}", help_text)
        self._labels = labels
        self._values: dict[tuple[str, ...], float] = {}

    def add(self, values: tuple[str, ...], amount: float = 1.0) -> None:
        known = self._values
        try:
            known[values] += amount
        except KeyError:
            if len(known) >= MAX_SERIES:
                values = ("other",) * len(values)
            known[values] = known.get(values, 0.0) + amount

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(*self._family, labels=self._labels)
        for values, total in self._values.items():
            family.add_metric(values, total)
        yield family


class _Durations(Collector):
    """A histogram by mode, kept the same way."""

    def __init__(self, name: str, help_text: str, bounds: tuple[float, ...]) -> None:
        self._family = (f"majordomo_{name}", help_text)
        self._bounds = bounds
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def add(self, mode: str, seconds: float) -> None:
        if mode not in self._counts:
            self._counts[mode] = [0] * (len(self._bounds) + 1)
        self._counts[mode][bisect_left(self._bounds, seconds)] += 1
        self._sums[mode] = self._sums.get(mode, 0.0) + seconds

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(*self._family, labels=("mode",))
        bounds = [*map(str, self._bounds), "+Inf"]
        for mode, counts in self._counts.items():
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            family.add_metric((mode,), buckets, self._sums[mode])
        yield family


class Telemetry:
    """One gateway's metrics in a registry of their own."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        place = ("mode", "upstream")
        self._requests = self._counter(
            "requests", "Exchanges, by how they ended.", *place, "status"
        )
        self._rejected = self._counter(
            "rejected", "Requests refused before any decision, by error code.", "code"
        )
        self._attempts = self._counter("attempts", "Tries at upstreams.", *place, "status")
        self._tokens = self._counter("tokens", "Tokens as upstreams counted them.", *place, "kind")
        self._usage_unknown = self._counter(
            "usage_unknown", "Attempts whose upstream did not say what it used.", *place
        )
        self._cost = self._counter("cost_usd", "Known cost of all attempts, in US dollars.", *place)
        self._cost_unknown = self._counter("cost_unknown", "Attempts of unknown cost.", *place)
        self._first_token = self._histogram(
            "first_token_seconds", "Request in to first reply byte out.", FIRST_TOKEN_BUCKETS
        )
        self._total = self._histogram(
            "total_seconds", "Request in to last reply byte out.", TOTAL_BUCKETS
        )
        self._gauges = _Gauges(self.registry)

    def exchange(self, end: ExchangeEnd, decision: RouteDecision) -> None:
        """Count one finished exchange and all its attempts."""
        attempts = end.attempts
        mode, upstream = _answered_by(attempts, decision)
        self._requests.add((mode, upstream, end.status))
        for attempt in attempts:
            self._attempt(attempt)
        if end.first_token_s is not None:
            self._first_token.add(mode, end.first_token_s)
        if end.total_s is not None:
            self._total.add(mode, end.total_s)

    def rejected(self, code: str) -> None:
        """Count one request refused before it was an exchange; `code` is one of our error codes."""
        self._rejected.add((code,))

    def render(self, vitals: Vitals) -> bytes:
        """The whole registry, with the gauges set to `vitals`, in `CONTENT_TYPE`."""
        self._gauges.set(vitals)
        return generate_latest(self.registry)

    def _attempt(self, attempt: Attempt) -> None:
        place = (attempt.mode, attempt.upstream)
        self._attempts.add((*place, attempt.status))
        usage = attempt.usage
        if usage is None:
            self._usage_unknown.add(place)
        else:
            if usage.input_tokens:
                self._count_tokens(place, "input", usage.input_tokens)
            if usage.output_tokens:
                self._count_tokens(place, "output", usage.output_tokens)
            if usage.cache_read_tokens:
                self._count_tokens(place, "cache_read", usage.cache_read_tokens)
            if usage.cache_write_tokens:
                self._count_tokens(place, "cache_write", usage.cache_write_tokens)
            if usage.reasoning_tokens:
                self._count_tokens(place, "reasoning", usage.reasoning_tokens)
        cost = attempt.cost_usd
        if cost is None:
            self._cost_unknown.add(place)
        elif 0 < cost < SANE:
            self._cost.add(place, cost)

    def _count_tokens(self, place: tuple[str, str], kind: str, count: int) -> None:
        if 0 < count < SANE:
            self._tokens.add((*place, kind), count)

    def _counter(self, name: str, help_text: str, *labels: str) -> _Counts:
        counts = _Counts(name, help_text, *labels)
        self.registry.register(counts)
        return counts

    def _histogram(self, name: str, help_text: str, bounds: tuple[float, ...]) -> _Durations:
        durations = _Durations(name, help_text, bounds)
        self.registry.register(durations)
        return durations


def _answered_by(attempts: list[Attempt], decision: RouteDecision) -> tuple[str, str]:
    """Mode and upstream of the last attempt, else of the decision, else `NOWHERE`."""
    if attempts:
        return attempts[-1].mode, attempts[-1].upstream
    chosen = decision.chosen
    return NOWHERE if chosen is None else (chosen.mode, chosen.upstream)


class _Gauges:
    """What is read off the running gateway whenever someone asks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, help_text: str, *labels: str) -> Gauge:
            return Gauge(f"majordomo_{name}", help_text, labels, registry=registry)

        self._in_flight = gauge("in_flight", "Exchanges being answered now.")
        self._generation = gauge("config_generation", "Which load of the settings serves.")
        self._config_error = gauge("config_error", "1 while the settings file on disk is refused.")
        self._journal = gauge("journal_failure", "1 while exchanges cannot be journalled.")
        self._ingest = gauge("ingest_failure", "1 while the journal does not reach the store.")
        self._lag = gauge("ingest_lag_bytes", "Journal bytes that are not in the store yet.")
        self._open = gauge("circuit_open", "1 while a place is rested.", "mode", "upstream")
        self._left = gauge("burst_left_usd", "Money left for BURST; absent: no limit.", "period")

    def set(self, vitals: Vitals) -> None:
        self._in_flight.set(vitals.in_flight)
        self._generation.set(vitals.config_generation)
        self._config_error.set(vitals.config_error is not None)
        self._journal.set(vitals.journal_failure is not None)
        self._ingest.set(vitals.ingest_failure is not None)
        self._lag.set(vitals.ingest_lag_bytes)
        self._open.clear()
        for place in vitals.places[:MAX_SERIES]:
            self._open.labels(place.mode, place.upstream).set(not place.healthy)
        self._left.clear()
        for period, left in (("day", vitals.day_left_usd), ("month", vitals.month_left_usd)):
            if left is not None:
                self._left.labels(period).set(left)
