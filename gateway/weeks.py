"""The weeks as the household's books have them: what was counted, priced, and what was trained.

Weeks that are over are counted once an hour at most, a week at a time, by the thread that writes
the store, so that whoever asks waits for the running week alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from capture.adapters import told_adapters
from capture.clock import now
from capture.ingest import Ingester
from capture.store import Store
from capture.weekly import Made, Price, Week, unpriced
from gateway import pricing
from gateway.home import Home
from gateway.settings import Settings

_PAUSE_SECONDS = 1.0


def weeks_of(store: Store, home: Home, settings: Settings) -> tuple[Week, ...]:
    """Each week's figures, oldest first. Blocks."""
    return store.weeks(burst_price(settings), _made(home.adapters))


def burst_price(settings: Settings) -> Price:
    """What tokens cost at BURST's model now."""
    target = settings.modes.burst
    upstream = None if target is None else settings.upstreams.get(target.upstream)
    if target is None or upstream is None:
        return unpriced
    if upstream.is_free:
        return lambda _asked, _answered: 0.0
    provider = pricing.provider_of(target.upstream, upstream)
    return lambda asked, answered: pricing.many_usd(provider, target.model, asked, answered)


async def keep(ingester: Ingester, pause: float = _PAUSE_SECONDS) -> int:
    """Count every week that is over and keep what it came to; how many there were. Raises
    StoreError when the store cannot be written."""
    count = 0
    while await ingester.do(lambda writer: writer.keep_week(now())):
        count += 1
        await asyncio.sleep(pause)
    return count


def _made(directory: Path) -> Iterator[Made]:
    for adapter in told_adapters(directory):
        manifest, gate = adapter.manifest, adapter.gate
        passed = None if gate is None else gate.passed
        yield Made(manifest.created_at, len(manifest.dataset_exchanges), passed)
