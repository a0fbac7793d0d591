"""When a failing upstream is rested, and how it comes back.

Closed: requests pass. After `failures` in a row, or when the upstream says when to come back, it is
open: nothing passes until its rest is over. Then one request probes it; success closes the circuit,
failure rests it twice as long, up to ten times the first rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from gateway.settings import Circuit as CircuitSettings

State = Literal["closed", "open", "probing"]
_LONGEST = 10
_MOST_SECONDS = 3600.0
"""However long an upstream asks to be left alone."""


class Circuit:
    """The state of one upstream. Not shared between threads."""

    def __init__(
        self, settings: CircuitSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._failures = 0
        self._rest = settings.rest_seconds
        self._until = 0.0
        self._probing = False

    @property
    def state(self) -> State:
        if self._probing:
            return "probing"
        return "open" if self._clock() < self._until else "closed"

    @property
    def ready(self) -> bool:
        """Whether a request may go now."""
        return not self._probing and self._clock() >= self._until

    @property
    def rest_left(self) -> float:
        """Seconds until a request may go; a guess while another one probes."""
        return self._rest if self._probing else max(0.0, self._until - self._clock())

    def enter(self) -> None:
        """A request goes; after a rest it is the probe, and others wait for what becomes of it."""
        self._probing = self._failures >= self._settings.failures

    def succeeded(self) -> None:
        self._probing = False
        self._failures = 0
        self._rest = self._settings.rest_seconds
        self._until = 0.0

    def failed(self, retry_after: float | None = None) -> None:
        """An attempt failed by the upstream's fault; `retry_after` seconds if it named them."""
        was_probe, self._probing = self._probing, False
        self._failures += 1
        now = self._clock()
        if self._failures >= self._settings.failures:
            if was_probe:
                self._rest = min(self._rest * 2, self._settings.rest_seconds * _LONGEST)
            self._until = max(self._until, now + self._rest)
        if retry_after is not None:
            self._until = max(self._until, now + min(retry_after, _MOST_SECONDS))

    def left(self) -> None:
        """The request ended without telling anything of the upstream (the client went away)."""
        self._probing = False
