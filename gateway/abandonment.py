"""Notices, once an hour, which replies were abandoned (`capture.abandonment`)."""

from __future__ import annotations

import asyncio

from capture.abandonment import abandon
from capture.clock import now
from capture.ingest import Ingester

_AT_ONCE = 200
_PAUSE_SECONDS = 0.1


async def notice(ingester: Ingester, pause: float = _PAUSE_SECONDS) -> int:
    """Observe all that were abandoned, a few at a time; how many there were. Raises StoreError when
    the store cannot be written."""
    count = 0
    while found := await ingester.do(lambda writer: abandon(writer.links(), now(), _AT_ONCE)):
        count += found
        if found < _AT_ONCE:
            break
        await asyncio.sleep(pause)
    return count
