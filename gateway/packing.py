"""Packs old bodies, once an hour, a few at a time (`capture.store.bodies`)."""

from __future__ import annotations

import asyncio

from capture.clock import now
from capture.ids import first_id
from capture.ingest import Ingester

_AFTER_SECONDS = 86_400.0
"""A conversation that rested so long is not likely to go on."""
_AT_ONCE = 20
_PAUSE_SECONDS = 0.2


async def pack(ingester: Ingester, pause: float = _PAUSE_SECONDS) -> int:
    """Pack all that is old; how many exchanges were looked at. Raises StoreError when the store
    cannot be written."""
    before, count = first_id(now() - _AFTER_SECONDS), 0
    while looked := await ingester.do(lambda writer: writer.pack_bodies(before, _AT_ONCE)):
        count += looked
        await asyncio.sleep(pause)
    return count
