"""An upstream that asks for patience gets it; one that keeps failing is rested and probed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.blackbox.house import ENV, House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import Reply, chat

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLACES = ("by-seconds", "by-date", "alone", "long", "fragile")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def patient(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    """Its modes rest after two failures; each of `PLACES` is `small` under a name of its own."""
    settings = house.settings()
    rests = {"failures": 2, "rest_seconds": 0.5}
    for upstream in settings["upstreams"].values():
        upstream["circuit"] = rests
    settings["upstreams"]["small"]["deadlines"] = {"first_token": 1.0}
    for place in PLACES:
        settings["upstreams"][place] = dict(settings["upstreams"]["small"])
    settings["upstreams"]["fragile"]["circuit"] = {"failures": 2, "rest_seconds": 1.5}
    settings["models"] = {place: {"upstream": place, "model": "tiny-1"} for place in PLACES}
    home = tmp_path_factory.mktemp("patient") / "home"
    async with GatewayProcess(home, settings, ENV) as running:
        yield running


# ---------------------------------------------------------------- Retry-After


async def test_retry_after_is_obeyed_in_seconds_and_as_a_date(
    patient: GatewayProcess, house: House, mark: str
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2.2), usegmt=True)

    async def one(place: str, value: str) -> None:
        prompt = f"{mark}-{place}"
        house.small.on(prompt, fake.failing(429, headers={"retry-after": value}), fake.polite)
        reply = await chat(patient.url, prompt, model=place)
        assert reply.status == 200, reply.body
        first, second = [call.at for call in house.small.seen(prompt)]
        assert 0.98 <= second - first < 3.5
        found = await patient.exchange(reply.exchange_id)
        assert [a["http_status"] for a in found["attempts"]] == [429, 200]

    await asyncio.gather(one("by-seconds", "1"), one("by-date", later))


async def test_a_429_with_nowhere_else_to_go_reaches_the_client_with_its_retry_after(
    patient: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.failing(429, "slow down", headers={"retry-after": "77"}))
    reply = await chat(patient.url, mark, model="long")
    assert reply.status == 429
    assert float(reply.header("retry-after") or "0") == pytest.approx(77, abs=2)
    assert reply.error["who"] == "upstream"
    assert "slow down" in reply.error["message"]
    assert len(house.seen(mark)) == 1


@pytest.mark.parametrize(
    "status", [429, *(pytest.param(status, marks=pytest.mark.slow) for status in (503, 529))]
)
async def test_a_long_retry_after_sends_this_and_the_next_requests_elsewhere_at_once(
    house: House, home: Path, mark: str, status: int
) -> None:
    async with GatewayProcess(home, house.settings(), ENV) as gateway:
        house.small.on(mark, fake.failing(status, headers={"retry-after": "3600"}))
        reply = await chat(gateway.url, mark)
        assert (reply.status, reply.header("x-majordomo-mode")) == (200, "active")
        assert reply.seconds < 1
        assert house.seen(mark) == ["small", "big"]
        again = await chat(gateway.url, mark + "-again")
        assert again.header("x-majordomo-mode") == "active"
        assert house.seen(mark + "-again") == ["big"], "asked again before its Retry-After"


# ---------------------------------------------------------------- circuits


async def _probes(gateway: GatewayProcess, house: House, mark: str, model: str) -> list[Reply]:
    """Ask until one request probes the upstream, hold it there, ask on; all the replies."""
    gate = asyncio.Event()

    async def held(call: fake.Call) -> None:
        await gate.wait()
        await fake.polite(call)

    house.small.on(mark, held)
    before = len(house.small.seen(mark))
    until = time.monotonic() + 3
    asked: list[asyncio.Task[Reply]] = []
    while len(house.small.seen(mark)) == before and time.monotonic() < until:
        asked.append(asyncio.create_task(chat(gateway.url, mark, model=model)))
        await asyncio.sleep(0.1)
    asked += [asyncio.create_task(chat(gateway.url, mark, model=model)) for _ in range(5)]
    await asyncio.wait(asked, timeout=0.5)
    assert len(house.small.seen(mark)) == before + 1, "exactly one request probes"
    gate.set()
    return await asyncio.gather(*asked)


async def test_a_failing_mode_is_rested_while_others_answer_and_then_probed_by_one_request(
    patient: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.failing(500))
    replies = [await chat(patient.url, mark) for _ in range(5)]
    assert {reply.status for reply in replies} == {200}
    assert len(house.small.seen(mark)) == 2, "the circuit opens at two failures in a row"
    modes = [
        reply.header("x-majordomo-mode") for reply in await _probes(patient, house, mark, "auto")
    ]
    assert modes.count("resting") == 1
    assert set(modes) == {"resting", "active"}
    assert (await chat(patient.url, mark)).header("x-majordomo-mode") == "resting"


async def test_a_failing_upstream_that_nothing_can_replace_is_left_in_peace_too(
    patient: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.failing(500))
    replies = [await chat(patient.url, mark, model="fragile") for _ in range(4)]
    assert len(house.small.seen(mark)) == 2, "the circuit opens at two failures in a row"
    assert (replies[-1].status, replies[-1].error["who"]) == (503, "gateway")
    assert float(replies[-1].header("retry-after") or "-1") >= 0
    statuses = [reply.status for reply in await _probes(patient, house, mark, "fragile")]
    assert statuses.count(200) == 1
    assert (await chat(patient.url, mark, model="fragile")).status == 200


async def test_requests_at_fault_and_clients_that_leave_are_no_failures_of_an_upstream(
    patient: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark + "-bad", fake.failing(400))
    house.small.on(mark + "-gone", fake.silent)
    for _ in range(3):
        assert (await chat(patient.url, mark + "-bad")).status == 400
        with pytest.raises(TimeoutError):
            await chat(patient.url, mark + "-gone", within=0.1)
    assert (await chat(patient.url, mark)).header("x-majordomo-mode") == "resting"


async def test_a_mode_that_does_not_answer_in_time_is_replaced_by_the_next(
    patient: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.silent)
    reply = await chat(patient.url, mark)
    assert (reply.status, reply.header("x-majordomo-mode")) == (200, "active")
    found = await patient.exchange(reply.exchange_id)
    assert [(a["mode"], a["status"]) for a in found["attempts"]] == [
        ("resting", "timeout"),
        ("active", "ok"),
    ]
