"""`make bench-soak`: memory over a million requests.

Requests go out in twenty slices; after each the gateway gets time to finish what it put off, and
its memory is read. Flat means that the last three quarters of the run added less than GROWTH_MB.
Exits 1 when they added more, or when any request failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import ExitStack

from bench import load, machine, targets
from bench.programs import ROOT

SLICES = 20
GROWTH_MB = 6.0
"""Allocators and SQLite's cache settle for a while. A leak of 8 bytes a request would be this."""


def main() -> int:
    """Run the slices, print and save memory after each."""
    parser = argparse.ArgumentParser(prog="make bench-soak ARGS=...", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    memory: list[float] = []
    failures = 0
    began = time.monotonic()
    each = ["-n", str(options.requests // SLICES), "-c", str(options.connections)]
    target_core, load_core = machine.cores()
    with ExitStack() as stack:
        upstream, gateway = stack.enter_context(targets.made(("direct", "majordomo")))
        stack.enter_context(targets.running(upstream, load_core))
        pid = stack.enter_context(targets.running(gateway, target_core))
        if not load.wait_until_up(gateway, load_core, seconds=30):
            raise SystemExit((gateway.home / "out.log").read_text(errors="replace"))
        for number in range(SLICES):
            told = load.send(gateway, each, load_core, limit=3600)
            pids = machine.process_tree(pid)
            machine.wait_until_quiet(pids, limit=120)
            memory.append(machine.resident_mb(pids))
            failures += told["errors"] + told["unfinished"]
            done = (number + 1) * options.requests // SLICES
            print(f"{done:>9,} requests: {memory[-1]:.1f} MB, {told['rps']:,.0f}/s", flush=True)
    growth = memory[-1] - memory[SLICES // 4 - 1]
    minutes = (time.monotonic() - began) / 60
    print(f"growth over the last three quarters: {growth:.1f} MB (at most {GROWTH_MB:g} MB); "
          f"{failures} failures; {minutes:.0f} minutes")  # fmt: skip
    out = ROOT / "bench-out" / "soak.json"
    out.parent.mkdir(exist_ok=True)
    told = {"requests": options.requests, "memory_mb": memory, "failures": failures}
    out.write_text(json.dumps({**told, "growth_mb": growth, "minutes": minutes}) + "\n")
    return int(growth > GROWTH_MB or failures > 0)


if __name__ == "__main__":
    sys.exit(main())
