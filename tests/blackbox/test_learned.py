"""`learned`: what nobody has proven at home goes to BURST; what has been proven there stays."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.blackbox.house import ENV, House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess, eventually_async
from tests.support.raw_client import Reply, call, chat, get

pytestmark = pytest.mark.asyncio(loop_scope="session")

Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def learned(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    settings = house.settings(
        escalation={"default": "learned", "history": {"home_at": 0.7}, "fallback": ["resting"]}
    )
    home = tmp_path_factory.mktemp("learned") / "home"
    async with GatewayProcess(home, settings, ENV) as running:
        yield running


def tool(name: str) -> Json:
    parameters = {"type": "object", "properties": {"minutes": {"type": "integer"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def call_of(name: str, number: int) -> Json:
    function = {"name": name, "arguments": json.dumps({"minutes": number})}
    return {"id": f"call_{name}_{number}", "type": "function", "function": function}


def calling(name: str, number: int) -> fake.Script:
    message = {"role": "assistant", "content": None, "tool_calls": [call_of(name, number)]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return fake.reply_json(fake.completion(choices=[choice]))


async def work(
    gateway: GatewayProcess, house: House, name: str, number: int, *, result: str
) -> None:
    """One small conversation with RESTING: a request, its tool call, the tool's result."""
    prompt = f"{name} {number}"
    house.small.on(prompt, calling(name, number), fake.reply_json(fake.completion("Done.")))
    tools = [tool(name)]
    await chat(gateway.url, prompt, model="resting", tools=tools)
    messages = [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": None, "tool_calls": [call_of(name, number)]},
        {"role": "tool", "tool_call_id": f"call_{name}_{number}", "content": result},
    ]
    body = json.dumps({"model": "resting", "messages": messages, "tools": tools}).encode()
    reply = await call(gateway.url, "POST", "/v1/chat/completions", body)
    assert reply.status == 200


async def ask(gateway: GatewayProcess, mark: str, name: str) -> Reply:
    return await chat(gateway.url, mark, tools=[tool(name)])


async def sentence(gateway: GatewayProcess, reply: Reply) -> str:
    await gateway.exchange(reply.exchange_id)
    found = await get(gateway.url, f"/v1/exchanges/{reply.exchange_id}/explain")
    return found.json()["sentence"]


async def test_an_unknown_skill_goes_to_burst_and_the_reason_is_told(
    learned: GatewayProcess, house: House, mark: str
) -> None:
    reply = await ask(learned, mark, "never_seen")
    assert house.seen(mark) == ["cloud"]
    assert reply.header("x-majordomo-mode") == "burst"
    assert reply.header("x-majordomo-reason") == "history"
    assert await sentence(learned, reply) == (
        "Answered by cloud-1 at cloud (BURST): `tiny-1` was never tried on `tool:never_seen`: "
        "its posterior is 0.5, and 0.7 is asked to stay home."
    )
    found = await learned.exchange(reply.exchange_id)
    assert found["decision"]["skill"] == "tool:never_seen"
    assert found["decision"]["confidence"] == 0.5


async def test_a_skill_that_went_well_at_home_stays_there(
    learned: GatewayProcess, house: House, mark: str
) -> None:
    for number in range(4):
        await work(learned, house, "set_timer", number, result='{"ok": true}')

    async def at_home() -> Reply | None:
        reply = await ask(learned, mark, "set_timer")
        return reply if reply.header("x-majordomo-mode") == "resting" else None

    reply = await eventually_async(at_home, within=15, what="the skill is known")
    assert reply.header("x-majordomo-reason") == "history"
    told = await sentence(learned, reply)
    assert told.startswith("Answered at home by tiny-1 (RESTING): `tiny-1` did well ")
    assert told.endswith(", and 0.7 is enough.")


async def test_a_skill_that_went_wrong_at_home_goes_to_burst(
    learned: GatewayProcess, house: House, mark: str
) -> None:
    for number in range(3):
        await work(learned, house, "send_mail", number, result='{"error": "no such address"}')

    async def known() -> bool:
        reply = await ask(learned, mark, "send_mail")
        assert reply.header("x-majordomo-mode") == "burst"
        return "`large-1` was never tried" in await sentence(learned, reply)

    await eventually_async(known, within=15, what="the best left is the model never tried")
    assert set(house.seen(mark)) == {"cloud"}


async def test_what_was_learned_outlives_a_restart(
    learned: GatewayProcess, house: House, mark: str
) -> None:
    await learned.restart()
    reply = await ask(learned, mark, "set_timer")
    assert reply.header("x-majordomo-mode") == "resting"
