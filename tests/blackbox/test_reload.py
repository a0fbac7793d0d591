"""Settings change under traffic: a mended file takes effect, a broken one changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.blackbox.house import ENV, House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess, eventually_async
from tests.support.raw_client import chat, get, open_stream

pytestmark = pytest.mark.asyncio(loop_scope="session")

BROKEN = "version: 1\nescalation:\n  defualt: active\n  rules: [\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def changing(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    home = tmp_path_factory.mktemp("changing") / "home"
    async with GatewayProcess(home, house.settings(), ENV) as running:
        yield running


def defaulting_to(house: House, mode: str) -> dict[str, Any]:
    return house.settings(escalation={"default": mode})


async def serves(gateway: GatewayProcess, mode: str) -> None:
    async def look() -> bool:
        return (await chat(gateway.url, "which mode?")).header("x-majordomo-mode") == mode

    await eventually_async(look, within=6, what=f"{mode} answers")


async def broken_is_told(gateway: GatewayProcess) -> None:
    async def look() -> bool:
        _, printed = await gateway.command("status")
        return "defualt" in printed or "majordomo.yaml:" in printed

    await eventually_async(look, within=8, what="status tells of the broken file")


async def test_a_changed_file_takes_effect_without_a_restart(
    changing: GatewayProcess, house: House
) -> None:
    pid = changing.pid
    changing.write_settings(defaulting_to(house, "active"))
    await serves(changing, "active")
    changing.write_settings(defaulting_to(house, "resting"))
    await serves(changing, "resting")
    assert changing.running
    assert changing.pid == pid


async def test_a_broken_file_keeps_the_old_one_and_says_so_until_it_is_mended(
    changing: GatewayProcess, house: House
) -> None:
    changing.write_settings(defaulting_to(house, "active"))
    await serves(changing, "active")
    quiet = (await get(changing.url, "/metrics")).body
    changing.write_settings(BROKEN)
    await broken_is_told(changing)
    assert (await chat(changing.url, "still?")).header("x-majordomo-mode") == "active"
    assert "majordomo.yaml:" in changing.log
    loud = (await get(changing.url, "/metrics")).body
    told = [line for line in loud.splitlines() if b"config" in line and line not in quiet]
    assert told, "no metric tells of the broken file"
    changing.write_settings(defaulting_to(house, "resting"))
    await serves(changing, "resting")


async def test_a_deleted_file_keeps_the_old_settings(
    changing: GatewayProcess, house: House
) -> None:
    changing.write_settings(defaulting_to(house, "active"))
    await serves(changing, "active")
    (changing.home / "majordomo.yaml").unlink()

    async def told() -> bool:
        return "majordomo.yaml" in (await changing.command("status"))[1]

    await eventually_async(told, within=6)
    assert (await chat(changing.url, "still?")).header("x-majordomo-mode") == "active"
    changing.write_settings(defaulting_to(house, "resting"))
    await serves(changing, "resting")


async def test_ten_changes_under_traffic_drop_no_request(
    changing: GatewayProcess, house: House, mark: str
) -> None:
    stop = asyncio.Event()
    statuses: list[int] = []

    async def client(number: int) -> None:
        while not stop.is_set():
            reply = await chat(changing.url, f"{mark} {number}", stream=number % 2 == 0)
            statuses.append(reply.status if reply.complete else -1)

    clients = [asyncio.create_task(client(i)) for i in range(4)]
    for flap in range(10):
        good = defaulting_to(house, "active" if flap % 2 else "resting")
        changing.write_settings(BROKEN if flap % 3 == 2 else good)
        await asyncio.sleep(0.15)
    changing.write_settings(defaulting_to(house, "active"))
    await serves(changing, "active")
    stop.set()
    await asyncio.gather(*clients)
    assert len(statuses) > 20
    assert set(statuses) == {200}
    changing.write_settings(defaulting_to(house, "resting"))
    await serves(changing, "resting")


async def test_a_stream_finishes_on_the_upstream_it_began_with(
    changing: GatewayProcess, house: House, mark: str
) -> None:
    steps = asyncio.Semaphore(2)
    events = fake.text_events(["a ", "b ", "c "])
    house.small.on(mark, fake.reply_sse(events, steps=steps))
    async with await open_stream(changing.url, mark, model="resting") as client:
        head = await client.head()
        arriving = client.events(head)
        assert (await anext(arriving)).raw == events[0]
        settings = defaulting_to(house, "active")
        del settings["upstreams"]["small"]
        del settings["modes"]["resting"]
        changing.write_settings(settings)
        await serves(changing, "active")
        for _ in events:
            steps.release()
        assert [arrival.raw async for arrival in arriving] == events[1:]
    changing.write_settings(defaulting_to(house, "resting"))
    await serves(changing, "resting")


async def test_an_exchange_names_the_generation_of_settings_that_decided_it(
    changing: GatewayProcess, house: House, mark: str
) -> None:
    first = await chat(changing.url, mark)
    changing.write_settings(defaulting_to(house, "active"))
    await serves(changing, "active")
    second = await chat(changing.url, mark)
    generations = [
        (await changing.exchange(r.exchange_id))["decision"]["config_generation"]
        for r in (first, second)
    ]
    assert generations[0] < generations[1]
