"""Feedback, from outside: durable once taken, only by who may give it, by API, command and page."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.house import ENV, House
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import Pairs, Reply, call, chat, get

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def say(url: str, headers: Pairs = (), **body: Any) -> Reply:
    return await call(url, "POST", "/v1/feedback", json.dumps(body).encode(), headers)


async def told(url: str, exchange: str, headers: Pairs = ()) -> list[dict[str, Any]]:
    reply = await get(url, f"/v1/feedback?exchange={exchange}", headers)
    assert reply.status == 200
    return reply.json()["data"]


async def test_feedback_is_taken_right_after_the_reply_and_while_it_streams(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    for _ in range(10):
        reply = await chat(gateway.url, mark)
        assert (await say(gateway.url, exchange=reply.exchange_id, value=True)).status == 201
    gate = asyncio.Event()

    async def waits(call: Any) -> None:
        await gate.wait()
        await house.small.default(call)

    house.small.on(mark + " slow", waits)
    asked = asyncio.create_task(chat(gateway.url, mark + " slow"))
    listed: list[dict[str, Any]] = []
    while not listed:
        listed = (await get(gateway.url, "/v1/exchanges?status=open")).json()["data"]
    flying = listed[0]["id"]
    assert (await say(gateway.url, exchange=flying, value=False)).status == 201
    gate.set()
    assert (await asked).exchange_id == flying
    assert (await gateway.exchange(flying))["outcome"] == "failure"


async def test_what_was_taken_survives_kill_9_and_is_said_once(
    house: House, home: Path, mark: str
) -> None:
    gateway = GatewayProcess(home, house.settings(), ENV)
    await gateway.start()
    try:
        given: dict[str, str] = {}
        for number in range(3):
            for turn in range(8):
                reply = await chat(gateway.url, f"{mark} {number} {turn}")
                name = f"{number}-{turn}"
                taken = await say(
                    gateway.url, exchange=reply.exchange_id, value=True, idempotency_key=name
                )
                assert taken.status == 201
                given[reply.exchange_id] = taken.json()["id"]
            await gateway.kill()
            await gateway.start()
        for exchange, id_ in given.items():
            assert [each["id"] for each in await told(gateway.url, exchange)] == [id_]
            assert (await gateway.exchange(exchange))["outcome"] == "success"
        last, id_ = list(given.items())[-1]
        again = await say(gateway.url, exchange=last, value=True, idempotency_key="2-7")
        assert (again.status, again.json()["id"]) == (200, id_)
    finally:
        await gateway.stop()


async def test_another_key_s_exchange_does_not_exist_and_the_command_line_speaks_for_the_house(
    house: House, home: Path, mark: str
) -> None:
    gateway = GatewayProcess(home, house.settings(), ENV)
    mine = [("Authorization", f"Bearer {await gateway.new_key('hermes')}")]
    other = [("Authorization", f"Bearer {await gateway.new_key('laptop')}")]
    async with gateway:
        reply = await chat(gateway.url, mark, headers=mine)
        id_ = reply.exchange_id
        assert (await say(gateway.url, exchange=id_, value=True)).status == 401
        refused = await say(gateway.url, other, exchange=id_, value=True)
        assert (refused.status, refused.error["code"]) == (404, "exchange_not_found")
        assert (await get(gateway.url, f"/v1/feedback?exchange={id_}", other)).status == 404
        taken = await say(gateway.url, mine, exchange=id_, value=True)
        assert (taken.status, taken.json()["key"]) == (201, "hermes")
        code, printed = await gateway.command("feedback", id_, "--bad", "--comment", "too short")
        assert (code, printed) == (0, "taken: majordomo-cli: bad; too short\n")
        assert [each["key"] for each in await told(gateway.url, id_, mine)] == [
            "majordomo-cli",
            "hermes",
        ]


async def test_a_demonstration_goes_from_a_file_to_the_training_data(
    house: House, home: Path, mark: str
) -> None:
    gateway = GatewayProcess(home, house.settings(), ENV)
    async with gateway:
        id_ = (await chat(gateway.url, mark)).exchange_id
        wanted = home.with_name("reply.txt")
        wanted.write_text("Half past six.\n")
        code, printed = await gateway.command("feedback", id_, "--demonstration", str(wanted))
        assert (code, printed) == (
            0,
            "taken: the local user: it should have been: Half past six.\n",
        )
        code, printed = await gateway.command("feedback", id_, "--list", "--json")
        assert json.loads(printed)["data"][0]["demonstration"] == "Half past six.\n"
        code, printed = await gateway.command("feedback", id_, "--list", "--conversation")
        assert printed == "the local user: it should have been: Half past six.\n"
        code, printed = await gateway.command("export", "--format", "chat", "--out", "-")
        assert json.loads(printed)["messages"][-1]["content"] == "Half past six.\n"


@pytest.mark.parametrize("origin", ["https://evil.test", "null", None])
async def test_a_form_of_another_site_is_refused(
    gateway: GatewayProcess, mark: str, origin: str | None
) -> None:
    id_ = (await chat(gateway.url, mark)).exchange_id
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    named = [] if origin is None else [("Origin", origin)]
    path = f"/exchanges/{id_}/feedback"
    refused = await call(gateway.url, "POST", path, b"value=good", [*headers, *named])
    assert refused.status == 403
    assert await told(gateway.url, id_) == []
    own = [*headers, ("Origin", gateway.url)]
    assert (await call(gateway.url, "POST", path, b"value=good", own)).status == 303
    assert [each["source"] for each in await told(gateway.url, id_)] == ["page"]


async def test_feedback_of_another_site_s_script_is_refused(
    gateway: GatewayProcess, mark: str
) -> None:
    id_ = (await chat(gateway.url, mark)).exchange_id
    for origin in ("https://evil.test", "null"):
        headers = [("Origin", origin), ("Content-Type", "text/plain")]
        assert (await say(gateway.url, headers, exchange=id_, value=True)).status == 403
    assert await told(gateway.url, id_) == []
