"""Malformed, oversized and slow HTTP is turned away and never reaches an upstream."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.blackbox.house import House
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import (
    Connection,
    Reply,
    call,
    chat,
    chat_body,
    get,
    request_bytes,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = json.dumps(chat_body("smuggled")).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
START = b"POST /v1/chat/completions HTTP/1.1\r\nHost: HOST\r\n"
JSON = b"Content-Type: application/json\r\n"

MALFORMED: dict[str, bytes] = {
    "two different lengths": START + LENGTH + b"Content-Length: 3\r\n\r\n" + BODY,
    "the same length twice": START + LENGTH + LENGTH + b"\r\n" + BODY,
    "length and chunked": START + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    "chunked and length": START + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKED,
    "chunked twice": START + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKED,
    "chunked, then identity": START + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKED,
    "an unknown transfer coding": START + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED,
    "a bad chunk size": START + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY,
    "a negative chunk size": START + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + BODY,
    "a chunk longer than it says": START
    + b"Transfer-Encoding: chunked\r\n\r\n3\r\n"
    + BODY
    + b"\r\n0\r\n\r\n",
    "a folded header": START + JSON + LENGTH + b"X-Folded: a\r\n b\r\n\r\n" + BODY,
    "a space before the colon": START + b"Content-Length : %d\r\n\r\n" % len(BODY) + BODY,
    "a negative length": START + b"Content-Length: -5\r\n\r\n" + BODY,
    "a length that is no number": START + b"Content-Length: five\r\n\r\n" + BODY,
    "a length with a plus": START + b"Content-Length: +%d\r\n\r\n" % len(BODY) + BODY,
    "bare line feeds": (START + LENGTH + b"\r\n").replace(b"\r\n", b"\n") + BODY,
    "a NUL in a header": START + LENGTH + b"X-Nul: a\x00b\r\n\r\n" + BODY,
    "a bare CR in a header": START + LENGTH + b"X-Cr: a\rb\r\n\r\n" + BODY,
    "a header without a name": START + LENGTH + b": nameless\r\n\r\n" + BODY,
    "a header without a colon": START + LENGTH + b"nothing\r\n\r\n" + BODY,
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60 + b"\r\n\r\n",
    "no version": b"POST /v1/chat/completions\r\nHost: HOST\r\n" + LENGTH + b"\r\n" + BODY,
    "a version from the future": START.replace(b"/1.1", b"/9.9") + LENGTH + b"\r\n" + BODY,
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_http_is_answered_400_closed_and_never_forwarded(
    gateway: GatewayProcess, house: House, name: str
) -> None:
    host = gateway.url.removeprefix("http://").encode()
    async with asyncio.timeout(5), await Connection.open(gateway.url) as client:
        await client.send(MALFORMED[name].replace(b"HOST", host))
        try:
            reply: Reply | None = await client.reply()
        except (asyncio.IncompleteReadError, ConnectionError):
            reply = None
        rest = await client.closed_by_peer()
    assert b"HTTP/1.1 200" not in rest
    assert house.seen("smuggled") == []
    assert reply is not None, "closed without a word"
    assert reply.status == 400, (reply.status, reply.body[:200])


async def test_two_authorization_headers_are_refused(guarded: GatewayProcess) -> None:
    twice = [*guarded.auth, *guarded.auth]
    reply = await chat(guarded.url, "hi", headers=twice)
    assert reply.status == 400
    assert reply.error["who"] == "client"


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Large", "x" * 1_000_000)],
        [(f"X-{i}", "x") for i in range(10_000)],
        [("Cookie", "x" * 20_000)],
    ],
    ids=["one of a megabyte", "ten thousand", "just over the limit"],
)
async def test_oversized_headers_are_431(
    guarded: GatewayProcess, house: House, mark: str, headers: list[tuple[str, str]]
) -> None:
    reply = await chat(guarded.url, mark, headers=[*guarded.auth, *headers])
    assert reply.status == 431
    assert reply.error["who"] == "client"
    assert house.seen(mark) == []


async def test_an_endless_request_line_is_turned_away(guarded: GatewayProcess) -> None:
    target = "/v1/models?" + "x" * 200_000
    reply = await get(guarded.url, target, guarded.auth)
    assert reply.status in (414, 431)


async def test_headers_under_the_limit_pass(guarded: GatewayProcess, mark: str) -> None:
    headers = [*guarded.auth, ("X-Large", "x" * 12_000)]
    assert (await chat(guarded.url, mark, headers=headers)).status == 200


# ---------------------------------------------------------------- slow senders


async def _closes(client: Connection, within: float) -> None:
    async with asyncio.timeout(within):
        await client.closed_by_peer()


async def test_a_client_that_never_finishes_its_headers_is_closed(guarded: GatewayProcess) -> None:
    async with await Connection.open(guarded.url) as client:
        await client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        await _closes(client, 2)


async def test_a_client_that_connects_and_says_nothing_is_closed(guarded: GatewayProcess) -> None:
    async with await Connection.open(guarded.url) as client:
        await _closes(client, 2)


async def test_dripping_headers_does_not_buy_time(guarded: GatewayProcess) -> None:
    async with await Connection.open(guarded.url) as client:
        await client.send(b"GET /v1/models HTTP/1.1\r\n")
        closing = asyncio.create_task(client.closed_by_peer())
        async with asyncio.timeout(3):
            while not closing.done():
                try:
                    await client.send(b"X-Drip: 1\r\n")
                except ConnectionError:
                    break
                await asyncio.wait([closing], timeout=0.1)
        await closing


async def test_a_client_that_never_finishes_its_body_is_closed(
    guarded: GatewayProcess, house: House
) -> None:
    headers = [*guarded.auth, ("Content-Length", str(len(BODY)))]
    host = guarded.url.removeprefix("http://")
    async with await Connection.open(guarded.url) as client:
        head = request_bytes("POST", "/v1/chat/completions", b"", headers, host)
        await client.send(head + BODY[:-1])
        await _closes(client, 2)
    assert house.seen("smuggled") == []


async def test_a_client_that_leaves_in_its_body_is_forgotten(
    guarded: GatewayProcess, house: House
) -> None:
    headers = [*guarded.auth, ("Content-Length", str(len(BODY)))]
    host = guarded.url.removeprefix("http://")
    head = request_bytes("POST", "/v1/chat/completions", b"", headers, host)
    async with await Connection.open(guarded.url) as client:
        await client.send(head + BODY[:-1])
        client.reset()
    assert (await chat(guarded.url, "hi", headers=guarded.auth)).status == 200
    assert house.seen("smuggled") == []


async def test_many_slow_clients_do_not_disturb_the_others(
    guarded: GatewayProcess, mark: str
) -> None:
    slow = [await Connection.open(guarded.url) for _ in range(300)]
    for client in slow:
        await client.send(b"POST /v1/chat/completions HTTP/1.1\r\nX-Slow:")
    replies = [await chat(guarded.url, mark, headers=guarded.auth) for _ in range(20)]
    assert max(reply.seconds for reply in replies) < 0.5
    await asyncio.gather(*(_closes(client, 3) for client in slow))
    for client in slow:
        await client.close()


async def test_an_idle_kept_connection_outlives_the_header_deadline_or_closes_cleanly(
    guarded: GatewayProcess, mark: str
) -> None:
    """Waiting between two requests is no slow header: nothing is answered unasked."""
    host = guarded.url.removeprefix("http://")
    async with await Connection.open(guarded.url) as client:
        await client.send(request_bytes("GET", "/v1/models", None, guarded.auth, host))
        assert (await client.reply()).status == 200
        try:
            async with asyncio.timeout(0.8):
                assert await client.closed_by_peer() == b""
        except TimeoutError:
            return


# ---------------------------------------------------------------- Host and Origin

EVIL_HOSTS = [
    "evil.test",
    "127.evil.com",
    "localhost.evil.com",
    "localhost/admin?",
    "localhost@evil.test",
    "evil.test:80",
    "127.0.0.1.evil.test",
    "0x7f000001.evil.test",
    "169.254.169.254",
    "",
    "a b",
]
PLACES = [("GET", "/"), ("GET", "/v1/models"), ("POST", "/v1/chat/completions")]


@pytest.mark.parametrize("host", EVIL_HOSTS)
@pytest.mark.parametrize(("method", "path"), PLACES)
async def test_foreign_host_names_are_turned_away(
    gateway: GatewayProcess, house: House, host: str, method: str, path: str
) -> None:
    body = BODY if method == "POST" else None
    reply = await call(gateway.url, method, path, body, [("Host", host)])
    assert reply.status in (400, 421), reply.status
    assert house.seen("smuggled") == []


@pytest.mark.parametrize(
    "lines", [b"", b"Host: HOST\r\nHost: HOST\r\n", b"Host: HOST\r\nHost: evil.test\r\n"]
)
async def test_no_host_and_two_hosts_are_turned_away(gateway: GatewayProcess, lines: bytes) -> None:
    own = gateway.url.removeprefix("http://").encode()
    data = b"GET /v1/models HTTP/1.1\r\n" + lines.replace(b"HOST", own) + b"\r\n"
    reply = await send(gateway.url, data)
    assert reply.status in (400, 421)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_loopback_names_are_served_with_and_without_the_port(
    gateway: GatewayProcess, name: str
) -> None:
    port = gateway.url.rpartition(":")[2]
    for host in (name, f"{name}:{port}"):
        assert (await get(gateway.url, "/v1/models", [("Host", host)])).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.test", "null", "http://127.evil.com", "file://", "http://localhost.x"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_writes_from_a_foreign_page_are_forbidden(
    gateway: GatewayProcess, house: House, origin: str, method: str
) -> None:
    headers = [("Origin", origin), ("Content-Type", "text/plain")]
    reply = await call(gateway.url, method, "/v1/chat/completions", BODY, headers)
    assert reply.status == 403
    assert reply.error["who"] == "client"
    assert reply.header("access-control-allow-origin") is None
    assert house.seen("smuggled") == []


async def test_a_page_of_our_own_may_ask(gateway: GatewayProcess, mark: str) -> None:
    reply = await chat(gateway.url, mark, headers=[("Origin", gateway.url)])
    assert reply.status == 200


async def test_preflights_from_foreign_pages_are_granted_nothing(gateway: GatewayProcess) -> None:
    headers = [
        ("Origin", "https://evil.test"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization"),
    ]
    reply = await call(gateway.url, "OPTIONS", "/v1/chat/completions", None, headers)
    assert reply.status >= 400
    assert not [name for name in reply.names if name.startswith("access-control-")]


async def test_an_absolute_target_does_not_excuse_a_foreign_host(gateway: GatewayProcess) -> None:
    line = f"GET {gateway.url}/v1/models HTTP/1.1\r\nHost: evil.test\r\n\r\n"
    reply = await send(gateway.url, line.encode())
    assert reply.status >= 400
