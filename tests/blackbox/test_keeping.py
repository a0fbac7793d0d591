"""Backup under load and the restore drill, forgetting a conversation everywhere, and a damaged
store: with real gateways."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.house import ENV, House
from tests.blackbox.test_survival import Books, Shelf, one_client, paced, private_house
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess, eventually, eventually_async
from tests.support.raw_client import call, chat, get

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

CLIENTS = 6


async def backed_up(gateway: GatewayProcess, file: Path) -> dict[str, Any]:
    code, printed = await gateway.command("backup", "--out", str(file), "--json", within=60)
    assert code == 0, printed
    return json.loads(printed)


async def restored(gateway: GatewayProcess, file: Path, into: Path) -> dict[str, Any]:
    options = ("--into", str(into), "--json")
    code, printed = await gateway.command("restore", str(file), *options, within=60)
    assert code == 0, printed
    return json.loads(printed)


async def holding(home: Path, marker: str) -> list[str]:
    """Files of a home with these words in them, however they are packed away but compressed."""

    def look() -> list[str]:
        files = [path for path in home.rglob("*") if path.is_file()]
        return [path.name for path in files if marker.encode() in path.read_bytes()]

    return await asyncio.to_thread(look)


@pytest.mark.slow
async def test_a_backup_taken_under_load_has_all_that_was_acknowledged_before_it(
    home: Path, tmp_path: Path
) -> None:
    """F39: with small segments of which none is kept, so that they are removed all the time."""
    async with private_house() as house:
        house.small.default = paced
        capture = {"segment_bytes": 65_536, "keep_segments": 0}
        async with GatewayProcess(home, house.settings(capture=capture), ENV) as gateway:
            books = Books()
            names = [f"client {number} request" for number in range(CLIENTS)]
            clients = [asyncio.create_task(one_client(gateway, books, n)) for n in names]
            archives: list[tuple[Path, dict[str, bytes], dict[str, Any]]] = []
            for number in range(2):
                more = len(books.completed) + 40
                await eventually(lambda m=more: len(books.completed) >= m, within=30, what="load")
                before = dict(books.completed)
                file = tmp_path / f"{number}.tar.gz"
                archives.append((file, before, await backed_up(gateway, file)))
            gateway.terminate()
            await asyncio.gather(*clients)
            await gateway.exited()
            for file, before, said in archives:
                copy = tmp_path / f"restored from {file.stem}"
                told = await restored(gateway, file, copy)
                assert told["rows"] == said["rows"]
                assert told["hashes_ok"] == said["files"]
                assert 0 <= told["newest_age_s"] < 120
                async with GatewayProcess(copy, house.settings(capture=capture), ENV) as second:
                    after = await chat(second.url, "the last one")
                    assert (await second.exchange(after.exchange_id))["status"] == "ok"
                shelf = await asyncio.to_thread(Shelf.of, copy)
                missing = [id_ for id_ in before if shelf.statuses.get(id_) != "ok"]
                assert missing == []
                assert all(shelf.delivered[id_] == body for id_, body in before.items())


async def test_a_forgotten_conversation_is_in_no_file_of_the_home_and_others_are_untouched(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    first = await chat(gateway.url, f"my secret is {mark}")
    answer = first.json()["choices"][0]["message"]["content"]
    assert mark in answer
    talk = [
        {"role": "user", "content": f"my secret is {mark}"},
        {"role": "assistant", "content": answer},
        {"role": "user", "content": "say it again"},
    ]
    second = await chat(gateway.url, "", messages=talk)
    other = await chat(gateway.url, "something else")
    linked = await gateway.exchange(second.exchange_id)
    assert linked["conversation"] == first.exchange_id
    assert set(await holding(gateway.home, mark)) >= {"majordomo.db-wal"}

    code, printed = await gateway.command("forget", second.exchange_id, "--yes", "--json")
    assert code == 0, printed
    gone = json.loads(printed)
    assert gone["exchanges"] == [first.exchange_id, second.exchange_id]
    assert gone["erased"] is True
    assert await holding(gateway.home, mark) == []
    assert (await get(gateway.url, f"/v1/exchanges/{first.exchange_id}")).status == 404
    assert (await gateway.exchange(other.exchange_id))["status"] == "ok"
    code, printed = await gateway.command("forget", second.exchange_id, "--yes")
    assert code == 1
    assert "no exchange" in printed

    again = await chat(gateway.url, f"my secret is {mark}")
    told = await gateway.exchange(again.exchange_id)
    assert mark in json.dumps(told["messages"]), "what is said anew is kept anew"


async def test_without_a_gateway_forgetting_takes_the_home_and_does_the_same(
    house: House, home: Path, mark: str
) -> None:
    async with GatewayProcess(home, house.settings(), ENV) as gateway:
        first = await chat(gateway.url, mark)
        kept = await chat(gateway.url, "kept")
        await gateway.kill()
        code, printed = await gateway.command("forget", first.exchange_id, "--yes")
        assert code == 0, printed
        assert await holding(home, mark) == []
        await gateway.start()
        assert (await gateway.exchange(kept.exchange_id))["status"] == "ok"
        assert (await get(gateway.url, f"/v1/exchanges/{first.exchange_id}")).status == 404
        status = (await get(gateway.url, "/v1/status")).json()
        assert status["problems"] == []


async def test_what_is_being_answered_is_not_forgotten_nor_what_another_key_said(
    house: House, guarded: GatewayProcess, mark: str
) -> None:
    hers = await guarded.new_key(f"hers-{mark[7:11]}")
    mine = await chat(guarded.url, mark, headers=guarded.auth)
    await guarded.exchange(mine.exchange_id, headers=guarded.auth)
    place = f"/v1/conversations/{mine.exchange_id}"

    async def asked(*headers: tuple[str, str], path: str = place) -> int:
        return (await call(guarded.url, "DELETE", path, None, headers)).status

    async def knows_her() -> bool:
        her = (("Authorization", f"Bearer {hers}"),)
        return (await get(guarded.url, "/v1/models", her)).status == 200

    await eventually_async(knows_her, within=5, what="the new key")
    assert await asked() == 401
    assert await asked(("Authorization", f"Bearer {hers}")) == 404
    assert await asked(*guarded.auth, ("Origin", "http://evil.example")) == 403
    assert await asked(*guarded.auth, path=f"/v1/conversations/{mine.exchange_id[::-1]}") == 404
    assert await asked(*guarded.auth) == 200
    assert await asked(*guarded.auth) == 404

    gate = asyncio.Event()

    async def held(asking: fake.Call) -> None:
        await gate.wait()
        await fake.polite(asking)

    house.small.on(f"{mark} held", held)
    waiting = asyncio.create_task(chat(guarded.url, f"{mark} held", headers=guarded.auth))
    await house.small.wait_for(f"{mark} held", count=1)
    listed = await get(guarded.url, "/v1/exchanges?limit=1", guarded.auth)
    flying = listed.json()["data"][0]["id"]
    assert await asked(*guarded.auth, path=f"/v1/conversations/{flying}") == 409
    gate.set()
    assert (await waiting).exchange_id == flying


@pytest.mark.slow
async def test_a_gateway_does_not_start_on_a_damaged_store_and_a_restore_brings_it_back(
    house: House, home: Path, tmp_path: Path
) -> None:
    """F19: pages of noise, and a file cut short."""
    gateway = GatewayProcess(home, house.settings(), ENV)
    await gateway.start()
    ids = [(await chat(gateway.url, f"question {n}")).exchange_id for n in range(5)]
    for id_ in ids:
        await gateway.exchange(id_)
    file = tmp_path / "backup.tar.gz"
    await backed_up(gateway, file)
    await gateway.stop()
    store = home / "majordomo.db"
    whole = store.read_bytes()
    for broken in (b"noise" * 4000, whole[: len(whole) // 3]):
        store.write_bytes(broken)
        code, printed = await gateway.command("serve", "--port", "0")
        assert code == 1
        assert "majordomo restore" in printed
        assert "Traceback" not in printed
        code, printed = await gateway.command("doctor", "--deep")
        assert code == 1
        assert "majordomo restore" in printed
        assert "Traceback" not in printed
    code, printed = await gateway.command("restore", str(file))
    assert code == 1
    assert "not empty" in printed
    code, printed = await gateway.command("restore", str(file), "--force")
    assert code == 0, printed
    code, printed = await gateway.command("doctor", "--deep")
    assert "every page of majordomo.db is whole" in printed
    await gateway.start()
    for id_ in ids:
        assert (await gateway.exchange(id_))["status"] == "ok"
    code, printed = await gateway.command("restore", str(file), "--force")
    assert code == 1
    assert str(gateway.pid) in printed
    await gateway.stop()


async def test_forgetting_is_quick_enough_to_wait_for_while_requests_are_answered(
    gateway: GatewayProcess, mark: str
) -> None:
    reply = await chat(gateway.url, mark)
    await gateway.exchange(reply.exchange_id)
    path = f"/v1/conversations/{reply.exchange_id}"
    forgetting = asyncio.create_task(call(gateway.url, "DELETE", path, within=30))
    began = time.monotonic()
    others = await asyncio.gather(*(chat(gateway.url, "meanwhile") for _ in range(8)))
    assert {other.status for other in others} == {200}
    assert (await forgetting).status == 200
    assert time.monotonic() - began < 20
