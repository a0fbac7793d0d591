"""Our HTTP client against a real socket that says exactly what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from gateway.settings import Deadlines
from gateway.upstreams.base import Prepared
from gateway.upstreams.transport import (
    BrokenReply,
    ConnectFailed,
    DeadlineExceeded,
    HttpTransport,
    Reply,
    StaleConnection,
    header,
)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = Prepared(path="/v1/x", headers=((b"x-a", b"1"),), body=b"hello")


@asynccontextmanager
async def server(serve: Serve) -> AsyncGenerator[HttpTransport]:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.CancelledError:  # a test is over while its server still waits
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(once, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    transport = HttpTransport(f"http://127.0.0.1:{port}")
    try:
        yield transport
    finally:
        transport.close()
        listener.close()


async def request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(5)


async def whole(reply: Reply) -> bytes:
    pieces: list[bytes] = []
    while piece := await reply.read():
        pieces.append(piece)
    return b"".join(pieces)


async def test_the_request_goes_out_as_prepared_and_the_connection_is_reused() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                seen.append(await request(reader))
            except asyncio.IncompleteReadError:
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-B: 2\r\n\r\nok")

    async with server(serve) as transport:
        first = await transport.post(REQUEST, Deadlines())
        assert (first.status, header(first.headers, b"x-b")) == (200, b"2")
        assert await whole(first) == b"ok"
        assert first.connect_s is not None
        first.close()
        second = await transport.post(REQUEST, Deadlines())
        assert await whole(second) == b"ok"
        assert second.connect_s is None
        second.close()
    assert seen[0].startswith(b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1:")
    assert seen[0].endswith(b"\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello")


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            b"abc",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nz", b"z"),
    ],
)
async def test_every_framing_of_a_body_is_read(reply: bytes, body: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for at in range(len(reply)):
            writer.write(reply[at : at + 1])
            await writer.drain()

    async with server(serve) as transport:
        got = await transport.post(REQUEST, Deadlines())
        assert await whole(got) == body
        got.close()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"SSH-2.0-nope\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_not_a_usable_reply_head_is_told(reply: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(reply)

    async with server(serve) as transport:
        with pytest.raises(BrokenReply):
            await transport.post(REQUEST, Deadlines())


async def test_a_body_cut_short_is_told_after_what_came() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")

    async with server(serve) as transport:
        reply = await transport.post(REQUEST, Deadlines())
        assert await reply.read() == b"abc"
        with pytest.raises(BrokenReply, match="before its reply was whole"):
            await reply.read()
        reply.close()


async def test_closing_early_closes_the_upstreams_connection() -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
        with suppress(ConnectionError):
            await reader.read()
        gone.set()

    async with server(serve) as transport:
        reply = await transport.post(REQUEST, Deadlines())
        reply.close()
        async with asyncio.timeout(2):
            await gone.wait()


async def test_a_kept_connection_that_was_closed_is_told_as_stale() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await request(reader)

    async with server(serve) as transport:
        first = await transport.post(REQUEST, Deadlines())
        await whole(first)
        first.close()
        with pytest.raises(StaleConnection):
            await transport.post(REQUEST, Deadlines())


async def test_each_deadline_is_told_by_its_name() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        await reader.read()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(silent) as transport:
        with pytest.raises(DeadlineExceeded) as first:
            await transport.post(REQUEST, Deadlines(first_token=0.05))
        assert first.value.name == "first_token"
    async with server(serve) as transport:
        reply = await transport.post(REQUEST, Deadlines(idle=0.05))
        assert await reply.read() == b"a"
        with pytest.raises(DeadlineExceeded) as idle:
            await reply.read()
        assert idle.value.name == "idle"
        reply.close()
        reply = await transport.post(REQUEST, Deadlines(total=0.05))
        assert await reply.read() == b"a"
        with pytest.raises(DeadlineExceeded) as total:
            await reply.read()
        assert total.value.name == "total"
        reply.close()


async def test_a_second_reply_nobody_asked_for_is_no_part_of_the_first() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        first = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        writer.write(first + b"HTTP/1.1 500 X\r\ncontent-length: 4\r\n\r\nevil")
        await reader.read()

    async with server(serve) as transport:
        reply = await transport.post(REQUEST, Deadlines())
        assert (reply.status, await reply.read()) == (200, b"{}")
        reply.close()
        again = await transport.post(REQUEST, Deadlines())
        assert again.connect_s is not None
        again.close()


async def test_a_stream_that_said_all_is_waited_for_and_its_connection_kept() -> None:
    go_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nDONE\r\n")
        await go_on.wait()
        writer.write(b"0\r\n\r\n")
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with server(serve) as transport:
        reply = await transport.post(REQUEST, Deadlines())
        assert await reply.read() == b"DONE"
        reply.close(said_all=True)
        go_on.set()
        again: Reply | None = None
        while again is None or again.connect_s is not None:
            async with asyncio.timeout(5):
                again = await transport.post(REQUEST, Deadlines(first_token=0.5))
        again.close()


async def test_a_reply_that_outlives_its_transport_leaves_no_connection_behind() -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        with suppress(ConnectionError):
            await reader.read()
        gone.set()

    async with server(serve) as transport:
        reply = await transport.post(REQUEST, Deadlines())
        transport.close()
        assert await whole(reply) == b"ok"
        reply.close()
        async with asyncio.timeout(5):
            await gone.wait()


async def test_nothing_listening_is_told() -> None:
    async with server(lambda _r, _w: asyncio.sleep(0)) as transport:
        pass
    with pytest.raises(ConnectFailed):
        await transport.post(REQUEST, Deadlines())


async def test_an_unread_reply_stops_the_upstream() -> None:
    stalled = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            try:
                async with asyncio.timeout(0.3):
                    await writer.drain()
            except TimeoutError:
                stalled.set()
                return

    async with server(serve) as transport:
        reply = await transport.post(REQUEST, Deadlines())
        async with asyncio.timeout(5):
            await stalled.wait()
        reply.close()


async def test_a_metadata_address_is_never_connected_to() -> None:
    transport = HttpTransport("http://169.254.169.254:80")
    with pytest.raises(ConnectFailed, match="refused"):
        await transport.post(REQUEST, Deadlines(connect=0.5))
