"""Small courtesies of HTTP and SSE that real clients and servers count on."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.blackbox.house import House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import (
    Connection,
    call,
    chat,
    chat_body,
    get,
    request_bytes,
    send,
    text_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/chat/completions"


async def test_every_response_has_a_request_id(gateway: GatewayProcess, mark: str) -> None:
    replies = {
        "completion": await chat(gateway.url, mark),
        "bad JSON": await call(gateway.url, "POST", PATH, b"{"),
        "unknown model": await chat(gateway.url, mark, model="nobody"),
        "unknown path": await get(gateway.url, "/api/tags"),
        "wrong method": await get(gateway.url, PATH),
        "foreign host": await get(gateway.url, "/", [("Host", "evil.test")]),
        "foreign origin": await chat(gateway.url, mark, headers=[("Origin", "https://evil.test")]),
        "models": await get(gateway.url, "/v1/models"),
        "health": await get(gateway.url, "/livez"),
        "page": await get(gateway.url, "/"),
        "malformed": await send(gateway.url, b"GET / HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n"),
    }
    assert [name for name, reply in replies.items() if not reply.header("x-request-id")] == []
    ids = {reply.header("x-request-id") for reply in replies.values()}
    assert len(ids) == len(replies)


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(
    gateway: GatewayProcess, mark: str
) -> None:
    """curl does so for every body over a megabyte."""
    body = json.dumps(chat_body(mark)).encode()
    headers = [("Expect", "100-continue"), ("Content-Length", str(len(body)))]
    host = gateway.url.removeprefix("http://")
    async with asyncio.timeout(5), await Connection.open(gateway.url) as client:
        await client.send(request_bytes("POST", PATH, None, headers, host))
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(body)
        assert (await client.reply()).status == 200


async def test_pipelined_requests_are_answered_in_order(gateway: GatewayProcess, mark: str) -> None:
    host = gateway.url.removeprefix("http://")
    asked = [(f"{mark}-{i}", i % 2 == 0) for i in range(4)]
    bodies = [json.dumps(chat_body(text, stream=stream)).encode() for text, stream in asked]
    async with asyncio.timeout(5), await Connection.open(gateway.url) as client:
        await client.send(b"".join(request_bytes("POST", PATH, b, host=host) for b in bodies))
        for text, stream in asked:
            reply = await client.reply()
            said = text_of(reply.events) if stream else reply.body.decode()
            assert f"You said: {text}" in said


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_of_http_1_0_gets_a_body_it_can_read(
    gateway: GatewayProcess, mark: str, stream: bool
) -> None:
    body = json.dumps(chat_body(mark, stream=stream)).encode()
    host = gateway.url.removeprefix("http://")
    head = f"POST {PATH} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
    reply = await send(gateway.url, head.encode() + body)
    assert reply.status == 200
    assert reply.header("transfer-encoding") is None
    assert mark in reply.body.decode()


async def test_stream_null_means_no_stream(gateway: GatewayProcess, mark: str) -> None:
    reply = await chat(gateway.url, mark, stream=None)
    assert reply.json()["choices"][0]["message"]["content"] == f"You said: {mark}"


async def test_done_ends_a_stream_even_where_the_upstream_does_not(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    async def lingering(upstream_call: fake.Call) -> None:
        await upstream_call.head(200, {"content-type": "text/event-stream"})
        for raw in fake.text_events(["a"]):
            await upstream_call.send(raw)
        await upstream_call.closed.wait()

    house.small.on(mark, lingering)
    reply = await chat(gateway.url, mark, stream=True, within=3)
    assert reply.complete
    assert reply.body == b"".join(fake.text_events(["a"]))
    assert (await chat(gateway.url, mark + " next", stream=True, within=3)).complete
    for seen in house.small.seen(mark):
        await asyncio.wait_for(seen.closed.wait(), 2)


@pytest.mark.parametrize(
    "done",
    [b"data:[DONE]\n\n", b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n\r\n"],
)
async def test_every_spelling_of_done_is_understood(
    gateway: GatewayProcess, house: House, mark: str, done: bytes
) -> None:
    house.small.on(mark, fake.reply_sse([*fake.text_events(["a"])[:-1], done]))
    reply = await chat(gateway.url, mark, stream=True)
    assert reply.body == b"".join(fake.text_events(["a"]))
    assert (await gateway.exchange(reply.exchange_id))["status"] == "ok"


async def test_a_client_that_leaves_while_we_wait_for_an_upstream_ends_the_waiting(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.failing(429, headers={"retry-after": "1"}), fake.silent)
    with pytest.raises(TimeoutError):
        await chat(gateway.url, mark, model="hurried", within=0.4)
    with pytest.raises(TimeoutError):
        await house.small.wait_for(mark, count=2, within=1.2)


@pytest.mark.parametrize("value", ["false", "0", "no"])
async def test_a_private_header_that_says_no_does_not_mark_private(
    gateway: GatewayProcess, mark: str, value: str
) -> None:
    reply = await chat(gateway.url, mark, headers=[("X-Majordomo-Private", value)])
    found = await gateway.exchange(reply.exchange_id)
    assert found["decision"]["private"] is False
