"""Feedback that was taken lately: repeats are known before they reach the store, floods held off.

Bounded in every direction: what was taken long ago the store knows. Belongs to the event loop.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from capture.feedback import Feedback
from capture.framing import Position
from gateway.errors import RateLimited

AT_ONCE = 200
"""Pieces of feedback that one speaker may give in one go."""
PER_SECOND = 10.0
"""Pieces that one speaker may give in the long run."""
_REMEMBERED = 1000


class Taken(NamedTuple):
    """Feedback that is in the journal."""

    feedback: Feedback
    position: Position


class Heard:
    """What each speaker said lately, and how much of it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left: dict[str | None, tuple[float, float]] = {}
        """By speaker: how many more it may give, and when that was counted."""
        self._taken: OrderedDict[tuple[str | None, str], Taken] = OrderedDict()
        """By speaker and idempotency key, the oldest first."""

    def allow(self, speaker: str | None) -> None:
        """Count one more piece. Raises RateLimited for one too many."""
        now = self._now()
        left, counted_at = self._left.get(speaker, (float(AT_ONCE), now))
        left = min(AT_ONCE, left + (now - counted_at) * PER_SECOND)
        if left < 1:
            wait = (1 - left) / PER_SECOND
            raise RateLimited("too much feedback at once; send it again later", retry_after=wait)
        self._left[speaker] = (left - 1, now)

    def remember(self, taken: Taken) -> None:
        """Keep what has an idempotency key."""
        said = taken.feedback
        if said.idempotency_key is not None:
            self._taken[said.key, said.idempotency_key] = taken
            if len(self._taken) > _REMEMBERED:
                self._taken.popitem(last=False)

    def find(self, speaker: str | None, idempotency_key: str) -> Taken | None:
        """What a speaker called so lately; None when nothing."""
        return self._taken.get((speaker, idempotency_key))

    def forget(self, taken: Taken) -> None:
        """Drop what turned out not to be safe on disk."""
        said = taken.feedback
        if said.idempotency_key is not None:
            self._taken.pop((said.key, said.idempotency_key), None)
