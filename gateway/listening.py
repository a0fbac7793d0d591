"""Who listens on a port of this machine, as far as that can be known without asking anyone's leave.

Majordomo and the model servers say it themselves; for the rest Linux tells a process's owner in
/proc. None of it is certain, all of it helps the person whose port is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gateway.upstreams.detect import detect
from gateway.upstreams.probe import Prober

_LISTEN = "0A"
_PROC = Path("/proc")


def who_listens(port: int) -> str | None:
    """One clause: what listens on `port`, with its process where that is known; None when
    neither is."""
    what = asyncio.run(_what(port))
    process = process_on(port)
    return f"{what} ({process})" if what and process else what or process


async def _what(port: int) -> str | None:
    async with Prober(port, 0.5) as prober:
        if await prober.is_majordomo():
            return "another Majordomo"
    found = await detect([port], seconds=1.0)
    return found[0].server if found else None


def process_on(port: int, proc: Path = _PROC) -> str | None:
    """`process 1234 (python)`: who holds the listening socket, where /proc lets us see it."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    if not wanted:
        return None
    for process in proc.glob("[0-9]*"):
        if any(target in wanted for target in _open_files(process)):
            return f"process {process.name} ({_name(process)})"
    return None


def _open_files(process: Path) -> Iterator[str]:
    """What a process holds open, as far as we may see it and it stays open."""
    with suppress(OSError):
        for entry in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(entry.readlink())


def _inodes(port: int, proc: Path) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _name(process: Path) -> str:
    try:
        name = (process / "comm").read_text().strip()
    except OSError:
        return "unknown"
    return "".join(c for c in name if c.isprintable())
