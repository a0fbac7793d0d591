"""A local answer goes out when both local models say the same; else BURST answers. All is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.blackbox.house import ENV, House
from tests.blackbox.test_holding import FIT, TOOLS, UNFIT, ask, calling, said
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import chat, get

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAME = ("weather", '{ "city":"Oslo" }')
OTHER = ("weather", '{"city": "Rome"}')
FURTHER = ("weather", '{"city": "Bonn"}')


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asking(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    settings = house.settings(
        escalation={
            "default": "active",
            "fallback": ["active", "resting", "burst"],
            "verify": "agreement",
        }
    )
    home = tmp_path_factory.mktemp("asking") / "home"
    async with GatewayProcess(home, settings, ENV) as running:
        yield running


def statuses(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["mode"], each["status"]) for each in found["attempts"]]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_same_call_from_both_stays_home(
    asking: GatewayProcess, house: House, mark: str, stream: bool
) -> None:
    house.small.on(mark, calling(FIT, stream=stream))
    house.big.on(mark, calling(SAME, stream=stream))
    reply = await ask(asking, mark, stream=stream)
    assert house.seen(mark) == ["small", "big"]
    assert reply.header("x-majordomo-mode") == "active"
    assert reply.header("x-majordomo-reason") == "agreed"
    if stream:
        assert said(reply, stream=True) == b"".join(fake.tool_events([("call_1", *SAME)]))
    found = await asking.exchange(reply.exchange_id)
    assert statuses(found) == [("resting", "held"), ("active", "ok")]
    assert found["decision"]["second_opinion"] is True
    told = (await get(asking.url, f"/v1/exchanges/{reply.exchange_id}/explain")).json()
    assert told["sentence"].startswith(
        "Answered at home by large-1 (ACTIVE) after tiny-1 was held back "
        "(another local model then said the same): "
    )
    page = await get(asking.url, f"/exchanges/{reply.exchange_id}")
    assert b"held back for a second opinion" in page.body


@pytest.mark.parametrize("stream", [False, True])
async def test_where_they_disagree_burst_answers_and_neither_is_seen(
    asking: GatewayProcess, house: House, mark: str, stream: bool
) -> None:
    house.small.on(mark, calling(OTHER, stream=stream))
    house.big.on(mark, calling(FURTHER, stream=stream))
    house.cloud.on(mark, calling(FIT, stream=stream))
    reply = await ask(asking, mark, stream=stream)
    assert house.seen(mark) == ["small", "big", "cloud"]
    assert reply.header("x-majordomo-reason") == "disagreement"
    if stream:
        assert said(reply, stream=True) == b"".join(fake.tool_events([("call_1", *FIT)]))
    else:
        assert b"Oslo" in reply.body
    found = await asking.exchange(reply.exchange_id)
    assert statuses(found) == [("resting", "held"), ("active", "held"), ("burst", "ok")]
    assert found["attempts"][1]["error"] == (
        "the local models disagree: they give the same tools different arguments"
    )


async def test_words_against_a_call_are_a_disagreement(
    asking: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(FIT, stream=False))
    assert (await ask(asking, mark, stream=False)).header("x-majordomo-mode") == "burst"


async def test_words_against_other_words_are_none(
    asking: GatewayProcess, house: House, mark: str
) -> None:
    house.big.on(mark, fake.reply_json(fake.completion("It may well rain there")))
    words = await ask(asking, mark, stream=False)
    assert words.header("x-majordomo-mode") == "active"
    assert house.seen(mark) == ["small", "big"]


async def test_an_unfit_call_is_nobodys_opinion(
    asking: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(UNFIT["unknown tool"], stream=False))
    house.big.on(mark, calling(FIT, stream=False))
    reply = await ask(asking, mark, stream=False)
    assert house.seen(mark) == ["small", "big", "cloud"]
    assert reply.header("x-majordomo-mode") == "burst"
    assert reply.header("x-majordomo-reason") == "unconfirmed"


async def test_without_burst_the_client_gets_what_the_house_said_last_and_the_record_says_so(
    asking: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(FIT, stream=True))
    house.big.on(mark, calling(OTHER, stream=True))
    house.cloud.on(mark, fake.failing(500))
    reply = await ask(asking, mark, stream=True)
    assert reply.status == 200
    assert said(reply, stream=True) == b"".join(fake.tool_events([("call_1", *OTHER)]))
    found = await asking.exchange(reply.exchange_id)
    assert statuses(found)[-1] == ("active", "ok")
    assert any("no second opinion confirms it" in note for note in found["notes"])


async def test_a_fit_reply_is_preferred_to_an_unfit_one_where_burst_fails(
    asking: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(FIT, stream=False))
    house.big.on(mark, calling(UNFIT["unknown tool"], stream=False))
    house.cloud.on(mark, fake.failing(500))
    reply = await ask(asking, mark, stream=False)
    assert reply.header("x-majordomo-mode") == "resting"
    assert b"Oslo" in reply.body


@pytest.mark.parametrize(
    ("private", "asked"), [(True, "auto"), (False, "resting"), (False, "active")]
)
async def test_no_second_opinion_is_asked_where_nothing_comes_after_it(
    asking: GatewayProcess, house: House, mark: str, private: bool, asked: str
) -> None:
    for upstream in (house.small, house.big):
        upstream.on(mark, calling(FIT, stream=False))
    headers = [("X-Majordomo-Private", "1")] if private else []
    reply = await chat(asking.url, mark, model=asked, stream=False, tools=TOOLS, headers=headers)
    assert len(house.seen(mark)) == 1
    assert b"Oslo" in reply.body
