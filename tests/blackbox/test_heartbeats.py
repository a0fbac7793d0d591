"""A stream whose upstream is silent shows signs of life that every client understands."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from openai import AsyncOpenAI

from tests.blackbox.house import House
from tests.blackbox.signs import is_comment, is_empty_delta, is_heartbeat
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import (
    Arrival,
    Connection,
    open_stream,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = [f"w{i} " for i in range(6)]


async def _until(client: Connection, *wanted: str) -> list[Arrival]:
    """Events up to the moment when a comment and an empty delta, twice each, have come."""
    head = await client.head()
    assert head.status == 200
    found: list[Arrival] = []
    async with asyncio.timeout(6):
        async for arrival in client.events(head):
            found.append(arrival)
            counts = [sum(map(kind, _raws(found))) for kind in (is_comment, is_empty_delta)]
            if min(counts) >= 2:
                return found
    raise AssertionError(f"the stream ended early: {found}")


def _raws(arrivals: Sequence[Arrival]) -> list[bytes]:
    return [arrival.raw for arrival in arrivals]


async def test_a_silent_upstream_is_bridged_by_comments_and_empty_deltas(
    guarded: GatewayProcess, house: House, mark: str
) -> None:
    steps = asyncio.Semaphore(2)
    house.small.on(mark, fake.reply_sse(fake.text_events(WORDS), steps=steps))
    async with await open_stream(guarded.url, mark, headers=guarded.auth) as client:
        found = _raws(await _until(client))
        real = [raw for raw in found if not is_heartbeat(raw)]
        assert real == fake.text_events(WORDS)[:2]


async def test_heartbeats_are_as_frequent_as_the_settings_say(
    guarded: GatewayProcess, house: House, mark: str
) -> None:
    steps = asyncio.Semaphore(2)
    house.small.on(mark, fake.reply_sse(fake.text_events(WORDS), steps=steps))
    async with await open_stream(guarded.url, mark, headers=guarded.auth) as client:
        beats = [a.at for a in await _until(client) if is_empty_delta(a.raw)][1:]
        gaps = [late - early for early, late in itertools.pairwise(beats)]
        assert all(gap < 0.15 * 3 for gap in gaps), gaps


async def test_an_upstream_silent_before_its_first_byte_is_bridged_too(
    guarded: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.silent)
    async with await open_stream(guarded.url, mark, headers=guarded.auth) as client:
        assert all(is_heartbeat(raw) for raw in _raws(await _until(client)))


async def test_heartbeats_never_split_an_event(
    guarded: GatewayProcess, house: House, mark: str
) -> None:
    events = fake.text_events(WORDS)
    body = b"".join(events)
    steps = asyncio.Semaphore(0)
    thirds = [body[: len(body) // 3], body[len(body) // 3 : -25], body[-25:]]
    house.small.on(mark, fake.reply_sse(thirds, steps=steps))
    async with await open_stream(guarded.url, mark, headers=guarded.auth) as client:
        steps.release()
        arriving = client.events(await client.head())
        found: list[bytes] = []
        async with asyncio.timeout(8):
            async for arrival in arriving:
                found.append(arrival.raw)
                if sum(map(is_heartbeat, found)) in (3, 6):
                    steps.release()
    extra = [raw for raw in found if raw not in events]
    assert [raw for raw in found if raw in events] == events
    assert extra
    assert all(map(is_heartbeat, extra))


async def test_the_sdk_reads_a_stream_full_of_heartbeats(
    guarded: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.reply_sse(fake.text_events(WORDS[:3], usage=True), pause=0.2))
    sdk = AsyncOpenAI(base_url=guarded.url + "/v1", api_key=guarded.client_key, max_retries=0)
    async with sdk:
        stream = await sdk.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": mark}], stream=True
        )
        text = [c.choices[0].delta.content or "" async for c in stream if c.choices]
    assert "".join(text) == "".join(WORDS[:3])
    assert len(text) > 5, "no empty delta came"
