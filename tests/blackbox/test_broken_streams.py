"""Streams that break, lie, never end or are merely odd."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from tests.blackbox.house import House
from tests.blackbox.signs import error_in, is_heartbeat
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import (
    chat,
    text_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = [f"w{i} " for i in range(6)]
MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("how", ["reset", "close", "end"])
async def test_a_stream_that_breaks_off_ends_in_an_error_and_not_in_done(
    gateway: GatewayProcess, house: House, mark: str, how: Literal["reset", "close", "end"]
) -> None:
    events = fake.text_events(WORDS)

    async def after(k: int) -> None:
        prompt = f"{mark}-{k}-"
        house.small.on(prompt, fake.broken_after(events[:k], how))
        reply = await chat(gateway.url, prompt, stream=True)
        assert reply.status == 200
        *kept, _ = [raw for raw in reply.events if not is_heartbeat(raw)]
        assert kept == events[:k]
        error = error_in(reply.events)
        assert error["who"] == "upstream"
        assert error["upstream"] == "small"
        assert house.seen(prompt) == ["small"], "tried again after the first byte"
        found = await gateway.exchange(reply.exchange_id)
        assert found["status"] in ("truncated", "upstream_error")
        assert len(found["attempts"]) == 1

    await asyncio.gather(*(after(k) for k in range(2, len(events) - 2)))


async def test_an_error_the_upstream_tells_in_band_is_passed_on_without_done(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    told = fake.event({"error": {"message": "the cake fell", "type": "oven", "code": 500}})
    house.small.on(mark, fake.reply_sse([*fake.text_events(WORDS)[:3], told, fake.DONE]))
    reply = await chat(gateway.url, mark, stream=True)
    assert "the cake fell" in str(error_in(reply.events)["message"])
    found = await gateway.exchange(reply.exchange_id)
    assert found["status"] == "upstream_error"


async def test_a_finished_reply_without_done_is_told_the_same_way_to_client_and_record(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.reply_sse(fake.text_events(WORDS, done=False)))
    reply = await chat(gateway.url, mark, stream=True)
    found = await gateway.exchange(reply.exchange_id)
    assert (reply.events[-1] == fake.DONE) == (found["status"] == "ok")
    assert text_of(reply.events[:-1]) == "".join(WORDS)


async def test_what_follows_done_is_not_passed_on(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    events = fake.text_events(WORDS)
    late = [b"data: {garbage\n\n", b"\x00\xff", fake.chunk({"content": "late"})]
    house.small.on(mark, fake.reply_sse([*events, *late]))
    reply = await chat(gateway.url, mark, stream=True)
    assert reply.body == b"".join(events)


ODD_STREAMS: dict[str, list[bytes]] = {
    "CRLF line ends": [raw.replace(b"\n", b"\r\n") for raw in fake.text_events(WORDS)[:-1]],
    "comments": [b": OPENROUTER PROCESSING\n\n", *fake.text_events(WORDS)[:-1], b": bye\n\n"],
    "event and id lines": [b"event: x\nid: 7\n" + raw for raw in fake.text_events(WORDS)[:-1]],
    "no space after the colon": [b"data:" + raw[6:] for raw in fake.text_events(WORDS)[:-1]],
    "all in one packet": [b"".join(fake.text_events(WORDS)[:-1])],
    "a megabyte in one event": [
        fake.chunk({"content": "w" * MEGABYTE}),
        fake.chunk(finish="stop"),
    ],
    "one byte at a time": [
        bytes([byte]) for raw in fake.text_events(["é家😀"])[:-1] for byte in raw
    ],
}


@pytest.mark.parametrize("name", ODD_STREAMS)
async def test_an_odd_but_lawful_stream_passes_byte_for_byte(
    gateway: GatewayProcess, house: House, mark: str, name: str
) -> None:
    pieces = ODD_STREAMS[name]
    house.small.on(mark, fake.reply_sse([*pieces, fake.DONE]))
    reply = await chat(gateway.url, mark, stream=True)
    assert reply.body == b"".join(pieces) + fake.DONE
    assert (await gateway.exchange(reply.exchange_id))["status"] == "ok"


async def test_an_endless_line_is_cut_off_before_it_fills_the_memory(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    async def endless(call: fake.Call) -> None:
        await call.head(200, {"content-type": "text/event-stream"})
        await call.send(b"data: ")
        while True:
            await call.send(b"x" * MEGABYTE)

    for upstream in house.upstreams:
        upstream.on(mark, endless)
    before = gateway.resident_bytes()
    reply = await chat(gateway.url, mark, stream=True, within=20)
    for upstream in house.upstreams:
        for seen in upstream.seen(mark):
            await asyncio.wait_for(seen.closed.wait(), 1)
    assert gateway.resident_bytes() - before < 128 * MEGABYTE
    if reply.status == 200:
        assert error_in(reply.events)["who"] == "upstream"
    else:
        assert (reply.status, reply.error["who"]) == (502, "upstream")


@pytest.mark.slow
async def test_an_endless_json_body_is_cut_off_before_it_fills_the_memory(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    async def endless(call: fake.Call) -> None:
        await call.head(200, {"content-type": "application/json"})
        await call.send(b'{"id": "')
        while True:
            await call.send(b"x" * MEGABYTE)

    for upstream in house.upstreams:
        upstream.on(mark, endless)
    before = gateway.resident_bytes()
    reply = await chat(gateway.url, mark, within=30)
    assert (reply.status, reply.error["who"]) == (502, "upstream")
    assert gateway.resident_bytes() - before < 256 * MEGABYTE


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reply_that_lies_about_its_encoding_is_never_passed_for_an_answer(
    gateway: GatewayProcess, house: House, mark: str, stream: bool
) -> None:
    lying = {"content-encoding": "gzip"}
    script = (
        fake.reply_sse(fake.text_events(WORDS), headers=lying)
        if stream
        else fake.reply_json(headers=lying)
    )
    for upstream in house.upstreams:
        upstream.on(mark, script)
    reply = await chat(gateway.url, mark, stream=stream)
    assert reply.header("content-encoding") is None
    if reply.status == 200 and stream:
        error_in(reply.events)
    else:
        assert reply.status == 502
        assert reply.error["who"] == "upstream"


async def test_the_gateway_asks_upstreams_for_plain_bytes(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    await chat(gateway.url, mark, headers=[("Accept-Encoding", "gzip, br, zstd")])
    assert house.small.seen(mark)[0].header("accept-encoding") in (None, "identity")
