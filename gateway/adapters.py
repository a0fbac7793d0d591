"""Follows the incumbent pointer: which adapter the house model is to answer with.

`AdapterWatch` looks at the pointer every second. An incumbent whose files verify and whose base is
the one that is served goes to the house model's server, which brings it in without a pause; any
other is refused with a reason, and what answers goes on answering. At a start, when nothing answers
yet, the latest earlier incumbent that can be served stands in for a refused one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from capture.adapters import (
    POINTER,
    Adapter,
    Pointer,
    pointer_stamp,
    read_adapter,
    read_pointer,
    sha256,
)
from gateway.upstreams.house import HouseServer
from gateway.upstreams.house_process import AdapterFiles

log = logging.getLogger(__name__)

WEIGHTS_OF_BASE = "model.safetensors"
_AGAIN_SECONDS = 30.0
"""Between two looks at files that were refused: someone may be putting them right."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a pointer asks for, and what can be given."""

    incumbent: str | None
    """The adapter the pointer names; None for the base alone."""
    adapter: AdapterFiles | None
    """What can be served: the incumbent, and for a refused one the latest before it; None for the
    base alone."""
    refusal: str | None
    """Why the incumbent is not served; None when it is."""


def refusal(id_: str, adapter: Adapter | None, base_sha256: str | None) -> str | None:
    """Why `adapter`, found under `id_`, cannot be served on this base; None when it can."""
    if adapter is None:
        return f"adapter {id_} is refused: its files are missing, or not those it was made with"
    if base_sha256 is None:
        return f"adapter {id_} is refused: the weights of the base cannot be read"
    if adapter.manifest.base_sha256 != base_sha256:
        return (
            f"adapter {id_} is refused: it was trained on another base "
            f"({adapter.manifest.base}, {adapter.manifest.base_sha256[:12]}) than the one served "
            f"({base_sha256[:12]})"
        )
    return None


def choose(directory: Path, base_sha256: str | None) -> Choice:
    """Read the pointer and verify what it names. Reads whole files."""
    pointer = read_pointer(directory)
    if pointer == Pointer() and _stamp(directory) is not None:
        return Choice(None, None, f"{directory / POINTER} cannot be read")
    first_refusal: str | None = None
    for id_ in dict.fromkeys((pointer.adapter, *pointer.past)):
        if id_ is None:
            break
        adapter = read_adapter(directory, id_)
        why = refusal(id_, adapter, base_sha256)
        if adapter is not None and why is None:
            return Choice(pointer.adapter, AdapterFiles(id_, adapter.path), first_refusal)
        first_refusal = first_refusal or why
    return Choice(pointer.adapter, None, first_refusal)


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
        self._house.want(choice.adapter)
        self._note(choice)

    async def follow(self) -> None:
        """Tell it of every change, for ever."""
        while True:
            await asyncio.sleep(self._every)
            if self._due():
                choice = await self._look()
                if choice.refusal is None:
                    self._house.want(choice.adapter)
                self._note(choice)

    def _due(self) -> bool:
        refused = self._refused_at
        again = refused is not None and time.monotonic() - refused > _AGAIN_SECONDS
        return again or _stamp(self._directory) != self._stamp

    async def _look(self) -> Choice:
        self._stamp = _stamp(self._directory)  # before reading: a later change is seen
        return await asyncio.to_thread(choose, self._directory, self._base_sha256)

    def _note(self, choice: Choice) -> None:
        self._refused_at = None
        if choice.refusal is not None:
            self._refused_at = time.monotonic()
            self._house.refuse(choice.refusal)
            log.warning("%s; %s goes on", choice.refusal, self._house.wanted or "the base alone")

    def _read_base(self) -> None:
        self._base_sha256 = sha256(self._house.model_dir / WEIGHTS_OF_BASE)


def _stamp(directory: Path) -> tuple[int, int] | str | None:
    """What changes whenever the pointer does; why it cannot be looked at, if so."""
    try:
        return pointer_stamp(directory)
    except OSError as error:  # a file system that fails is no reason to stop serving
        return str(error)
