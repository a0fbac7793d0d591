"""A consistent copy of a store, taken while somebody writes it or nobody does.

The copy is one moment of the store: a reader's view, held open. While it is held, nothing newer
than it can be checkpointed, and the ingester removes only what is checkpointed (`capture.ingest`):
so no segment is removed that the copy lacks. Whoever wants copy and journal to have everything
between them opens the segments before letting go of the view.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

from capture.store.migrate import StoreError

_BUSY_SECONDS = 5.0
_PAGES = 4096
"""Copied at a time: 16 MiB."""


@contextmanager
def held_copy(
    path: Path, copy: Path, told: Callable[[int, int], None] = lambda _done, _of: None
) -> Generator[None]:
    """Write a copy of the store at `path` to the new file `copy`, 0600; its moment is held until
    the end of the block. `told` hears how many pages of how many are copied. Raises StoreError,
    OSError."""
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    with (
        closing(_connect(f"{path.absolute().as_uri()}?mode=ro")) as source,
        closing(_connect(copy.absolute().as_uri())) as target,
    ):
        try:
            # the view begins with the first look; without it every commit would start the copy anew
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            target.execute("PRAGMA journal_mode=OFF")
            target.execute("PRAGMA synchronous=OFF")
            source.backup(
                target,
                pages=_PAGES,
                progress=lambda _status, left, of: told(of - left, of),
            )
        except sqlite3.Error as error:
            raise StoreError(f"cannot copy {path}: {error}") from error
        yield


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
