"""What time it is for whatever capture stamps: the system's, moved by an offset for rehearsals.

`MAJORDOMO_CLOCK_OFFSET` (seconds, may be negative, read once) lets weeks of use be played in
minutes: every id, beginning and attempt of the process is dated that much later. Waiting and
measuring durations have nothing to do with it; they use the monotonic clock.
"""

from __future__ import annotations

import os
import time

VARIABLE = "MAJORDOMO_CLOCK_OFFSET"


def read_offset(said: str) -> float:
    """Seconds to add, from what the variable says; empty is none. Raises ValueError."""
    try:
        offset = float(said or 0)
    except ValueError:
        offset = float("nan")
    if not abs(offset) < 1e10:  # also not a number
        raise ValueError(f"{VARIABLE} is {said!r}, which is not a number of seconds")
    return offset


_OFFSET = read_offset(os.environ.get(VARIABLE, ""))


def now() -> float:
    """Unix seconds, by this process's calendar."""
    return time.time() + _OFFSET
