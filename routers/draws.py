"""Numbers that look drawn, from a seed and what they are for: the same every time. Pure.

Deciding has no random numbers of its own, so that every decision can be made again.
"""

from __future__ import annotations

from hashlib import blake2s

_WHOLE = float(1 << 64)


def draw(seed: int, what: str, number: int) -> float:
    """A number from 0 to 1, the latter excluded."""
    made = blake2s(f"{seed}:{what}:{number}".encode(), digest_size=8).digest()
    return int.from_bytes(made, "big") / _WHOLE
