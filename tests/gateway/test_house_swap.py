"""Another adapter comes in: beside what answers, and never in its way."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from gateway.upstreams.house import HouseState
from gateway.upstreams.house_process import AdapterFiles
from tests.support.gateway_process import eventually
from tests.support.house import HASTY, Watched, alive

FIRST = "20261121-030000-aaaaaa"
SECOND = "20261122-030000-bbbbbb"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    await watched.server.stop()


def adapter(directory: Path, id_: str, *traits: str) -> AdapterFiles:
    """An adapter for the fake server; what is in its directory says what is wrong with it."""
    path = directory / "adapters" / id_
    path.mkdir(parents=True, exist_ok=True)
    for trait in traits:
        (path / trait).touch()
    return AdapterFiles(id_, path)


async def until_answers(house: Watched, id_: str | None) -> HouseState:
    """The next news that it answers with this adapter."""
    async with asyncio.timeout(20):
        while True:
            state = await house.news.get()
            assert house.server.ready.is_set()
            if state.adapter == id_:
                return state


async def until_refused(house: Watched) -> HouseState:
    """The next news of an adapter that did not come up."""
    async with asyncio.timeout(20):
        while (state := await house.news.get()).adapter_failure is None:
            pass
    return state


async def test_a_wanted_adapter_answers_and_readiness_never_goes_away(
    house: Watched, tmp_path: Path
) -> None:
    await house.server.start()
    before = await house.until(ready=True)
    assert before.adapter is None
    house.server.want(adapter(tmp_path, FIRST))
    after = await until_answers(house, FIRST)
    assert after.ready
    assert after.base_url != before.base_url
    assert after.restarts == 0
    assert house.server.lease().adapter == FIRST


async def test_a_start_begins_with_the_wanted_adapter(house: Watched, tmp_path: Path) -> None:
    house.server.want(adapter(tmp_path, FIRST))
    await house.server.start()
    assert (await house.until(ready=True)).adapter == FIRST


async def test_the_child_before_stays_until_its_last_reply_is_over(
    house: Watched, tmp_path: Path
) -> None:
    await house.server.start()
    before = await house.until(ready=True)
    assert before.pid is not None
    leases = [house.server.lease(), house.server.lease()]
    house.server.want(adapter(tmp_path, FIRST))
    await until_answers(house, FIRST)
    assert [lease.adapter for lease in leases] == [None, None]
    assert {lease.base_url for lease in leases} == {before.base_url}
    leases[0].end()
    leases[0].end()
    async with httpx2.AsyncClient(trust_env=False) as client:
        reply = await client.post(f"{before.base_url}/chat/completions", json={})
    assert reply.status_code == 200
    leases[1].end()
    pid = before.pid
    await eventually(lambda: not alive(pid), within=10)


async def test_the_base_alone_comes_back_the_same_way(house: Watched, tmp_path: Path) -> None:
    house.server.want(adapter(tmp_path, FIRST))
    await house.server.start()
    await house.until(ready=True)
    house.server.want(None)
    assert (await until_answers(house, None)).ready


async def test_the_last_wish_counts(house: Watched, tmp_path: Path) -> None:
    await house.server.start()
    await house.until(ready=True)
    house.server.want(adapter(tmp_path, FIRST))
    await asyncio.sleep(0)  # its child is being started
    house.server.want(adapter(tmp_path, SECOND))
    assert (await until_answers(house, SECOND)).restarts == 0


@pytest.mark.parametrize(
    ("trait", "why"),
    [
        ("crashes", "ended with 1: these weights fit nothing"),
        ("broken", "cannot load its model"),
        ("mute", "answered with HTTP 404"),
    ],
)
async def test_an_adapter_that_does_not_come_up_changes_nothing_and_says_why(
    house: Watched, tmp_path: Path, trait: str, why: str
) -> None:
    house.server.want(adapter(tmp_path, FIRST))
    await house.server.start()
    before = await house.until(ready=True)
    house.server.want(adapter(tmp_path, SECOND, trait))
    after = await until_refused(house)
    assert after.adapter_failure == f"adapter {SECOND} did not come up: {why}"
    assert (after.adapter, after.pid, after.ready) == (FIRST, before.pid, True)
    assert house.server.wanted == SECOND
    assert house.server.lease().adapter == FIRST


async def test_an_adapter_that_did_not_come_up_is_tried_again(tmp_path: Path) -> None:
    house = Watched(tmp_path, patience=replace(HASTY, first_rest=0.05))
    await house.server.start()
    try:
        await house.until(ready=True)
        files = adapter(tmp_path, FIRST, "crashes")
        house.server.want(files)
        await until_refused(house)
        (files.path / "crashes").unlink()
        assert (await until_answers(house, FIRST)).adapter_failure is None
    finally:
        await house.server.stop()


async def test_at_a_start_the_base_stands_in_for_an_adapter_that_does_not_come_up(
    house: Watched, tmp_path: Path
) -> None:
    house.server.want(adapter(tmp_path, FIRST, "crashes"))
    await house.server.start()
    state = await house.until(ready=True)
    assert state.adapter is None
    assert "these weights fit nothing" in (state.adapter_failure or "")


async def test_after_a_crash_the_child_starts_with_the_incumbent(
    house: Watched, tmp_path: Path
) -> None:
    await house.server.start()
    await house.until(ready=True)
    house.server.want(adapter(tmp_path, FIRST))
    state = await until_answers(house, FIRST)
    assert state.pid is not None
    os.kill(state.pid, signal.SIGKILL)
    assert (await house.until(ready=False)).failure == "was ended by SIGKILL"
    again = await house.until(ready=True)
    assert (again.adapter, again.restarts) == (FIRST, 1)


async def test_after_a_crash_what_answered_last_stands_in_for_an_adapter_that_never_did(
    house: Watched, tmp_path: Path
) -> None:
    house.server.want(adapter(tmp_path, FIRST))
    await house.server.start()
    state = await house.until(ready=True)
    house.server.want(adapter(tmp_path, SECOND, "crashes"))
    await until_refused(house)
    assert state.pid is not None
    os.kill(state.pid, signal.SIGKILL)
    await house.until(ready=False)
    again = await house.until(ready=True)
    assert again.adapter == FIRST
    assert again.adapter_failure is not None


async def test_a_child_that_is_stopped_as_it_starts_leaves_nothing(house: Watched) -> None:
    await house.server.start()
    await asyncio.sleep(0)  # its child is being started; one that is left behind is a warning here
    await house.server.stop()
    assert house.server.pid is None


async def test_stopping_ends_every_child(house: Watched, tmp_path: Path) -> None:
    await house.server.start()
    before = await house.until(ready=True)
    house.server.lease()
    house.server.want(adapter(tmp_path, FIRST))
    after = await until_answers(house, FIRST)
    house.server.want(adapter(tmp_path, SECOND))
    await house.server.stop()
    assert before.pid is not None
    assert after.pid is not None
    assert not alive(before.pid)
    assert not alive(after.pid)
