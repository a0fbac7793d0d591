"""Streams under stress: slow readers, clients that leave, and many at once."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.blackbox.house import House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess, eventually
from tests.support.raw_client import (
    Connection,
    chat,
    chat_body,
    get,
    open_stream,
    request_bytes,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = [f"w{i} " for i in range(6)]
MEGABYTE = 1024 * 1024


# ---------------------------------------------------------------- back-pressure


async def test_a_slow_reader_stalls_the_upstream_and_costs_no_memory(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    event = fake.chunk({"content": "x" * 32_000})

    async def flood(call: fake.Call) -> None:
        await call.head(200, {"content-type": "text/event-stream"})
        while True:
            await call.send(event)

    house.small.on(mark, flood)
    before = gateway.resident_bytes()
    async with await open_stream(gateway.url, mark, receive_buffer=4096) as client:
        await client.head()
        seen = await house.small.wait_for(mark)
        await _stands_still(seen)
        assert seen.sent < 24 * MEGABYTE
        assert gateway.resident_bytes() - before < 32 * MEGABYTE
        client.reset()
        await asyncio.wait_for(seen.closed.wait(), 1)


async def _stands_still(seen: fake.Call) -> None:
    """Returns once the upstream has been unable to send for a third of a second."""
    async with asyncio.timeout(8):
        sent = -1
        while sent != seen.sent:
            sent = seen.sent
            await seen.stalled.wait()
            await asyncio.sleep(0.35)


async def test_a_slow_reader_still_gets_every_byte(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    events = [fake.chunk({"content": f"{i} " + "y" * 50_000}) for i in range(400)]
    body = b"".join([*events, fake.chunk(finish="stop"), fake.DONE])
    house.small.on(mark, fake.reply_sse([*events, fake.chunk(finish="stop"), fake.DONE]))
    async with await open_stream(gateway.url, mark, receive_buffer=4096) as client:
        head = await client.head()
        seen = await house.small.wait_for(mark)
        await asyncio.wait_for(seen.stalled.wait(), 5)
        got = b"".join([piece async for piece in client.pieces(head)])
    assert got == body


async def test_one_slow_reader_does_not_slow_the_others(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    flood = [fake.chunk({"content": "z" * 50_000}) for _ in range(300)]
    house.small.on(mark + "-slow", fake.reply_sse(flood))
    async with await open_stream(gateway.url, mark + "-slow", receive_buffer=4096) as client:
        await client.head()
        seen = await house.small.wait_for(mark + "-slow")
        await asyncio.wait_for(seen.stalled.wait(), 5)
        replies = [await chat(gateway.url, mark, stream=True) for _ in range(10)]
        assert max(reply.seconds for reply in replies) < 0.5
        client.reset()


# ---------------------------------------------------------------- clients that leave


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("when", ["mid-stream", "before the first token", "before a JSON reply"])
async def test_a_client_that_leaves_cancels_its_upstream_request_within_a_second(
    gateway: GatewayProcess, house: House, mark: str, when: str, how: str
) -> None:
    steps = asyncio.Semaphore(2)
    paced = fake.reply_sse(fake.text_events(WORDS), steps=steps)
    house.small.on(mark, paced if when == "mid-stream" else fake.silent)
    client = await _ask(gateway, mark, stream=when != "before a JSON reply")
    seen = await house.small.wait_for(mark)
    if when == "mid-stream":
        arriving = client.events(await client.head())
        await anext(arriving)
        await anext(arriving)
        await arriving.aclose()
    if how == "reset":
        client.reset()
    else:
        await client.close()
    await asyncio.wait_for(seen.closed.wait(), 1)
    assert house.seen(mark) == ["small"], "a request nobody waits for was tried again"


async def _ask(gateway: GatewayProcess, prompt: str, *, stream: bool) -> Connection:
    client = await Connection.open(gateway.url)
    body = json.dumps(chat_body(prompt, stream=stream)).encode()
    host = gateway.url.removeprefix("http://")
    await client.send(request_bytes("POST", "/v1/chat/completions", body, host=host))
    return client


async def test_what_a_departed_client_got_is_on_record(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    steps = asyncio.Semaphore(3)
    house.small.on(mark, fake.reply_sse(fake.text_events(WORDS), steps=steps))
    client = await open_stream(gateway.url, mark)
    head = await client.head()
    arriving = client.events(head)
    for _ in range(3):
        await anext(arriving)
    await arriving.aclose()
    client.reset()
    found = await gateway.exchange(head.header("x-request-id") or "")
    assert found["status"] == "client_gone"
    assert "w0 w1" in json.dumps(found), "the partial reply is not on record"


async def test_a_half_closed_client_still_gets_its_answer_or_frees_its_place(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    steps = asyncio.Semaphore(0)
    house.small.on(mark, fake.reply_sse(fake.text_events(WORDS), steps=steps))
    async with await open_stream(gateway.url, mark) as client:
        seen = await house.small.wait_for(mark)
        client.half_close()
        try:
            await asyncio.wait_for(seen.closed.wait(), 1)
        except TimeoutError:
            for _ in range(20):
                steps.release()
            async with asyncio.timeout(5):
                assert b"[DONE]" in await client.closed_by_peer()


# ---------------------------------------------------------------- many at once


async def _many(gateway: GatewayProcess, house: House, mark: str, count: int) -> None:
    """`count` streams, all open before the first may end."""
    gate = asyncio.Event()
    events = fake.text_events(WORDS)

    async def paced(call: fake.Call) -> None:
        await call.head(200, {"content-type": "text/event-stream"})
        await call.send(events[0])
        await gate.wait()
        for raw in events[1:]:
            await asyncio.sleep(0.01)
            await call.send(raw)
        await call.end()

    async def one(number: int) -> bytes:
        reply = await chat(gateway.url, f"{mark} {number}", stream=True, within=40)
        assert reply.status == 200, reply.body
        return reply.body

    house.small.on(mark, paced)
    running = [asyncio.create_task(one(i)) for i in range(count)]
    await eventually(lambda: len(house.small.seen(mark)) == count, within=30, what="all open")
    assert (await get(gateway.url, "/livez")).status == 200
    gate.set()
    bodies = await asyncio.gather(*running)
    assert [body for body in bodies if body != b"".join(events)] == []


async def test_three_hundred_paced_streams_complete_at_once(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    await _many(gateway, house, mark, 300)


@pytest.mark.slow
async def test_a_thousand_paced_streams_complete_at_once(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    await _many(gateway, house, mark, 1000)


@pytest.mark.slow
async def test_thirty_large_requests_abandoned_at_once_do_not_block_the_rest(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark + "-big", fake.silent)
    prompt = mark + "-big" + "x" * (5 * MEGABYTE)
    clients = [await _ask(gateway, prompt[::-1][::-1], stream=True) for _ in range(30)]
    for client in clients:
        client.reset()
    replies = [await chat(gateway.url, mark) for _ in range(20)]
    assert max(reply.seconds for reply in replies) < 1.0
