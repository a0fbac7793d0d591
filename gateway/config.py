"""The settings file and what serves from it: read whole, watched, replaced only by a better one.

`load` either gives settings or raises `ConfigErrors` with everything that is wrong. `ConfigWatcher`
looks at the file every second: a changed file that is whole is handed to the callbacks, which build
what is new before they drop what is old; a broken or missing one changes nothing but `error`, which
status, metrics and the log show until the file is mended.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from gateway.config_errors import ConfigErrors, Finding
from gateway.config_load import Loaded, changes_for_restart, load_bytes, load_file, read_file
from gateway.settings import Settings, needs_key
from gateway.yaml_source import Mark

__all__ = ["ConfigErrors", "ConfigWatcher", "Loaded", "Taker", "load", "load_file", "needs_key"]

log = logging.getLogger(__name__)

Taker = Callable[[Loaded], Awaitable[None]]
"""Puts new settings in place of the old. If it raises, the old ones stay."""

_Glance = tuple[int, int, int]
"""Modification time in nanoseconds, size and inode."""

_SETTLING_LOOKS = 10
_RECENT_S = 2.0
"""A file changed this short a time ago may change again without a new modification time."""


def load(path: Path) -> Settings:
    """The settings in the file at `path`. Raises ConfigErrors."""
    return load_file(path).settings


class ConfigWatcher:
    """Holds the settings that serve and replaces them when their file changes.

    Made with the file's first load, so it raises ConfigErrors. Belongs to one event loop.
    """

    def __init__(self, path: Path, *, poll_s: float = 1.0, settle_s: float = 0.1) -> None:
        self.path = path
        self.current: Loaded = load_file(path)
        """What serves."""
        self.error: ConfigErrors | None = None
        """Why the file as it is now was refused; None when it is what serves."""
        self._started_with = self.current.settings
        self._poll_s = poll_s
        self._settle_s = settle_s
        self._takers: list[Taker] = []
        self._known: _Glance | None = None
        self._refused: str | None = None
        self._taking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def on_change(self, taker: Taker) -> None:
        """Call `taker` with each new load, in the order registered."""
        self._takers.append(taker)

    def start(self) -> None:
        """Begin to watch, on the running loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch(), name="watch-settings")

    def stop(self) -> None:
        """Stop watching. What serves stays."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def look(self) -> None:
        """Take the file if it changed since the last look, once it has stopped changing."""
        seen = _glance(self.path)
        if seen is not None and seen == self._known:
            return
        for _ in range(_SETTLING_LOOKS):
            await asyncio.sleep(self._settle_s)
            before, seen = seen, _glance(self.path)
            if seen == before:
                break
        await self.reload_now()

    async def reload_now(self) -> bool:
        """Read the file, changed or not, and take it if it is new and whole.

        True when the file is what serves now; else `error` says why not.
        """
        async with self._taking:
            seen = _glance(self.path)
            try:
                await self._take(await asyncio.to_thread(read_file, self.path))
            except ConfigErrors as error:
                self._refuse(error, None)
            settled = seen is not None and time.time() - seen[0] / 1e9 > _RECENT_S
            self._known = seen if settled else None
            return self.error is None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            await self.look()

    async def _take(self, data: bytes) -> None:
        source_hash = hashlib.sha256(data).hexdigest()
        if source_hash == self.current.source_hash:
            if self.error is not None:
                log.info("the settings file is again the one that serves")
            self.error = self._refused = None
            return
        if source_hash == self._refused:
            return
        generation = self.current.generation + 1
        try:
            new = await asyncio.to_thread(load_bytes, data, str(self.path), generation=generation)
            restart = changes_for_restart(self._started_with, new.settings)
            await self._hand_over(replace(new, restart_needed=restart))
        except ConfigErrors as error:
            self._refuse(error, source_hash)

    async def _hand_over(self, new: Loaded) -> None:
        for taker in self._takers:
            try:
                await taker(new)
            except Exception as error:
                log.exception("new settings could not be put in place")
                text = f"could not be put in place: {type(error).__name__}: {error}"
                raise ConfigErrors(str(self.path), [Finding(Mark(1, 1), text)]) from error
        self.current = new
        self.error = self._refused = None
        for line in new.warnings:
            log.warning(line)
        if new.restart_needed:
            log.warning("restart to apply: %s", ", ".join(new.restart_needed))

    def _refuse(self, error: ConfigErrors, source_hash: str | None) -> None:
        """Keep what serves; say why, once for each new reason."""
        if self.error is None or self.error.lines != error.lines:
            log.error(
                "the settings file is refused, generation %d goes on serving: %s",
                self.current.generation,
                "; ".join(error.lines),
            )
        self.error = error
        self._refused = source_hash


def _glance(path: Path) -> _Glance | None:
    """What changes when a file changes; None when it cannot be seen."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
