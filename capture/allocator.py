"""How much memory the C library's allocator may keep for itself. Only glibc is told anything.

It gives every thread that allocates beside another an arena of its own, and none of them back. Here
one thread at a time runs Python, so that one arena serves all.
"""

from __future__ import annotations

import ctypes

_ARENA_MAX = -8
"""`M_ARENA_MAX` of malloc.h."""


def one_arena() -> None:
    """Have all threads share one arena. Does nothing for threads that have another already."""
    _call("mallopt", _ARENA_MAX, 1)


def give_back() -> None:
    """Give what is free back to the system: for when there is nothing else to do."""
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    """Call a function of the C library, where there is one of this name."""
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):  # not glibc; on Windows not even a `None`
        return
    function(*arguments)
