"""What Linux says of a process and its children: CPU time and memory.

CPU time comes from schedstat in nanoseconds, whole process tree, every thread. On a machine that
others use too it is the number to trust: it counts work, not waiting.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")


def process_tree(pid: int) -> list[int]:
    """`pid` and all its descendants, as they are now."""
    children: dict[int, list[int]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue  # it ended while we looked
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: list[int] = []
    todo = [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU time these processes have used so far, in seconds."""
    used = 0
    for pid in pids:
        for schedstat in PROC.glob(f"{pid}/task/*/schedstat"):
            try:
                used += int(schedstat.read_text().split()[0])
            except (OSError, IndexError):
                continue
    return used / 1e9


def resident_mb(pids: Sequence[int]) -> float:
    """Resident memory of these processes together, in MB (10^6 bytes)."""
    total = 0
    for pid in pids:
        try:
            status = (PROC / str(pid) / "status").read_text()
        except OSError:
            continue
        total += sum(
            int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")
        )
    return total * 1024 / 1e6


def wait_until_quiet(pids: Sequence[int], limit: float = 10.0) -> float:
    """Wait until these processes have no work left over; return their CPU seconds at that moment.

    Work that a target puts off until after the reply (capture, logging) is its cost all the same.
    """
    deadline = time.monotonic() + limit
    before = cpu_seconds(pids)
    while time.monotonic() < deadline:
        time.sleep(0.2)
        now = cpu_seconds(pids)
        if now - before < 0.004:  # under 2 % of one core
            return now
        before = now
    return before


def cores() -> tuple[str, str]:
    """Cores for the target, and for the load and the upstream, as taskset lists them."""
    usable = sorted(os.sched_getaffinity(0))
    return str(usable[0]), ",".join(str(core) for core in usable[1:3] or usable[:1])
