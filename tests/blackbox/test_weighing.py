"""Under `max_quality_loss` home is asked, and its reply goes out once audits prove that it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.blackbox.house import ENV, House
from tests.blackbox.test_holding import FIT, TOOLS, UNFIT, ask, calling, said
from tests.blackbox.test_second_opinion import OTHER, SAME, statuses
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import chat, get

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROOF = 24
"""Replies that are held against the cloud's before the first is handed over (`routers.audit`)."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def weighing(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    settings = house.settings(escalation={"default": "learned", "max_quality_loss": 5})
    home = tmp_path_factory.mktemp("weighing") / "home"
    async with GatewayProcess(home, settings, ENV) as running:
        yield running


async def weighed(weighing: GatewayProcess, id_: str) -> dict[str, Any]:
    """How an exchange was weighed."""
    return (await get(weighing.url, f"/v1/exchanges/{id_}/explain")).json()["weighing"]


async def test_what_differs_is_answered_by_burst_and_told(
    weighing: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(FIT, stream=True))
    house.big.on(mark, calling(OTHER, stream=True))
    house.cloud.on(mark, calling(SAME, stream=True))
    reply = await ask(weighing, mark, stream=True)
    assert house.seen(mark) == ["small", "big", "cloud"]
    assert reply.header("x-majordomo-mode") == "burst"
    assert reply.header("x-majordomo-reason") == "differ"
    assert said(reply, stream=True) == b"".join(fake.tool_events([("call_1", *SAME)]))
    found = await weighing.exchange(reply.exchange_id)
    assert statuses(found) == [("resting", "held"), ("active", "held"), ("burst", "ok")]
    told = await weighed(weighing, reply.exchange_id)
    assert (told["choice"], told["who"], told["agreement"]["same"]) == ("escalate", None, False)
    assert {mode: each["same"] for mode, each in told["beside"].items()} == {
        "resting": True,
        "active": False,
    }
    sentence = (await get(weighing.url, f"/v1/exchanges/{reply.exchange_id}/explain")).json()
    assert "they give the same tools different arguments" in sentence["sentence"]


async def test_an_unfit_reply_is_weighed_as_one(
    weighing: GatewayProcess, house: House, mark: str
) -> None:
    for upstream, call in ((house.small, UNFIT["a broken schema"]), (house.big, FIT)):
        upstream.on(mark, calling(call, stream=False))
    house.cloud.on(mark, calling(FIT, stream=False))
    reply = await ask(weighing, mark, stream=False)
    found = await weighing.exchange(reply.exchange_id)
    assert [status for _, status in statuses(found)][:1] == ["unfit"]
    told = await weighed(weighing, reply.exchange_id)
    assert told["found"]["resting"][0]["code"] == "schema"


async def test_home_answers_once_it_is_proven_and_goes_on_being_audited(
    weighing: GatewayProcess, house: House, mark: str
) -> None:
    async def one(n: int) -> tuple[str, str]:
        for upstream in house.upstreams:
            upstream.on(f"{mark}-{n}.", calling(SAME, stream=False))
        reply = await ask(weighing, f"{mark}-{n}.", stream=False)
        return reply.header("x-majordomo-reason") or "", reply.exchange_id

    first = [await one(n) for n in range(PROOF + 4)]
    assert {reason for reason, _ in first} <= {"benefit", "unproven"}
    assert (await weighed(weighing, first[-1][1]))["propensity"] == 1.0
    async with asyncio.timeout(30):
        n = len(first)
        seen: dict[str, str] = {}
        while not {"agreed", "audit"} <= seen.keys():
            reason, id_ = await one(n := n + 1)
            seen[reason] = id_
            await asyncio.sleep(0.05)
    agreed, audit = [await weighing.exchange(seen[each]) for each in ("agreed", "audit")]
    assert [mode for mode, _ in statuses(agreed)][-1] in ("resting", "active")
    assert statuses(audit)[-1] == ("burst", "ok")
    told = await weighed(weighing, seen["audit"])
    assert told["audited"]
    assert told["beside"]["active"]["same"]
    assert 0 < (await weighed(weighing, seen["agreed"]))["propensity"] < 1


async def test_a_local_model_that_does_not_answer_changes_no_more_than_who_is_asked(
    weighing: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(FIT, stream=False))
    house.big.on(mark, *[fake.failing(500)] * 3)
    house.cloud.on(mark, calling(FIT, stream=False))
    reply = await ask(weighing, mark, stream=False)
    assert reply.status == 200
    assert statuses(await weighing.exchange(reply.exchange_id))[0][0] == "resting"


async def test_what_is_private_stays_home_and_is_not_weighed(
    weighing: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(FIT, stream=False))
    headers = [("x-majordomo-private", "1")]
    reply = await chat(weighing.url, mark, stream=False, tools=TOOLS, headers=headers)
    assert house.seen(mark) == ["big"]
    assert await weighed(weighing, reply.exchange_id) is None
