"""Has what is new vetted, once an hour, a few at a time (`capture.store.vetter`)."""

from __future__ import annotations

import asyncio

from capture.ingest import Ingester
from capture.provenance import Trust
from gateway.settings import Settings

_AT_ONCE = 50
_PAUSE_SECONDS = 0.2


def trust_of(settings: Settings) -> Trust:
    """Whose text may train without a person's word, as the settings say."""
    said = settings.capture.trust
    return Trust(
        outside_tools=said.outside_tools,
        inside_tools=said.inside_tools,
        untrusted_keys=frozenset(said.untrusted_keys),
        untrusted_channels=said.untrusted_channels,
        cloud_text=said.cloud_text,
        away=frozenset(n for n, place in settings.upstreams.items() if not place.is_local),
    )


async def keep_up(ingester: Ingester, trust: Trust, pause: float = _PAUSE_SECONDS) -> int:
    """Vet all that was linked since; how many exchanges were looked at. Raises StoreError when the
    store cannot be written."""
    count = 0
    while looked := await ingester.do(lambda writer: writer.vet(trust, _AT_ONCE)):
        count += looked
        await asyncio.sleep(pause)
    return count
