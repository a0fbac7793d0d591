"""Samples -> medians -> ratios -> what was promised and what holds. Pure: no file, no process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.load import Sample
from bench.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Row:
    """One target under one scenario: medians over the rounds. None: not measured."""

    target: str
    cpu_us: float | None
    """CPU microseconds per reply, or per event of a stream."""
    per_second: float
    p50_us: float | None
    p99_us: float | None
    first_event_us: float | None
    delay_us: float | None
    failures: int
    """Over all rounds."""
    peak_mb: float


Table = Mapping[str, Mapping[str, Row]]
"""Scenario -> target -> row."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One limit and what was measured."""

    what: str
    measured: float | None
    """None: something it is measured against was not there."""
    limit: float
    unit: str
    at_least: bool = False
    """The limit is a floor, not a ceiling."""

    @property
    def holds(self) -> bool | None:
        """None: not known."""
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def table(samples: Iterable[Sample]) -> dict[str, dict[str, Row]]:
    """Medians by scenario and target, in the order they were first measured."""
    groups: dict[str, dict[str, list[Sample]]] = {}
    for sample in samples:
        groups.setdefault(sample.scenario, {}).setdefault(sample.target, []).append(sample)
    return {
        scenario: {target: _row(target, group) for target, group in targets.items()}
        for scenario, targets in groups.items()
    }


def _row(target: str, samples: Sequence[Sample]) -> Row:
    def middle(of: Callable[[Sample], float | None]) -> float | None:
        values = [value for sample in samples if (value := of(sample)) is not None]
        return median(values) if values else None

    return Row(
        target=target,
        cpu_us=middle(lambda s: s.cpu_s * 1e6 / s.served if s.served else None),
        per_second=median(sample.per_second for sample in samples),
        p50_us=middle(lambda s: s.p50),
        p99_us=middle(lambda s: s.p99),
        first_event_us=middle(lambda s: s.first_event_p50),
        delay_us=middle(lambda s: s.delay_p50),
        failures=sum(sample.failures for sample in samples),
        peak_mb=max(sample.peak_mb for sample in samples),
    )


def promises(found: Table) -> list[Promise]:
    """The issue's limits against this run. Ratios only ever compare within one run."""

    def cpu(scenario: str, target: str) -> float | None:
        row = found.get(scenario, {}).get(target)
        return row.cpu_us if row else None

    def p50(target: str) -> float | None:
        row = found.get("json1", {}).get(target)
        return row.p50_us if row else None

    ours, direct = p50("majordomo"), p50("direct")
    added = None if ours is None or direct is None else (ours - direct) / 1000
    thousand = found.get("paced1000", {}).get("majordomo")
    json64, paced256 = cpu("json64", "majordomo"), cpu("paced256", "majordomo")
    return [
        Promise("CPU per JSON request, 64 connections, against nginx",
                _ratio(json64, cpu("json64", "nginx")), 12, "x"),
        Promise("CPU per JSON request, 64 connections, LiteLLM against ours",
                _ratio(cpu("json64", "litellm"), json64), 40, "x", at_least=True),
        Promise("CPU per SSE event, 256 paced streams, against nginx",
                _ratio(paced256, cpu("paced256", "nginx")), 2.5, "x"),
        Promise("added p50 at one connection", added, 0.6, " ms"),
        Promise("CPU per request at 256 connections against 16",
                _ratio(cpu("json256", "majordomo"), cpu("json16", "majordomo")), 1.5, "x"),
        Promise("failures among 1,000 concurrent paced streams",
                None if thousand is None else thousand.failures, 0, ""),
    ]  # fmt: skip


def _ratio(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b else None


def as_text(found: Table, scenarios: Sequence[Scenario]) -> str:
    """The tables, as Markdown."""
    parts: list[str] = []
    for scenario in scenarios:
        rows = found.get(scenario.name)
        if not rows:
            continue
        unit = "event" if scenario.streamed else "request"
        parts.append(
            f"\n{scenario.name}\n\n"
            f"| target | CPU µs/{unit} | {unit}s/s | p50 µs | p99 µs | first event µs "
            "| event delay µs | failures | peak MB |\n|" + "---|" * 9
        )
        parts += [_line(row) for row in rows.values()]
    return "\n".join(parts)


def _line(row: Row) -> str:
    cells = (
        row.target,
        _shown(row.cpu_us, 1),
        _shown(row.per_second),
        _shown(row.p50_us),
        _shown(row.p99_us),
        _shown(row.first_event_us),
        _shown(row.delay_us),
        str(row.failures),
        _shown(row.peak_mb),
    )
    return "| " + " | ".join(cells) + " |"


def verdicts(kept: Sequence[Promise]) -> str:
    """One line for each promise."""
    words = {True: "holds", False: "BROKEN", None: "not measured"}
    width = max(len(promise.what) for promise in kept)
    return "\n".join(
        f"  {promise.what:<{width}}  {_shown(promise.measured, 2):>8}{promise.unit:<3} "
        f"(at {'least' if promise.at_least else 'most'} {promise.limit:g}{promise.unit})"
        f"  {words[promise.holds]}"
        for promise in kept
    )


def _shown(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
