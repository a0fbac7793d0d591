"""When something runs out, the gateway says so, refuses or serves as told, and recovers (N8)."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.blackbox.house import ENV, House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess, eventually, eventually_async
from tests.support.raw_client import Connection, Reply, chat, get

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL_SEGMENTS = {"segment_bytes": 65_536, "sync_ms": 10}


@contextmanager
def no_room_for_new_segments(home: Path) -> Generator[None]:
    """The journal's directory is away: the segment at hand can be filled, no other begun."""
    journal, away = home / "journal", home / "journal.away"
    journal.rename(away)
    journal.write_bytes(b"")
    try:
        yield
    finally:
        journal.unlink()
        away.rename(journal)


async def fill(gateway: GatewayProcess, mark: str) -> Reply:
    """Large requests until the open segment is full; the reply to the last one."""
    for _ in range(3):
        await chat(gateway.url, mark + " " + "x" * 30_000)
    return await chat(gateway.url, mark + " " + "x" * 30_000)


async def test_a_journal_that_cannot_be_written_refuses_requests_and_recovers(
    house: House, home: Path, mark: str
) -> None:
    async with GatewayProcess(home, house.settings(capture=SMALL_SEGMENTS), ENV) as gateway:
        assert (await chat(gateway.url, mark)).status == 200
        with no_room_for_new_segments(home):
            await fill(gateway, mark)
            before = len(house.small.calls)
            reply = await chat(gateway.url, mark)
            assert reply.status == 503
            assert (reply.error["who"], reply.error["code"]) == ("gateway", "capture_unavailable")
            assert len(house.small.calls) == before, "sent on without a begin in the journal"
            assert (await get(gateway.url, "/readyz")).status == 503
            assert (await get(gateway.url, "/livez")).status == 200
            _, printed = await gateway.command("status")
            assert "journal" in printed.lower() or "capture" in printed.lower()

        async def serves() -> Reply | None:
            reply = await chat(gateway.url, mark)
            return reply if reply.status == 200 else None

        recovered = await eventually_async(serves, within=8, what="serves again")
        assert (await gateway.exchange(recovered.exchange_id))["status"] == "ok"


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_told_to_serve_without_capture_it_serves_and_every_reply_says_so(
    house: House, home: Path, mark: str
) -> None:
    capture = SMALL_SEGMENTS | {"on_failure": "serve"}
    async with GatewayProcess(home, house.settings(capture=capture), ENV) as gateway:
        fine = await chat(gateway.url, mark)
        with no_room_for_new_segments(home):
            await fill(gateway, mark)
            for stream in (False, True):
                reply = await chat(gateway.url, mark, stream=stream)
                assert reply.status == 200
                assert reply.complete
                told = [name for name in reply.names - fine.names if "capture" in name]
                assert told, "no header tells that this exchange is not recorded"
            metrics = (await get(gateway.url, "/metrics")).body.decode()
            assert [
                line
                for line in metrics.splitlines()
                if not line.startswith("#") and ("journal" in line or "capture" in line)
            ]


async def test_requests_past_the_cap_get_429_with_retry_after_and_the_rest_go_on(
    house: House, home: Path, mark: str
) -> None:
    gate = asyncio.Event()

    async def held(call: fake.Call) -> None:
        await gate.wait()
        await fake.polite(call)

    house.small.on(mark + "-held", held)
    settings = house.settings(server={"limits": {"concurrent": 4}})
    async with GatewayProcess(home, settings, ENV) as gateway:
        running = [asyncio.create_task(chat(gateway.url, mark + "-held")) for _ in range(4)]
        await house.small.wait_for(mark + "-held", count=4)
        for stream in (False, True):
            over = await chat(gateway.url, mark, stream=stream)
            assert over.status == 429
            assert float(over.header("retry-after") or "-1") >= 0
            assert over.error["code"] == "rate_limited"
        assert (await get(gateway.url, "/livez")).status == 200
        assert house.seen(mark + " ") == []
        gate.set()
        assert {reply.status for reply in await asyncio.gather(*running)} == {200}
        assert (await chat(gateway.url, mark)).status == 200


async def test_the_database_being_locked_holds_up_no_request_and_loses_none(
    gateway: GatewayProcess, mark: str
) -> None:
    lock = sqlite3.connect(gateway.home / "majordomo.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        replies = [await chat(gateway.url, mark, stream=i % 2 == 0) for i in range(20)]
        assert {reply.status for reply in replies} == {200}
        assert max(reply.seconds for reply in replies) < 0.5
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    for reply in replies:
        assert (await gateway.exchange(reply.exchange_id, within=10))["status"] == "ok"


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_running_out_of_file_descriptors_is_survived(
    house: House, home: Path, mark: str
) -> None:
    async with GatewayProcess(home, house.settings(), ENV) as gateway:
        await chat(gateway.url, mark)
        used = gateway.open_files()
        if used is None or not hasattr(resource, "prlimit"):
            pytest.skip("this system cannot change the limits of another process")
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (used + 20, used + 20))
        crowd = [await Connection.open(gateway.url) for _ in range(60)]
        await asyncio.gather(*(client.close() for client in crowd))

        async def serves() -> bool:
            try:
                return (await chat(gateway.url, mark, within=1)).status == 200
            except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
                return False

        await eventually_async(serves, within=10, what="serves again")
        assert gateway.running
        assert len(gateway.log) < 200_000, "the log was flooded"


async def test_a_fresh_gateway_is_small(house: House, home: Path, mark: str) -> None:
    async with GatewayProcess(home, house.settings(), ENV) as gateway:
        assert (await chat(gateway.url, mark)).status == 200
        assert gateway.resident_bytes() < 120 * 1024 * 1024


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_memory_stays_flat_over_many_exchanges(house: House, home: Path, mark: str) -> None:
    async with GatewayProcess(home, house.settings(), ENV) as gateway:

        async def client(count: int) -> None:
            for number in range(count):
                await chat(gateway.url, mark, stream=number % 2 == 0)

        await asyncio.gather(*(client(100) for _ in range(8)))
        warm = gateway.resident_bytes()
        await asyncio.gather(*(client(500) for _ in range(8)))
        assert gateway.resident_bytes() - warm < 12 * 1024 * 1024
        await eventually(lambda: not house.small.errors, within=1)
