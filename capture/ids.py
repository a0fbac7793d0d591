"""Exchange ids: 26 characters of Crockford's base32 that sort by the time they were made.

The layout is ULID's (https://github.com/ulid/spec): 48 bits of Unix milliseconds, then 80 random
bits. Ids made by one process always increase, also within a millisecond and when the clock steps
back, so that "before this id" means "before this exchange". An id is a name, never a credential.
"""

from __future__ import annotations

import os
import threading

from capture.clock import now

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_VALUES = {c: n for n, c in enumerate(_ALPHABET)}
_DIGITS = frozenset(_ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))
_RANDOM_BITS = 80
_RANDOM_BYTES = _RANDOM_BITS // 8
_MAX_MS = (1 << 48) - 1

LENGTH = 26


class IdSource:
    """Makes ids that increase strictly. Any thread may call it."""

    def __init__(self) -> None:
        self._last = 0
        self._random = b""
        """Drawn and not used yet: asking the system costs more than making an id."""
        self._lock = threading.Lock()

    def new(self) -> str:
        """The next id."""
        ms = min(int(now() * 1000), _MAX_MS)
        with self._lock:
            if ms > self._last >> _RANDOM_BITS:
                if not self._random:
                    self._random = os.urandom(_RANDOM_BYTES * 64)
                drawn, self._random = self._random[:_RANDOM_BYTES], self._random[_RANDOM_BYTES:]
                self._last = ms << _RANDOM_BITS | int.from_bytes(drawn)
            else:
                self._last += 1
            value = self._last
        return _written(value)


def _written(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])


def named_id(at: float, name: bytes) -> str:
    """The id of something that happened at this moment (Unix seconds), the same for the same name:
    ten bytes of it count."""
    ms = max(0, min(round(at * 1000), _MAX_MS))
    return _written(ms << _RANDOM_BITS | int.from_bytes(name[:_RANDOM_BYTES]))


def first_id(at: float) -> str:
    """What every id made at this moment (Unix seconds) or later is not less than."""
    return _written(max(0, min(int(at * 1000), _MAX_MS)) << _RANDOM_BITS)


new_id = IdSource().new
"""This process's id source."""


def time_of(exchange_id: str) -> float:
    """When an id was made, in Unix seconds. Raises ValueError for what is not an id."""
    if len(exchange_id) != LENGTH or not _DIGITS.issuperset(exchange_id):
        raise ValueError(f"not an exchange id: {exchange_id!r}")
    value = 0
    for character in exchange_id[:10]:
        value = value << 5 | _VALUES[character]
    return (value & _MAX_MS) / 1000
