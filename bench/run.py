"""`make bench`: every target under every scenario, interleaved, then ratios and verdicts.

Scenarios run A B C D, A B C D, so that noise from whatever else the machine does spreads evenly.
Exits 1 when a promise is broken or any request to Majordomo failed; `--quick` (a smoke test of the
bench itself) only for failures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from bench import load, machine, report, targets
from bench.programs import ROOT
from bench.scenarios import SCENARIOS, Scenario
from bench.targets import Target


def main() -> int:
    """Parse, run, report."""
    options = _options()
    chosen = [s for s in SCENARIOS if options.scenarios is None or s.name in options.scenarios]
    rounds, shorter = (1, 3.0) if options.quick else (options.rounds, 1.0)
    samples = run(options.targets, chosen, rounds, shorter)
    found = report.table(samples)
    kept = report.promises(found)
    print(report.as_text(found, chosen))
    print("\n" + report.verdicts(kept))
    _save(options.out, samples, kept)
    failed = sum(s.failures for s in samples if s.target == "majordomo")
    for sample in samples:
        if sample.first_failure:
            print(f"  {sample.target} {sample.scenario}: {sample.first_failure}")
    broken = any(promise.holds is False for promise in kept)
    return 1 if failed or (broken and not options.quick) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--targets", type=_names, default=tuple(targets.MAKERS))
    parser.add_argument("--scenarios", type=_names, default=None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short round, no verdict on speed")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out" / "bench.json")
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def run(
    names: tuple[str, ...], scenarios: list[Scenario], rounds: int, shorter: float
) -> list[load.Sample]:
    """Start what can be started, measure, stop."""
    target_core, load_cores = machine.cores()
    with ExitStack() as stack:
        made = stack.enter_context(targets.made(names))
        up: list[tuple[Target, int]] = []
        for target in made:
            core = load_cores if target.name == "direct" else target_core
            pid = stack.enter_context(targets.running(target, core))
            if load.wait_until_up(target, load_cores, seconds=90):
                load.warm_up(target, load_cores)
                up.append((target, pid))
                print(f"{target.name}: up on port {target.port}", flush=True)
            else:
                print(f"{target.name}: does not answer, left out\n{_tail(target)}", flush=True)
        samples: list[load.Sample] = []
        for number in range(rounds):
            for scenario in scenarios:
                for target, pid in up:
                    if scenario.connections > target.most_connections:
                        continue
                    sample = load.measure(target, pid, scenario, load_cores, number, shorter)
                    samples.append(sample)
                    cpu = sample.cpu_s * 1e6 / max(sample.served, 1)
                    print(f"round {number + 1} {scenario.name} {target.name}: {cpu:.1f} µs CPU",
                          flush=True)  # fmt: skip
    return samples


def _tail(target: Target) -> str:
    log = target.home / "out.log"
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


def _save(out: Path, samples: list[load.Sample], kept: list[report.Promise]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()},
        "python": platform.python_version(),
        "promises": [
            {"what": p.what, "measured": p.measured, "limit": p.limit, "holds": p.holds}
            for p in kept
        ],
        "samples": [sample.as_dict() for sample in samples],
    }
    out.write_text(json.dumps(told, indent=1) + "\n")
    print(f"\nWritten to {out}")


if __name__ == "__main__":
    sys.exit(main())
