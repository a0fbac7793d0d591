"""The fakes themselves: what the tests rest on, checked against the openai SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from openai import APIStatusError, AsyncOpenAI

from tests.support import fake_scripts as fake
from tests.support.fake_openai import FakeOpenAI
from tests.support.raw_client import Connection, call, chat, open_stream, split_events, text_of


@pytest.fixture
async def upstream() -> AsyncIterator[FakeOpenAI]:
    server = FakeOpenAI()
    await server.start()
    yield server
    await server.stop()
    assert not server.errors


@pytest.fixture
async def sdk(upstream: FakeOpenAI) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=upstream.base_url, api_key="k", max_retries=0) as client:
        yield client


async def test_the_sdk_reads_a_json_reply(sdk: AsyncOpenAI) -> None:
    reply = await sdk.chat.completions.create(
        model="tiny-1", messages=[{"role": "user", "content": "hi"}]
    )
    assert reply.choices[0].message.content == "You said: hi"


@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
async def test_the_sdk_reads_a_stream_in_every_framing(
    sdk: AsyncOpenAI, upstream: FakeOpenAI, framing: fake.Framing
) -> None:
    calls = [("call_1", "weather", '{"city": "Zürich"}')]
    upstream.on("go", fake.reply_sse(fake.tool_events(calls), framing=framing))
    stream = await sdk.chat.completions.create(
        model="tiny-1", messages=[{"role": "user", "content": "go"}], stream=True
    )
    deltas = [chunk.choices[0].delta async for chunk in stream]
    arguments = [c.function.arguments for d in deltas for c in d.tool_calls or [] if c.function]
    assert "".join(a or "" for a in arguments) == '{"city": "Zürich"}'


async def test_the_sdk_sees_error_statuses(sdk: AsyncOpenAI, upstream: FakeOpenAI) -> None:
    upstream.on("busy", fake.failing(429, headers={"retry-after": "3"}))
    with pytest.raises(APIStatusError) as caught:
        await sdk.chat.completions.create(
            model="tiny-1", messages=[{"role": "user", "content": "busy"}]
        )
    assert caught.value.status_code == 429
    assert caught.value.response.headers["retry-after"] == "3"


async def test_events_arrive_one_by_one_as_the_test_releases_them(
    upstream: FakeOpenAI,
) -> None:
    steps = asyncio.Semaphore(0)
    events = fake.text_events(["a", "b", "c"])
    upstream.on("lock", fake.reply_sse(events, steps=steps))
    root = upstream.base_url.removesuffix("/v1")
    async with await open_stream(root, "lock") as client:
        arriving = client.events(await client.head())
        for sent in events:
            steps.release()
            assert (await anext(arriving)).raw == sent
        assert [late async for late in arriving] == []
        assert client.complete


async def test_a_reset_mid_stream_is_an_incomplete_body(upstream: FakeOpenAI) -> None:
    events = fake.text_events(["a", "b"])[:2]
    upstream.on("cut", fake.broken_after(events, "reset"))
    reply = await chat(upstream.base_url.removesuffix("/v1"), "cut", stream=True)
    assert not reply.complete
    assert reply.events == events


async def test_the_upstream_notices_when_its_peer_goes(upstream: FakeOpenAI) -> None:
    upstream.on("wait", fake.silent)
    client = await open_stream(upstream.base_url.removesuffix("/v1"), "wait")
    seen = await upstream.wait_for("wait")
    client.reset()
    async with asyncio.timeout(1):
        await seen.closed.wait()


async def test_a_slow_reader_stalls_the_upstream(upstream: FakeOpenAI) -> None:
    async def flood(seen: fake.Call) -> None:
        await seen.head(200)
        while True:
            await seen.send(b"x" * 65536)

    upstream.on("flood", flood)
    root = upstream.base_url.removesuffix("/v1")
    async with await open_stream(root, "flood", receive_buffer=4096):
        seen = await upstream.wait_for("flood")
        await asyncio.wait_for(seen.stalled.wait(), 5)
        assert seen.sent < 16 * 1024 * 1024


async def test_a_stopped_upstream_refuses_and_comes_back_on_its_port(
    upstream: FakeOpenAI,
) -> None:
    root = upstream.base_url.removesuffix("/v1")
    await upstream.stop()
    with pytest.raises(ConnectionRefusedError):
        await Connection.open(root)
    await upstream.start()
    assert (await chat(root, "hello")).status == 200


async def test_requests_are_kept_byte_for_byte(upstream: FakeOpenAI) -> None:
    body = b'{ "model":"x", "messages" : [ {"role":"user","content":"caf\\u00e9"} ] }'
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    root = upstream.base_url.removesuffix("/v1")
    headers = [("Transfer-Encoding", "chunked"), ("X-Odd", "a: b")]
    await call(root, "POST", "/v1/chat/completions", chunked, headers)
    (seen,) = upstream.seen("café")
    assert seen.body == body
    assert seen.header("x-odd") == "a: b"


def test_events_are_split_at_either_kind_of_blank_line() -> None:
    events = [b"data: 1\n\n", b": ping\r\n\r\n", b"data: 2\r\n\r\n", b"data: 3\n\n", b"data: cut"]
    assert split_events(b"".join(events)) == events


def test_text_is_joined_over_events() -> None:
    assert text_of(fake.text_events(["a", "b"], usage=True)) == "ab"
