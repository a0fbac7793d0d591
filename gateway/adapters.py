"""Follows the incumbent pointer: which adapter the house model is to answer with.

`AdapterWatch` looks at the pointer every second. An incumbent whose files verify and whose base is
the one that is served goes to the house model's server, which brings it in without a pause; any
other is refused with a reason, and what answers goes on answering. At a start, when nothing answers
yet, the latest earlier incumbent that can be served stands in for a refused one
(`capture.adapters.servable`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from capture.adapters import Adapter, Servable, base_sha256, pointer_stamp, servable
from gateway.upstreams.house import HouseServer
from gateway.upstreams.house_process import AdapterFiles

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 30.0
"""Between two looks at files that were refused: someone may be putting them right."""


class AdapterWatch:
    """See the module. One for one `HouseServer`."""

    def __init__(self, directory: Path, house: HouseServer, *, every: float = 1.0) -> None:
        """`every`: seconds between two looks at the pointer."""
        self._directory = directory
        self._house = house
        self._every = every
        self._base_sha256: str | None = None
        self._stamp: tuple[int, int] | str | None = None
        self._refused_at: float | None = None

    async def first(self) -> None:
        """Tell the server what to start with; before its `start`."""
        await asyncio.to_thread(self._read_base)
        choice = await self._look()
        self._house.want(_files(choice.adapter))
        self._note(choice)

    async def follow(self) -> None:
        """Tell it of every change, for ever."""
        while True:
            await asyncio.sleep(self._every)
            if self._due():
                choice = await self._look()
                if choice.refusal is None:
                    self._house.want(_files(choice.adapter))
                self._note(choice)

    def _due(self) -> bool:
        refused = self._refused_at
        again = refused is not None and time.monotonic() - refused > _AGAIN_SECONDS
        return again or _stamp(self._directory) != self._stamp

    async def _look(self) -> Servable:
        self._stamp = _stamp(self._directory)  # before reading: a later change is seen
        return await asyncio.to_thread(servable, self._directory, self._base_sha256)

    def _note(self, choice: Servable) -> None:
        self._refused_at = None
        if choice.refusal is not None:
            self._refused_at = time.monotonic()
            self._house.refuse(choice.refusal)
            log.warning("%s; %s goes on", choice.refusal, self._house.wanted or "the base alone")

    def _read_base(self) -> None:
        self._base_sha256 = base_sha256(self._house.model_dir)


def _files(adapter: Adapter | None) -> AdapterFiles | None:
    return None if adapter is None else AdapterFiles(adapter.id, adapter.path)


def _stamp(directory: Path) -> tuple[int, int] | str | None:
    """What changes whenever the pointer does; why it cannot be looked at, if so."""
    try:
        return pointer_stamp(directory)
    except OSError as error:  # a file system that fails is no reason to stop serving
        return str(error)
