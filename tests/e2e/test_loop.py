"""The loop closed once, with real processes: Claude answers, a night passes, home answers.

Claude is `FakeClaude`, which speaks the Messages API; the house model, its server, the training and
the gate are the real ones. Few rows and few iterations: the model learns them by heart, which is
all that is asked of it here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import openai
import pytest

from capture.adapters import Adapter, read_adapters, read_pointer, sha256
from tests.support.fake_claude import FakeClaude, Says, Use
from tests.support.gateway_process import GatewayProcess, eventually_async
from tests.support.raw_client import get
from trainer.dataset import DatasetManifest

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionToolUnionParam

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

LAMP: ChatCompletionToolUnionParam = {
    "type": "function",
    "function": {
        "name": "set_lamp",
        "description": "Switch a lamp on or off",
        "parameters": {
            "type": "object",
            "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}},
            "required": ["room", "on"],
        },
    },
}
ROOMS = ("kitchen", "hall", "attic", "study", "cellar", "garage")
WORDS = (("switch on the lamp in the {room}", True), ("{room} lamp off", False))
SETTINGS: dict[str, Any] = {
    "upstreams": {
        "house": {"kind": "house"},
        "claude": {"kind": "anthropic", "api_key_env": "CLAUDE_KEY", "local": False},
    },
    "modes": {
        "resting": {"upstream": "house", "model": "house"},
        "burst": {"upstream": "claude", "model": "claude-sonnet-4-5"},
    },
    "escalation": {"default": "learned"},
    "trainer": {"iters": 60},
}


@dataclass
class Household:
    gateway: GatewayProcess
    claude: FakeClaude
    client: openai.AsyncOpenAI

    @property
    def adapters(self) -> Path:
        return self.gateway.home / "adapters"

    async def day(self) -> list[str]:
        """Every room, both ways, each call carried out. The ids of the exchanges that called."""
        calls: list[str] = []
        for number, room in enumerate(ROOMS):
            for words, on in WORDS:
                use = Use(f"toolu_{number}_{on:d}", "set_lamp", {"room": room, "on": on})
                self.claude.script(Says(uses=[use]), Says(text="Done."))
                calls.append(await self.errand(words.format(room=room)))
        return calls

    async def errand(self, request: str) -> str:
        """One request, its call carried out, and the closing words."""
        asked: list[Any] = [{"role": "user", "content": request}]
        reply = await self.client.chat.completions.create(
            model="auto", messages=asked, tools=[LAMP]
        )
        said = reply.choices[0].message
        assert said.tool_calls
        results: list[Any] = [
            {"role": "tool", "tool_call_id": call.id, "content": '{"success": true}'}
            for call in said.tool_calls
        ]
        await self.client.chat.completions.create(
            model="auto",
            messages=[*asked, cast("Any", said.model_dump(exclude_none=True)), *results],
            tools=[LAMP],
        )
        return reply.id.removeprefix("chatcmpl-")

    async def trained(self) -> Adapter:
        """A night, by hand; the adapter it made."""
        code, printed = await self.gateway.command("train", "now", "--json", within=240)
        assert code == 0, printed
        (adapter,) = read_adapters(self.adapters)
        return adapter

    async def serving(self, adapter: str | None) -> None:
        """Wait until the gateway answers with it."""

        async def look() -> bool | None:
            raw = await self.client.chat.completions.with_raw_response.create(
                model="resting", messages=[{"role": "user", "content": "hello"}], max_tokens=4
            )
            return raw.headers.get("x-majordomo-adapter") == adapter or None

        await eventually_async(look, within=60, what=f"answers by {adapter}")


@pytest.fixture
async def household(tmp_path: Path) -> AsyncGenerator[Household]:
    async with FakeClaude() as claude:
        settings = json.loads(json.dumps(SETTINGS))
        settings["upstreams"]["claude"]["base_url"] = claude.base_url
        gateway = GatewayProcess(tmp_path / "home", settings, env={"CLAUDE_KEY": "sk-ant-x"})
        async with (
            gateway,
            openai.AsyncOpenAI(
                base_url=f"{gateway.url}/v1", api_key="any", max_retries=0, timeout=90
            ) as client,
        ):
            yield Household(gateway, claude, client)


async def test_an_exchange_becomes_a_row_an_adapter_and_an_answer_at_home(
    household: Household,
) -> None:
    exchanges = await household.day()
    first = await household.gateway.exchange(exchanges[0])
    assert first["mode"] == "burst"
    assert first["skill"] == "tool:set_lamp"
    assert await stored_outcome(household, exchanges[0]) == "success"

    adapter = await household.trained()
    assert set(adapter.manifest.dataset_exchanges) <= set(await all_exchanges(household))
    named = dataset_manifest(household.gateway.home)
    trained = {row.id for row in named.train} & set(exchanges)
    held_out = {row.id for row in named.held_out} & set(exchanges)
    assert trained == set(adapter.manifest.dataset_exchanges) & set(exchanges)
    assert trained, "one in five conversations is held out, so not all twelve"
    assert trained | held_out == set(exchanges)
    assert not trained & held_out
    rows = dataset_rows(household.gateway.home)
    lamps = [row for row in rows if "set_lamp" in json.dumps(row["messages"][-1])]
    assert len(lamps) >= len(trained)
    assert sha256(adapter.path / "adapters.safetensors") == adapter.manifest.weights_sha256
    assert adapter.gate is not None
    assert adapter.gate.reasons

    if read_pointer(household.adapters).adapter is None:  # so few rows may not convince the gate
        code, printed = await household.gateway.command(
            "adapters", "promote", adapter.id, "--ungated"
        )
        assert code == 0, printed
    await household.serving(adapter.id)
    raw = await household.client.chat.completions.with_raw_response.create(
        model="resting",
        messages=[{"role": "user", "content": WORDS[0][0].format(room=ROOMS[0])}],
        tools=[LAMP],
        temperature=0,
    )
    calls = raw.parse().choices[0].message.tool_calls
    assert calls
    assert calls[0].type == "function"
    assert calls[0].function.name == "set_lamp"
    record = await household.gateway.exchange(raw.headers["x-request-id"])
    assert record["adapter"] == adapter.id

    code, printed = await household.gateway.command("adapters", "rollback")
    assert code == 0, printed
    await household.serving(None)


async def stored_outcome(household: Household, exchange: str) -> str:
    """What the gateway says became of an exchange, once it says anything."""

    async def look() -> str | None:
        return (await household.gateway.exchange(exchange)).get("outcome")

    return await eventually_async(look, within=10, what=f"the outcome of {exchange}")


async def all_exchanges(household: Household) -> list[str]:
    reply = await get(household.gateway.url, "/v1/exchanges?limit=200")
    return [each["id"] for each in reply.json()["data"]]


def dataset_manifest(home: Path) -> DatasetManifest:
    """Of the only cycle."""
    (path,) = home.glob("training/*/dataset/manifest.json")
    return DatasetManifest.model_validate_json(path.read_bytes())


def dataset_rows(home: Path) -> list[dict[str, Any]]:
    """The training rows of the only cycle."""
    (path,) = home.glob("training/*/dataset/train.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]
