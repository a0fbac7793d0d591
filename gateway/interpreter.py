"""How the interpreter and its memory are set for starting and for serving (docs/experiments.md)."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager

from capture import allocator

_SWITCH_SECONDS = 0.001
"""How long a thread may keep the event loop waiting for the interpreter (default: 5 ms)."""


@contextmanager
def importing() -> Generator[None]:
    """While modules are imported no cycles are collected: what they make, they keep."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def tune() -> None:
    """A thread's turn is short, and the cycle collector runs less often: almost all that a request
    leaves behind is freed by reference counts. Before there are threads, which share one arena."""
    allocator.one_arena()
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(10_000, 20, 20)


def settle() -> None:
    """What is there now stays for good: the collector need not look at it again."""
    gc.freeze()
