"""A new store for a test, copied from one that this process has made and migrated once.

Migrating costs more than most tests do. What makes and migrates a store has tests of its own
(`tests/capture/test_store.py`), which do not come here.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from capture.private import make_private_directory
from capture.store import Store


def open_store(path: Path) -> Store:
    """`Store.open`; where there is no store yet, on a copy of a new one."""
    if not path.exists():
        make_private_directory(path.parent)
        path.touch(mode=0o600)
        path.write_bytes(_new())
    return Store.open(path)


@functools.cache
def _new() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "majordomo.db"
        Store.open(path).close()
        return path.read_bytes()
