"""Old raw bytes go when the settings say so (`capture.keep_days`).

Once an hour, a few exchanges at a time, by the thread that writes the store, with pauses between.
What a training dataset has keeps them: without them it could not be made again.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from capture.clock import now
from capture.datasets import members
from capture.ids import first_id
from capture.ingest import Ingester

_DAY_SECONDS = 86_400
_PAUSE_SECONDS = 0.1
_AT_ONCE = 200

log = logging.getLogger(__name__)


async def drop_old(ingester: Ingester, training: Path, days: int | None) -> None:
    """Drop what is older than so many days; None: nothing is. Raises StoreError when the store
    cannot be written."""
    if days is not None and (count := await drop(ingester, training, days)):
        log.info("old bodies dropped", extra={"count": count})


async def drop(ingester: Ingester, training: Path, days: int, pause: float = _PAUSE_SECONDS) -> int:
    """Drop the raw bytes of all that is older than so many days; how many exchanges lost theirs.
    Raises StoreError when the store cannot be written."""
    before = first_id(now() - days * _DAY_SECONDS)
    spared = await asyncio.to_thread(members, training)
    count, after = 0, ""
    while True:
        dropped, last = await ingester.do(
            lambda writer, after=after: writer.drop_bodies(before, after, spared, _AT_ONCE)
        )
        count += dropped
        if last is None:
            return count
        after = last
        await asyncio.sleep(pause)
