"""Real providers' recorded streams pass through the gateway byte for byte."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest

from tests.blackbox.house import House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import (
    Reply,
    chat,
    event_data,
    split_events,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _expected(reply: Reply, recorded: bytes) -> None:
    """Every byte up to the recording's terminal event: its `[DONE]`, or the error it tells."""
    before: list[bytes] = []
    for raw in split_events(recorded):
        if raw.startswith(b"data: [DONE]"):
            assert reply.body == b"".join([*before, fake.DONE])
            return
        if b"error" in raw and "error" in (event_data(raw) or {}):
            break
        before.append(raw)
    assert reply.status != 200 or reply.body.startswith(b"".join(before))
    assert b"[DONE]" not in reply.body
    assert b'"error"' in reply.body


async def test_recorded_streams_pass_byte_for_byte_at_any_chunking(
    gateway: GatewayProcess, house: House, mark: str, recorded_streams: dict[str, bytes]
) -> None:
    chance = random.Random(20)
    room = asyncio.Semaphore(8)

    async def replay(name: str, recorded: bytes) -> None:
        cuts = sorted(chance.randrange(len(recorded)) for _ in range(chance.choice([0, 3, 200])))
        ends = [0, *cuts, len(recorded)]
        pieces = [recorded[a:b] for a, b in itertools.pairwise(ends) if a < b]
        for upstream in house.upstreams:
            upstream.on(name, fake.reply_sse(pieces))
        async with room:
            reply = await chat(gateway.url, name, stream=True)
        _expected(reply, recorded)

    named = {f"{mark}-{i}-": text for i, text in enumerate(recorded_streams.values())}
    await asyncio.gather(*(replay(name, text) for name, text in named.items()))
