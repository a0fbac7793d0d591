"""Chores: what a gateway does once an hour, beside its requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

_EVERY_SECONDS = 3600.0

log = logging.getLogger(__name__)


async def hourly(chore: str, step: Callable[[], Awaitable[object]]) -> None:
    """Do it again and again, for ever. An edge: what cannot be done now is done another time."""
    while True:
        try:
            await step()
        except Exception:
            log.exception("%s failed; it is tried again within the hour", chore)
        await asyncio.sleep(_EVERY_SECONDS)
