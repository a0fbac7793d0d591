"""Sends load to a target and measures what it cost the target: one `Sample` per scenario."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from bench import machine, programs
from bench.scenarios import Scenario
from bench.targets import Target


@dataclass(frozen=True, slots=True)
class Sample:
    """One scenario against one target, once. Times in microseconds."""

    target: str
    scenario: str
    round: int
    served: int
    """Replies, or content events of streams, warm-up included: what `cpu_s` was spent on."""
    failures: int
    """Requests that failed, were cut, or never finished."""
    first_failure: str
    """What the first of them said; empty: none."""
    per_second: float
    """Replies (or events) per second while measured."""
    p50: float | None
    """Whole request. None: nothing finished while measured."""
    p99: float | None
    first_event_p50: float | None
    """To a stream's first content event; the same as `p50` for JSON."""
    delay_p50: float | None
    """From the upstream's send of an event to the client's receipt of it."""
    delay_p99: float | None
    cpu_s: float
    """CPU seconds of the target's whole process tree, work put off until after the replies
    included."""
    peak_mb: float
    """Most resident memory seen while it ran."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def send(target: Target, arguments: Sequence[str], core: str, limit: float = 180) -> dict[str, Any]:
    """Run `llmload` against a target; its one JSON line."""
    done = subprocess.run(
        ["taskset", "-c", core, str(programs.compiled("llmload")), "-p", str(target.port),
         "-m", target.model, "-K", target.key, *arguments],
        capture_output=True,
        text=True,
        timeout=limit,
        check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def wait_until_up(target: Target, core: str, seconds: float) -> bool:
    """Whether it answers two requests within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if send(target, ["-n", "2", "-c", "1"], core)["requests"] == 2:
            return True
        time.sleep(0.3)
    return False


def warm_up(target: Target, core: str) -> None:
    """A second of JSON and a second of streams."""
    send(target, ["-c", "8", "-d", "1", "-w", "0"], core)
    send(target, ["-s", "-k", "20", "-c", "8", "-d", "1", "-w", "0"], core)


def measure(
    target: Target, pid: int, scenario: Scenario, core: str, round: int, shorter: float
) -> Sample:
    """One scenario, once."""
    pids = machine.process_tree(pid)
    before = machine.wait_until_quiet(pids)
    with _Peak(pids) as peak:
        told = send(target, scenario.arguments(shorter), core)
        after = machine.wait_until_quiet(pids)
    return Sample(
        target=target.name,
        scenario=scenario.name,
        round=round,
        served=told["chunks"],
        failures=told["errors"] + told["unfinished"],
        first_failure=told["lasterr"],
        per_second=told["chunks_ps"] if scenario.streamed else told["rps"],
        p50=_quantile(told, "lat", "p50"),
        p99=_quantile(told, "lat", "p99"),
        first_event_p50=_quantile(told, "ttft", "p50"),
        delay_p50=_quantile(told, "chunk", "p50"),
        delay_p99=_quantile(told, "chunk", "p99"),
        cpu_s=after - before,
        peak_mb=peak.mb,
    )


def _quantile(told: dict[str, Any], series: str, which: str) -> float | None:
    values: dict[str, float] | None = told[series]
    return values[which] if values else None


class _Peak:
    """Watches memory from a thread while the block runs."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.mb = 0.0
        self._pids = pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.mb = max(self.mb, machine.resident_mb(self._pids))
            if self._over.wait(0.25):
                return
