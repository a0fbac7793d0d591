"""`make bench-start`: from process start to first byte of a reply, and memory at rest afterwards.

The gateway has one upstream, the C fake, so no model server of its own runs. Exits 1 when a limit
is broken, but not with `--quick`: a strange machine's speed is no fault of a change.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from contextlib import ExitStack
from statistics import median

from bench import load, machine, targets
from bench.programs import ROOT
from bench.targets import Target

START_SECONDS = 2.0
IDLE_MB = 120.0


def main() -> int:
    """Start it a few times, print and save what was seen."""
    parser = argparse.ArgumentParser(prog="make bench-start ARGS=...", description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="measure, and hold to no limit")
    options = parser.parse_args()
    target_core, load_core = machine.cores()
    with ExitStack() as stack:
        upstream, gateway = stack.enter_context(targets.made(("direct", "majordomo")))
        stack.enter_context(targets.running(upstream, load_core))
        load.wait_until_up(upstream, load_core, seconds=10)
        seen = [_once(gateway, target_core, load_core) for _ in range(options.times)]
    seconds, cpu, fresh, used = (list(column) for column in zip(*seen, strict=True))
    print(f"start to first byte: {median(seconds):.2f} s, worst {max(seconds):.2f} s, of which "
          f"{median(cpu):.2f} s CPU (at most {START_SECONDS:g} s)")  # fmt: skip
    print(f"memory at rest: {max(fresh):.0f} MB fresh, {max(used):.0f} MB after some load "
          f"(at most {IDLE_MB:g} MB)")  # fmt: skip
    out = ROOT / "bench-out" / "start.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(
        json.dumps({"start_s": seconds, "start_cpu_s": cpu, "fresh_mb": fresh, "used_mb": used})
        + "\n"
    )
    broken = median(seconds) > START_SECONDS or max(used) > IDLE_MB
    return int(broken and not options.quick)


def _once(gateway: Target, core: str, load_core: str) -> tuple[float, float, float, float]:
    """Seconds to the first byte, CPU seconds of them; MB at rest before and after some load."""
    began = time.monotonic()
    with targets.running(gateway, core) as pid:
        seconds = _first_byte(gateway, began + 30) - began
        pids = machine.process_tree(pid)
        cpu = machine.cpu_seconds(pids)
        machine.wait_until_quiet(pids)
        fresh = machine.resident_mb(pids)
        load.warm_up(gateway, load_core)
        machine.wait_until_quiet(pids)
        return seconds, cpu, fresh, machine.resident_mb(pids)


def _first_byte(target: Target, deadline: float) -> float:
    """Monotonic time at which the first byte of a completion arrived."""
    body = b'{"model": "auto", "messages": [{"role": "user", "content": "hello"}]}'
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Authorization: Bearer {target.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode()
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", target.port), timeout=5) as connection:
                connection.sendall(request + body)
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return time.monotonic()
        except OSError:
            pass  # not listening yet
        time.sleep(0.005)
    raise SystemExit(f"no reply:\n{(target.home / 'out.log').read_text(errors='replace')}")


if __name__ == "__main__":
    sys.exit(main())
