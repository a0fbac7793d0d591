"""A home's journal and store, for a command that changes them while no gateway runs.

The journal is taken as a gateway takes it, so that none can start meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from capture.ingest import Ingester
from capture.journal import Journal, new_epoch
from capture.store import Store
from gateway.home import Home
from gateway.settings import CaptureSettings


@dataclass(frozen=True, slots=True)
class Alone:
    """What a command has to itself."""

    journal: Journal
    """Open; nobody else writes it."""
    store: Store
    """Open for writing."""
    ingester: Ingester
    """Started: takes the one into the other."""


@asynccontextmanager
async def alone(home: Home) -> AsyncGenerator[Alone]:
    """Both, open; what the journal has is taken in by the end. Raises JournalError when another
    process has this home, StoreError."""
    usual = CaptureSettings()
    journal = Journal(
        home.journal,
        segment_bytes=usual.segment_bytes,
        sync_ms=usual.sync_ms,
        epoch=new_epoch(),
    )
    journal.open()
    try:
        store = Store.open(home.database)
        ingester = Ingester(journal, store, keep_segments=usual.keep_segments)
        ingester.start()
        try:
            yield Alone(journal, store, ingester)
        finally:
            await asyncio.to_thread(ingester.stop)
            store.close()
    finally:
        journal.close()
