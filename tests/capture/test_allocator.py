"""What the C library's allocator keeps, in processes of their own: it is told for good."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told anything")

HOLES = """
from pathlib import Path
from capture import allocator
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
kept = [bytearray(64_000) for _ in range(1000)]
before = resident()
kept = kept[::100]  # what stays lies between what goes
allocator.give_back()
print(before - resident())
"""
THREADS = """
import ctypes, sys, threading
from pathlib import Path
from capture import allocator
allocator.one_arena()
gate = threading.Barrier(4)
def make():
    gate.wait()
    made = [bytearray(3000) for _ in range(1000)]
    gate.wait()
threads = [threading.Thread(target=make) for _ in range(4)]
for each in threads: each.start()
for each in threads: each.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(Path(sys.argv[1]).read_text().count("<heap nr="))
"""


@glibc
def test_threads_that_allocate_at_once_share_one_arena(tmp_path: Path) -> None:
    assert int(printed(THREADS, str(tmp_path / "arenas.xml"))) == 1


@glibc
def test_what_was_freed_between_what_is_kept_goes_back_to_the_system() -> None:
    assert int(printed(HOLES)) > 50_000_000


def printed(program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
