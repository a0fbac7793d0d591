"""Nothing lost: kill -9 under load, reconciled between client, upstream and store (N1, N2, N3)."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from capture.store import Store
from tests.blackbox.house import ENV, House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess, eventually
from tests.support.raw_client import Connection, chat, chat_body, get, open_stream, request_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONNECTIONS = 16


@pytest_asyncio.fixture(loop_scope="session")
async def own_house() -> AsyncIterator[House]:
    """Upstreams nobody else asks, so that every call counts."""
    async with private_house() as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def another_house() -> AsyncIterator[House]:
    """For a second gateway beside the first."""
    async with private_house() as house:
        yield house


@asynccontextmanager
async def private_house() -> AsyncGenerator[House]:
    house = House()
    await house.start()
    yield house
    await house.stop()
    assert [u.errors for u in house.upstreams] == [[], [], []]


# ---------------------------------------------------------------- the books of three parties


@dataclass
class Books:
    """What the clients saw."""

    prompts: dict[str, str] = field(default_factory=dict[str, str])
    """Exchange id to prompt, for every response head that came."""
    completed: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Exchange id to body, for every exchange whose last byte came."""


async def one_client(gateway: GatewayProcess, books: Books, name: str) -> None:
    """Asks again and again on one connection, until the gateway is gone."""
    host = gateway.url.removeprefix("http://")
    try:
        async with await Connection.open(gateway.url) as client:
            for number in range(100_000):
                prompt = f"{name} {number}."
                stream = number % 2 == 0
                body = json.dumps(chat_body(prompt, stream=stream)).encode()
                await client.send(request_bytes("POST", "/v1/chat/completions", body, host=host))
                head = await client.head()
                exchange_id = head.header("x-request-id") or ""
                books.prompts[exchange_id] = prompt
                got = b"".join([piece async for piece in client.pieces(head)])
                over = got.endswith(fake.DONE) if stream else client.complete
                if head.status == 200 and over:
                    books.completed[exchange_id] = got
                if not client.complete:
                    return
    except (ConnectionError, asyncio.IncompleteReadError):
        return


@dataclass
class Shelf:
    """What the store holds after the last restart."""

    statuses: dict[str, str] = field(default_factory=dict[str, str])
    prompts: dict[str, str] = field(default_factory=dict[str, str])
    """Last user message, read from the stored request bytes."""
    delivered: dict[str, bytes] = field(default_factory=dict[str, bytes])

    @classmethod
    def of(cls, home: Path) -> Shelf:
        """Everything in the store of a gateway that is not running."""
        shelf = cls()
        store = Store.open(home / "majordomo.db")
        before: str | None = None
        while page := store.exchanges(limit=500, before=before):
            for row in page:
                detail = store.exchange(row.id)
                assert detail is not None
                shelf.statuses[row.id] = row.status
                shelf.prompts[row.id] = json.loads(detail.request)["messages"][-1]["content"]
                shelf.delivered[row.id] = detail.delivered
            before = page[-1].id
        store.close()
        return shelf


async def paced(call: fake.Call) -> None:
    """A reply that takes its time, so that death finds it at every stage."""
    words = [f"{i} " for i in range(8)]
    if call.json.get("stream"):
        await fake.reply_sse(fake.text_events(words, usage=True), pause=0.003)(call)
    else:
        await asyncio.sleep(0.004)
        await fake.polite(call)


async def kill_rounds(house: House, home: Path, rounds: int, **capture: Any) -> dict[str, Any]:
    """Kill the gateway under load this often; returns the loss report."""
    chance = random.Random(rounds)
    already = {call.prompt for call in house.small.calls}
    house.small.default = paced
    gateway = GatewayProcess(home, house.settings(capture=capture), ENV)
    books = Books()
    for number in range(rounds):
        await gateway.start()
        names = [f"{home.name} round {number} client {c} request" for c in range(CONNECTIONS)]
        clients = [asyncio.create_task(one_client(gateway, books, name)) for name in names]
        target = len(house.small.calls) + chance.randint(20, 150)
        await eventually(lambda t=target: len(house.small.calls) >= t, within=20, what="load")
        await gateway.kill()
        await asyncio.gather(*clients)
    await gateway.start()
    last = await chat(gateway.url, "the last one")
    await gateway.exchange(last.exchange_id)
    await gateway.stop()
    shelf = await asyncio.to_thread(Shelf.of, home)
    asked = {call.prompt for call in house.small.calls if call.method == "POST"} - already
    return {"rounds": rounds} | reconcile(books, shelf, asked)


def reconcile(books: Books, shelf: Shelf, asked: set[str]) -> dict[str, int]:
    """The loss report: what the clients and the upstream saw, against what the store holds."""
    statuses = list(shelf.statuses.values())
    found = [shelf.statuses.get(exchange_id) for exchange_id in books.completed]
    return {
        "acked": len(books.completed),
        "acked_missing": found.count(None),
        "acked_not_ok": len(found) - found.count(None) - found.count("ok"),
        "acked_altered": sum(
            shelf.delivered.get(exchange_id) != body
            for exchange_id, body in books.completed.items()
        ),
        "heads_missing": len(books.prompts.keys() - shelf.statuses.keys()),
        "upstream_calls": len(asked),
        "upstream_calls_without_begin": len(asked - set(shelf.prompts.values())),
        "stored": len(statuses),
        "interrupted": statuses.count("interrupted"),
        "still_open": statuses.count("open"),
        "ok_unacked": statuses.count("ok") - found.count("ok"),
    }


def nothing_lost(report: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\nloss report:", json.dumps(report))
    assert report["acked"] > report["rounds"]
    for loss in (
        "acked_missing",
        "acked_not_ok",
        "acked_altered",
        "heads_missing",
        "upstream_calls_without_begin",
        "still_open",
    ):
        assert report[loss] == 0, loss


@pytest.mark.shares
@pytest.mark.timeout(180)
async def test_five_kills_under_load_lose_nothing(
    own_house: House, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing_lost(await kill_rounds(own_house, home, 5), capsys)


@pytest.mark.slow
@pytest.mark.shares
@pytest.mark.timeout(2400)
async def test_a_hundred_kills_under_load_lose_nothing(
    own_house: House, another_house: House, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two gateways die side by side, as two cores allow."""

    async def as_it_comes() -> None:
        nothing_lost(await kill_rounds(own_house, home / "a", 50), capsys)

    async def otherwise() -> None:
        strict = await kill_rounds(another_house, home / "b", 25, durability="strict")
        nothing_lost(strict, capsys)
        small = await kill_rounds(another_house, home / "c", 25, segment_bytes=65_536)
        nothing_lost(small, capsys)

    await asyncio.gather(as_it_comes(), otherwise())


# ---------------------------------------------------------------- death at a chosen moment


@pytest.mark.slow
@pytest.mark.shares
@pytest.mark.timeout(180)
async def test_death_at_the_worst_moments_is_told_truthfully_after_the_restart(
    own_house: House, home: Path
) -> None:
    """On the upstream's first sight of a request, after three events, and after the last byte."""
    async with GatewayProcess(home, own_house.settings(), ENV) as gateway:

        async def deadly(call: fake.Call) -> None:
            await gateway.kill()

        own_house.small.on("on sight", deadly)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await chat(gateway.url, "on sight")
        await gateway.start()

        steps = asyncio.Semaphore(3)
        own_house.small.on("half way", fake.reply_sse(fake.text_events(["a "] * 9), steps=steps))
        async with await open_stream(gateway.url, "half way") as client:
            head = await client.head()
            arriving = client.events(head)
            for _ in range(3):
                await anext(arriving)
            await gateway.kill()
            await arriving.aclose()
        half_way = head.header("x-request-id") or ""
        await gateway.start()

        finished = [await chat(gateway.url, "finished"), None]
        await gateway.kill()
        await gateway.start()
        finished[1] = await chat(gateway.url, "finished", stream=True)
        await gateway.kill()
        await gateway.start()

        assert (await gateway.exchange(half_way))["status"] == "interrupted"
        for reply in finished:
            assert reply is not None
            found = await gateway.exchange(reply.exchange_id)
            assert found["status"] == "ok"
            assert "You said: finished" in json.dumps(found)
    shelf = await asyncio.to_thread(Shelf.of, home)
    assert sorted(shelf.statuses.values()) == ["interrupted", "interrupted", "ok", "ok"]
    assert "on sight" in shelf.prompts.values()


@pytest.mark.slow
@pytest.mark.shares
@pytest.mark.timeout(180)
async def test_a_torn_journal_tail_is_cut_and_nothing_before_it_is_lost(
    own_house: House, home: Path
) -> None:
    gateway = GatewayProcess(home, own_house.settings(), ENV)
    chance = random.Random(5)
    ids: list[str] = []
    for tear in ("zeros", "noise", "half a record"):
        await gateway.start()
        ids += [(await chat(gateway.url, f"{tear} {i}")).exchange_id for i in range(3)]
        await gateway.kill()
        newest = _newest_segment(home)
        whole = newest.read_bytes()
        rubbish = {
            "zeros": bytes(300),
            "noise": chance.randbytes(300),
            "half a record": whole[len(whole) // 2 : len(whole) - 40],
        }
        with newest.open("ab") as segment:
            segment.write(rubbish[tear])
    await gateway.start()
    ids.append((await chat(gateway.url, "after all")).exchange_id)
    for exchange_id in ids:
        assert (await gateway.exchange(exchange_id))["status"] == "ok"
    await gateway.stop()


def _newest_segment(home: Path) -> Path:
    segments = [path for path in (home / "journal").iterdir() if path.stat().st_size > 64]
    return max(segments, key=lambda path: (path.stat().st_mtime_ns, path.name))


# ---------------------------------------------------------------- a polite end, and two at once


async def test_sigterm_lets_streams_finish_and_takes_nobody_new(
    own_house: House, home: Path
) -> None:
    gate = asyncio.Event()
    events = fake.text_events([f"{i} " for i in range(20)])

    async def held(call: fake.Call) -> None:
        await call.head(200, {"content-type": "text/event-stream"})
        await call.send(events[0])
        await gate.wait()
        for raw in events[1:]:
            await asyncio.sleep(0.01)
            await call.send(raw)
        await call.end()

    own_house.small.on("held", held)
    async with GatewayProcess(home, own_house.settings(), ENV) as gateway:
        running = [
            asyncio.create_task(chat(gateway.url, f"held {i}", stream=True)) for i in range(20)
        ]
        await own_house.small.wait_for("held", count=20)
        gateway.terminate()
        assert await _turned_away(gateway)
        gate.set()
        replies = await asyncio.gather(*running)
        assert {reply.body for reply in replies} == {b"".join(events)}
        assert await gateway.exited() in (0, 143, -15)
    shelf = await asyncio.to_thread(Shelf.of, home)
    assert list(shelf.statuses.values()) == ["ok"] * 20


async def _turned_away(gateway: GatewayProcess) -> bool:
    """Within two seconds of SIGTERM new requests are refused: no connection, or 503."""
    async with asyncio.timeout(2):
        while True:
            try:
                if (await get(gateway.url, "/readyz")).status == 503:
                    return True
            except (ConnectionError, asyncio.IncompleteReadError):
                return True
            await asyncio.sleep(0.02)


async def test_a_second_gateway_on_the_same_home_is_refused_and_named_the_first(
    gateway: GatewayProcess, mark: str
) -> None:
    code, printed = await gateway.command("serve", "--port", "0")
    assert code != 0
    assert str(gateway.pid) in printed
    assert "Traceback" not in printed
    assert (await chat(gateway.url, mark)).status == 200
    ready = json.loads((gateway.home / "run" / "gateway.json").read_text())
    assert ready["pid"] == gateway.pid


async def test_the_begin_is_in_the_journal_before_the_upstream_sees_the_request(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    """N1, looked at from the upstream at the moment the request arrives."""
    found: list[bool] = []

    async def look(call: fake.Call) -> None:
        segments = [path.read_bytes() for path in (gateway.home / "journal").iterdir()]
        found.append(any(mark.encode() in segment for segment in segments))
        await fake.polite(call)

    house.small.on(mark, look)
    assert (await chat(gateway.url, mark)).status == 200
    assert (await chat(gateway.url, mark, stream=True)).status == 200
    assert found == [True, True]


async def test_the_record_keeps_the_raw_bytes_of_request_and_reply(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    events = fake.text_events(["all ", "of ", "it"], usage=True)
    house.small.on(mark, fake.reply_sse(events))
    reply = await chat(gateway.url, mark, stream=True)
    found = await gateway.exchange(reply.exchange_id)
    assert found["status"] == "ok"
    assert "all of it" in json.dumps(found)
    place = f"/v1/exchanges/{reply.exchange_id}"
    asked = house.small.seen(mark)[0].body.replace(b'"tiny-1"', b'"auto"')
    assert (await get(gateway.url, place + "/request")).body == asked
    assert (await get(gateway.url, place + "/response")).body == b"".join(events)
    assert found["usage"]["input_tokens"] == 5
    assert found["usage"]["output_tokens"] == 3
    assert found["attempts"][0]["usage"]["input_tokens"] == 5
    assert found["decision"]["candidates"][0]["upstream"] == "small"


async def test_usage_an_upstream_does_not_tell_is_unknown_and_not_zero(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.reply_sse(fake.text_events(["a"])))
    reply = await chat(gateway.url, mark, stream=True)
    found = await gateway.exchange(reply.exchange_id)
    assert not found["usage"] or found["usage"]["input_tokens"] is None


async def test_refused_requests_are_no_exchanges_that_reached_anyone(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    reply = await chat(gateway.url, mark, model="nobody")
    assert reply.status == 404
    assert house.seen(mark) == []


async def test_explain_tells_in_a_sentence_and_a_table_why_a_request_went_where_it_went(
    gateway: GatewayProcess, mark: str
) -> None:
    reply = await chat(gateway.url, mark, model="active")
    await gateway.exchange(reply.exchange_id)
    told = await get(gateway.url, f"/v1/exchanges/{reply.exchange_id}/explain")
    assert told.status == 200
    assert "active" in told.body.decode()
    code, printed = await gateway.command("explain", reply.exchange_id)
    assert code == 0, printed
    assert "active" in printed.lower()
