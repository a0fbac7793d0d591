"""Keeps what is known of every skill fresh: read in a thread every few seconds, never by a request.

Outcomes come from the store, the gate's figures from the adapter registry; `routers.history` joins
them. Only adapters of the base that the house model serves count. While something cannot be read,
what was known before stays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from capture.adapters import GATE, MANIFEST, Adapter, GateResult, is_adapter_id, read_adapter
from gateway.decisions import Known
from gateway.fleet import Links
from routers.history import Counted, gather
from routers.ready import LAST, Latest

REFRESH_SECONDS = 3.0
_SHARE = 20.0
"""Reading may take this part of the time: a store that answers slowly is asked more seldom."""

log = logging.getLogger(__name__)

_Stamp = tuple[int, int] | None
_NO_GATES: Mapping[str, GateResult] = {}


class Store(Protocol):
    """Where live outcomes are summed."""

    def skill_counts(self) -> Sequence[Counted]: ...
    def last_outcomes(self, most: int) -> Latest: ...


class HistoryKeeper:
    """See the module. Belongs to the event loop; its reading is done in a thread."""

    def __init__(
        self,
        store: Store,
        adapters: Path,
        base_sha256: Callable[[], str | None],
        publish: Callable[[Known], None],
        asks_recent: Callable[[], bool] = lambda: False,
    ) -> None:
        """`adapters` is the registry. `base_sha256` hashes the base that the house model serves and
        may take its time; None: that base is unknown, and no adapter counts. `publish` gets each
        fresh history; `asks_recent` says whether some decision asks for the last outcomes."""
        self._publish = publish
        self._asks_recent = asks_recent
        self._store = store
        self._adapters = adapters
        self._base_sha256 = base_sha256
        self._base: str | None = None
        self._seen: dict[str, tuple[_Stamp, Adapter | None]] = {}
        self._failing = False

    async def refresh(self, homes: Iterable[tuple[str, str]]) -> None:
        """Read everything once."""
        try:
            self._publish(await asyncio.to_thread(self.read, tuple(homes)))
            self._failing = False
        except Exception:  # the chore's edge: what was known before goes on being used
            if not self._failing:
                log.exception("the history of skills cannot be read")
            self._failing = True

    async def follow(self, wanted: Callable[[], Iterable[tuple[str, str]] | None]) -> None:
        """Read again and again, for ever. `wanted` gives the homes, or None while nobody asks."""
        pause = REFRESH_SECONDS
        while True:
            await asyncio.sleep(pause)
            homes = wanted()
            if homes is not None:
                began = time.perf_counter()
                await self.refresh(homes)
                pause = max(REFRESH_SECONDS, _SHARE * (time.perf_counter() - began))

    def read(self, homes: Sequence[tuple[str, str]]) -> Known:
        """What is known now, for places that answer with adapters of ours. Blocks."""
        gates = self._gates() if homes else _NO_GATES
        history = gather(self._store.skill_counts(), gates, homes)
        if not self._asks_recent():
            return Known(history)
        return Known(history, self._store.last_outcomes(LAST))

    def _gates(self) -> Mapping[str, GateResult]:
        """The gate of every adapter that fits the base."""
        found = {entry.name: self._adapter(entry) for entry in self._entries()}
        if found and self._base is None:
            self._base = self._base_sha256()
        return {
            id_: adapter.gate
            for id_, adapter in found.items()
            if adapter is not None
            and adapter.gate is not None
            and adapter.manifest.base_sha256 == self._base
        }

    def _entries(self) -> list[Path]:
        if not self._adapters.is_dir():
            return []
        return [entry for entry in self._adapters.iterdir() if is_adapter_id(entry.name)]

    def _adapter(self, path: Path) -> Adapter | None:
        """One adapter, hashed again only when its papers changed."""
        stamp = _stamp(path)
        seen = self._seen.get(path.name)
        if seen is None or seen[0] != stamp:
            seen = self._seen[path.name] = (stamp, read_adapter(self._adapters, path.name))
        return seen[1]


def homes_of(links: Links) -> frozenset[tuple[str, str]]:
    """(upstream, model) of every place that answers with adapters of ours."""
    fleet = links.fleet()
    return frozenset(
        (place.upstream, place.model)
        for place in (*fleet.places, *fleet.named.values())
        if links[place.upstream].settings.kind == "house"
    )


def _stamp(path: Path) -> _Stamp:
    """Changes when the manifest or the gate's verdict does; None while there is no manifest."""
    try:
        manifest = (path / MANIFEST).stat().st_mtime_ns
    except OSError:
        return None
    try:
        return manifest, (path / GATE).stat().st_mtime_ns
    except OSError:
        return manifest, 0
