"""What the learning router knows, one of each API key: taught by the store every few seconds.

Each key has a router of its own, so that no key can teach another's. A process begins with what the
store has of the last weighed requests, read in a thread; until that is done it knows nothing, which
sends what it is asked to the cloud and loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from capture.exchange import Mode, RouteDecision
from capture.weighing import Weighed
from gateway.upstreams.base import ChatRequest
from gateway.weighing import Weigher
from routers.features import Features, Fleet
from routers.learning import Learning
from routers.thresholds import Aim

_REFRESH_SECONDS = 1.0
_SHARE = 20.0
"""Reading may take this part of the time: a store that answers slowly is asked more seldom."""
_REMEMBERED = 5_000
"""Weighed requests that a new process begins with."""
_KEYS = 32
"""Keys that have a router of their own; all further ones share one."""
_AT_ONCE = 8
"""Requests that are taught before others may have the interpreter."""
_BREATH_SECONDS = 0.001
_OVERLAP_SECONDS = 5.0

log = logging.getLogger(__name__)


class Store(Protocol):
    """Where weighed requests are read."""

    def newest_weighed(self, most: int) -> str: ...
    def weighed(self, after: str, seen: str = "", changed_at: float = 0.0) -> Sequence[Weighed]: ...


class Brains:
    """See the module. Belongs to the event loop."""

    def __init__(
        self, store: Store, homes: Sequence[Mode], aim: Aim, fleet: Callable[[], Fleet]
    ) -> None:
        """`homes` are the local modes, the cheapest first; `fleet` tells what serves them now."""
        self.homes, self.aim = tuple(homes), aim
        self._store, self._fleet = store, fleet
        self._of: dict[str | None, Learning] = {}
        self._after: str | None = None
        """Weighed requests up to this are not asked after any more; None: nothing was read yet."""
        self._seen = ""
        self._heard = 0
        """New ones since `_after` was moved on."""
        self._read_at = 0.0
        self._failing = False
        self._named: tuple[Fleet | None, Mapping[Mode, str]] = (None, {})

    def weigher(self, request: ChatRequest, decision: RouteDecision, features: Features) -> Weigher:
        """Begin to weigh a request."""
        learning = _of(self._of, features.key, self._new)
        return Weigher(learning, self._weights(), request, decision, features)

    async def follow(self) -> None:
        """Learn what the store has, again and again, for ever."""
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            began = time.perf_counter()
            try:
                await self.refresh()
                self._failing = False
            except Exception:  # the chore's edge: what is known goes on being used
                if not self._failing:
                    log.exception("the learning router cannot read what came of its decisions")
                self._failing = True
            pause = max(_REFRESH_SECONDS, _SHARE * (time.perf_counter() - began))

    async def refresh(self) -> None:
        """Learn what the store has of weighed requests that is new."""
        if self._after is None:
            self._of, self._after, rows = await asyncio.to_thread(self._begin)
        else:
            rows = await asyncio.to_thread(
                self._store.weighed, self._after, self._seen, self._read_at
            )
            for n, row in enumerate(rows):
                if n and n % _AT_ONCE == 0:
                    await asyncio.sleep(0)
                _of(self._of, row.key, self._new).teach(row)
            self._heard += sum(row.id > self._seen for row in rows)
            if self._heard > _REMEMBERED:
                self._after = await asyncio.to_thread(self._store.newest_weighed, _REMEMBERED)
                self._heard = 0
        if rows:
            self._seen = max(self._seen, rows[-1].id)
            self._read_at = max(self._read_at, *(row.at - _OVERLAP_SECONDS for row in rows))

    def _begin(self) -> tuple[dict[str | None, Learning], str, Sequence[Weighed]]:
        """What the last life knew. Blocks."""
        known: dict[str | None, Learning] = {}
        after = self._store.newest_weighed(_REMEMBERED)
        rows = self._store.weighed(after)
        for n, row in enumerate(rows):
            if n and n % _AT_ONCE == 0:
                time.sleep(_BREATH_SECONDS)
            _of(known, row.key, self._new).teach(row)
        return known, after, rows

    def _new(self) -> Learning:
        return Learning(self.homes, self.aim, secrets.randbits(32))

    def _weights(self) -> Mapping[Mode, str]:
        fleet = self._fleet()
        if fleet is not self._named[0]:
            self._named = fleet, dict(_weights(fleet))
        return self._named[1]


def _of(
    known: dict[str | None, Learning], key: str | None, new: Callable[[], Learning]
) -> Learning:
    """The router of a key."""
    if key not in known and len(known) >= _KEYS:
        key = ""
    learning = known.get(key)
    if learning is None:
        learning = known[key] = new()
    return learning


def _weights(fleet: Fleet) -> Iterable[tuple[Mode, str]]:
    for place in fleet.places:
        if place.mode is not None:
            adapter = "" if place.adapter is None else f" with {place.adapter}"
            yield place.mode, f"{place.model} at {place.upstream}{adapter}"
