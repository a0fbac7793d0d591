"""Who is being served now, and by which load of the settings.

`Seats` counts requests in flight, keeps silent streams alive with one ticker for all of them, and
holds `current`: everything that a change of the settings replaces. A request takes `current` once
and finishes on it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from capture.sessions import SESSION_HEADERS
from gateway.approval import Words
from gateway.conversation_modes import ConversationModes
from gateway.decisions import Decisions
from gateway.desk import Desk
from gateway.errors import RateLimited
from gateway.flight import Flight, InFlight
from gateway.seeing import NOTHING, Sight
from gateway.settings import Limits, Settings
from gateway.telemetry import Telemetry
from routers.latch import Latch


@dataclass(frozen=True, slots=True)
class Current:
    """One load of the settings, built."""

    settings: Settings
    limits: Limits
    generation: int
    decisions: Decisions
    desk: Desk
    session_headers: tuple[str, ...] = SESSION_HEADERS
    """Headers by which clients name a conversation."""
    sight: Sight = NOTHING
    """What a decision must be shown beside the request."""
    approval: Latch | None = None
    """How long a user's word on spending money holds; None: users are not asked for it."""


class Seats:
    """The requests in flight. Belongs to the event loop."""

    def __init__(self, current: Current, telemetry: Telemetry) -> None:
        self.current = current
        self.telemetry = telemetry
        self.conversations = ConversationModes()
        self.words = Words()
        self._flights: dict[str, Flight] = {}
        self._entered = 0
        self._ticker: asyncio.Task[None] | None = None

    def enter(self) -> None:
        """A request arrives, its body still to be read. Raises RateLimited when all are taken."""
        if self._entered >= self.current.limits.concurrent:
            raise RateLimited("too many requests are in flight; try again", retry_after=1.0)
        self._entered += 1

    def exit(self) -> None:
        """A request that entered is over."""
        self._entered -= 1

    def board(self, flight: Flight) -> None:
        self._flights[flight.request.id] = flight

    def leave(self, flight: Flight) -> None:
        self._flights.pop(flight.request.id, None)

    def __len__(self) -> int:
        return len(self._flights)

    def snapshot(self) -> list[InFlight]:
        return [flight.snapshot for flight in self._flights.values()]

    def start(self) -> None:
        """Begin keeping silent streams alive."""
        self._ticker = asyncio.create_task(self._tick(), name="heartbeats")

    def stop(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()

    async def _tick(self) -> None:
        while True:
            seconds = self.current.settings.server.heartbeat_seconds
            tick = min(seconds / 4, 1.0)
            await asyncio.sleep(tick)
            now = time.perf_counter()
            for flight in tuple(self._flights.values()):
                if flight.request.stream:
                    flight.beat(now, seconds - tick)
