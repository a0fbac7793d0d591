"""How much Python memory a piece of work needs, measured so that its surroundings do not count."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable


def peak(work: Callable[[], object]) -> int:
    """The most bytes of Python memory that `work` held at once: the smaller figure of two runs.

    Whatever else this process does meanwhile is counted with it (a thread of an earlier test, the
    warning for a socket that it left, with the source file the warning quotes), and does so once;
    memory that grows with the work does so in every run."""
    return min(_once(work), _once(work))


def _once(work: Callable[[], object]) -> int:
    gc.collect()  # what earlier tests left is finalised before the measurement, not within it
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
