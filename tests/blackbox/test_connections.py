"""One connection's misbehaviour is that connection's alone, and odd but lawful HTTP is served."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from tests.blackbox.house import ENV, House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess, eventually_async
from tests.support.raw_client import (
    Connection,
    call,
    chat,
    chat_body,
    get,
    open_stream,
    request_bytes,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/chat/completions"


async def test_a_flood_of_pipelined_requests_keeps_nobody_else_waiting(
    gateway: GatewayProcess,
) -> None:
    host = gateway.url.removeprefix("http://")
    one = f"GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    async with await Connection.open(gateway.url) as flood:
        with suppress(ConnectionError, TimeoutError):  # to be cut off is as good an answer as any
            await asyncio.wait_for(flood.send(one * 100_000), 10)
        async with asyncio.timeout(10):
            for _ in range(5):
                assert (await get(gateway.url, "/livez")).status == 200


async def test_a_wish_for_another_protocol_is_ignored(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    """Java's HTTP client sends it with every request on plain http."""
    headers = [
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"),
    ]
    body = json.dumps(chat_body(mark)).encode()
    reply = await call(gateway.url, "POST", PATH, body, headers)
    assert reply.status == 200
    assert house.seen(mark) == ["small"]


async def test_blank_lines_after_a_request_do_not_end_its_stream(
    home: Path, house: House, mark: str
) -> None:
    settings = house.settings(server={"limits": {"header_seconds": 0.5}})
    words = [f"w{n} " for n in range(8)]
    house.small.on(mark, fake.reply_sse(fake.text_events(words), pause=0.2))
    async with (
        GatewayProcess(home, settings, ENV) as gateway,
        await open_stream(gateway.url, mark) as client,
    ):
        await client.send(b"\r\n")
        reply = await asyncio.wait_for(client.reply(), 20)
    assert reply.complete
    assert reply.body.endswith(b"data: [DONE]\n\n")


async def test_tools_nested_beyond_reason_are_the_clients_fault(
    gateway: GatewayProcess, mark: str
) -> None:
    deep = '{"a":' * 300 + "1" + "}" * 300
    text = json.dumps(chat_body(mark, tools=["DEEP"]))
    body = text.replace('"DEEP"', deep).encode()
    reply = await call(gateway.url, "POST", PATH, body)
    assert (reply.status, reply.error["who"]) == (400, "client")
    assert reply.header("x-request-id")


async def test_a_reply_of_the_wrong_shape_is_no_crash(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    odd = json.dumps({"choices": ["x"], "usage": {"prompt_tokens": 10**19}}).encode()
    for upstream in house.upstreams:
        upstream.on(mark, fake.reply_json(odd))
    reply = await chat(gateway.url, mark)
    assert reply.status in (200, 502)
    stored = await gateway.exchange(reply.exchange_id)
    assert stored["status"] in ("ok", "upstream_error")


async def test_revoking_the_last_key_does_not_open_a_gateway_that_others_can_reach(
    home: Path, house: House
) -> None:
    gateway = GatewayProcess(home, house.settings(), ENV, arguments=("--host", "0.0.0.0"))
    gateway.client_key = await gateway.new_key("only")

    async with gateway:
        assert (await get(gateway.url, "/v1/models", gateway.auth)).status == 200
        await gateway.command("key", "revoke", "only")

        async def locked() -> bool | None:
            return (await get(gateway.url, "/v1/models", gateway.auth)).status == 401 or None

        await eventually_async(locked, within=15, what="the key still opens")
        assert (await get(gateway.url, "/v1/models")).status == 401


async def test_what_nobody_foresaw_is_told_in_our_words_and_the_connection_goes_on(
    home: Path, house: House, mark: str
) -> None:
    """A message nested deeper than the digest of its conversation can be made of."""
    rule = {"name": "follow", "when": {"conversation_mode": "burst"}, "then": "burst"}
    settings = house.settings(escalation={"rules": [rule]})
    body = json.dumps(chat_body("DEEP")).replace('"DEEP"', "[" * 300 + "]" * 300).encode()
    async with (
        GatewayProcess(home, settings, ENV) as gateway,
        await Connection.open(gateway.url) as client,
    ):
        host = gateway.url.removeprefix("http://")
        await client.send(request_bytes("POST", PATH, body, (), host))
        reply = await client.reply()
        assert (reply.status, reply.error["who"]) == (500, "gateway")
        assert reply.header("x-request-id") == reply.error["request_id"]
        await client.send(
            request_bytes("POST", PATH, json.dumps(chat_body(mark)).encode(), (), host)
        )
        assert (await client.reply()).status == 200


async def test_chats_and_other_requests_pipelined_on_one_connection_are_answered_in_order(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    gate = asyncio.Event()

    async def held(asked: fake.Call) -> None:
        await gate.wait()
        await fake.polite(asked)

    house.small.on(mark, held)
    host = gateway.url.removeprefix("http://")
    body = json.dumps(chat_body(mark)).encode()
    chat_, models = (
        request_bytes("POST", PATH, body, (), host),
        request_bytes("GET", "/v1/models", None, (), host),
    )
    async with asyncio.timeout(10), await Connection.open(gateway.url) as client:
        await client.send(chat_ + models + chat_)
        gate.set()
        kinds = [json.loads((await client.reply()).body)["object"] for _ in range(3)]
    assert kinds == ["chat.completion", "list", "chat.completion"]
