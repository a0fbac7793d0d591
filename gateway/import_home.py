"""The home that a command imports into: what it has already, and the way in.

The way in is the running gateway, which alone writes the journal. When none runs, the journal is
taken as a gateway takes it, from the first exchange to the end of the command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from capture.imported import PREFIX, Imported
from capture.imports import Format
from capture.store import Store, StoreError
from gateway.alone import Alone, alone
from gateway.client import running, tell
from gateway.home import Home
from gateway.import_key import HEADER, import_key
from gateway.wire_imports import MOST, ImportTaken, told

_BATCH_BYTES = 4 << 20
_SECONDS = 90.0
"""How long one batch may take."""


class ImportHome:
    """One home, while a command imports into it. Not thread-safe."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._stack = ExitStack()
        self._store: Store | None = None
        self._keys: list[str | None] | None = None
        self._runner: asyncio.Runner | None = None
        self._alone: Alone | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    # what it has

    def known(self, ids: Collection[str]) -> set[str]:
        """Those of these exchanges that it has. Raises StoreError."""
        store = self._reader()
        return set() if store is None else store.known(ids)

    def endings(self, tails: Collection[bytes]) -> set[bytes]:
        """Those of these transcripts that some exchange of it ends in. Raises StoreError."""
        store = self._reader()
        return set() if store is None else store.endings(tails)

    def keys(self) -> list[str | None]:
        """The API keys under which it may have them; asked of the store once, for imports add none
        but their own. Raises StoreError."""
        if self._keys is None:
            store = self._reader()
            found: set[str | None] = {None, *(f"{PREFIX}{each}" for each in Format)}
            self._keys = [*found.union([] if store is None else store.keys())]
        return self._keys

    def _reader(self) -> Store | None:
        """The store; None while there is none."""
        if self._store is None and self._home.database.exists():
            self._store = Store.open_reader(self._home.database)
            self._stack.callback(self._store.close)
        return self._store

    # the way in

    def keep(self, made: Iterable[Imported]) -> None:
        """Keep them, in this order. Raises ClientTrouble, KeysError, JournalError, StoreError; what
        was kept until then stays."""
        through = self._alone is None and running(self._home) is not None
        for batch in _batches(made):
            if through:
                self._send(batch)
            else:
                self._run(batch)

    def _send(self, batch: Sequence[Imported]) -> None:
        headers = {HEADER: import_key(self._home), "content-type": "application/json"}
        said = tell(self._home, "/v1/import", told(batch), headers=headers, seconds=_SECONDS)
        ImportTaken.model_validate(said)

    def _run(self, batch: Sequence[Imported]) -> None:
        if self._runner is None:
            self._runner = self._stack.enter_context(asyncio.Runner())
        if self._alone is None:
            runner, mine = self._runner, alone(self._home)
            self._alone = runner.run(mine.__aenter__())
            self._stack.callback(lambda: runner.run(mine.__aexit__(None, None, None)))
        self._runner.run(_keep(self._alone, batch))


async def _keep(mine: Alone, batch: Sequence[Imported]) -> None:
    for each in batch:
        mine.journal.imported(each)
    if not await mine.ingester.catch_up(_SECONDS):
        raise StoreError(mine.ingester.failure or "the store does not keep up")


def _batches(made: Iterable[Imported]) -> Iterator[list[Imported]]:
    """So many at a time, or so large; one that is larger goes alone."""
    batch: list[Imported] = []
    size = 0
    for each in made:
        bytes_ = len(each.request) + len(each.reply)
        if batch and (len(batch) == MOST or size + bytes_ > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += bytes_
    if batch:
        yield batch
