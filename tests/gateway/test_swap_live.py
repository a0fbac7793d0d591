"""A real gateway, real `mlx_lm.server` children and real LoRA weights: the adapter changes while
streams and requests are under way, and nobody notices."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.upstreams.house_model import HOUSE_MODEL_DIR, unusable
from tests.support.gateway_process import GatewayProcess, eventually_async
from tests.support.lora import publish_random

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(unusable(HOUSE_MODEL_DIR) is not None, reason="no mlx-lm here"),
]
MODEL = "small"
SETTINGS: dict[str, Any] = {
    "upstreams": {"house": {"kind": "house", "models": {MODEL: {"context_length": 2048}}}},
    "modes": {"resting": {"upstream": "house", "model": MODEL}},
}
PATIENCE = 90.0
"""Seconds for what takes three when nothing else runs here."""


@dataclass
class Household:
    """A gateway that serves the house model, and a client of it."""

    gateway: GatewayProcess
    client: httpx2.AsyncClient

    @property
    def registry(self) -> Path:
        return self.gateway.home / "adapters"

    def adapter(self, seed: int, weights: bytes | None = None) -> str:
        """Publish an adapter; its id."""
        made = self.gateway.home.parent / f"made-{seed}"
        return publish_random(self.registry, made, HOUSE_MODEL_DIR, seed=seed, weights=weights).id

    async def command(self, *arguments: str) -> str:
        code, printed = await self.gateway.command("adapters", *arguments, within=60)
        assert code == 0, printed
        return printed

    async def status(self) -> dict[str, Any]:
        return (await self.client.get("/v1/status")).json()["house"]

    async def until_answers(self, id_: str | None) -> None:
        async def look() -> bool:
            said = await self.status()
            return bool(said["ready"]) and said["adapter"] == id_

        await eventually_async(look, within=PATIENCE, what=f"{id_} answers")

    async def ask(self, tokens: int = 12) -> Answer:
        reply = await self.client.post("/v1/chat/completions", json=body(tokens, stream=False))
        assert reply.status_code == 200, reply.text
        return Answer(
            reply.headers["x-majordomo-exchange"],
            reply.headers.get("x-majordomo-adapter"),
            json.dumps(reply.json()["choices"][0]["message"]),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    exchange: str
    adapter: str | None
    message: str


@dataclass
class Stream:
    """A reply under way."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    exchange: str = ""
    adapter: str | None = None
    text: str = ""

    async def hold(self, household: Household, tokens: int) -> None:
        asked = body(tokens, stream=True)
        async with household.client.stream("POST", "/v1/chat/completions", json=asked) as reply:
            assert reply.status_code == 200
            self.exchange = reply.headers["x-majordomo-exchange"]
            self.adapter = reply.headers.get("x-majordomo-adapter")
            async for piece in reply.aiter_text():
                self.text += piece
                if '"content"' in self.text:
                    self.begun.set()

    @property
    def ended(self) -> bool:
        return self.text.endswith("data: [DONE]\n\n")


def body(tokens: int, *, stream: bool) -> dict[str, Any]:
    """A request for exactly so many tokens: its end is made impossible."""
    end: int = json.loads((HOUSE_MODEL_DIR / "config.json").read_text())["eos_token_id"]
    return {
        "model": "auto",
        "messages": [{"role": "user", "content": "Tell me a story about a fox"}],
        "max_tokens": tokens,
        "temperature": 0.0,
        "stream": stream,
        "logit_bias": {str(end): -100},
    }


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    async with (
        GatewayProcess(tmp_path / "home", SETTINGS) as gateway,
        httpx2.AsyncClient(base_url=gateway.url, trust_env=False, timeout=PATIENCE) as client,
    ):
        yield Household(gateway, client)


async def test_the_adapter_changes_under_load_and_no_stream_nor_request_notices(
    household: Household,
) -> None:
    id_ = household.adapter(1)
    before = await household.ask()
    assert before.adapter is None
    changed = asyncio.Event()
    streams: list[Stream] = []

    async def one_after_the_other(tokens: int) -> None:
        while not changed.is_set():
            streams.append(Stream())
            await streams[-1].hold(household, tokens)

    busy = [asyncio.create_task(one_after_the_other(tokens)) for tokens in (600, 700, 800)]
    await asyncio.sleep(0)
    await streams[0].begun.wait()
    await household.command("promote", id_)
    answers = [await household.ask()]
    while answers[-1].adapter is None:  # each is a 200, or `ask` fails
        answers.append(await household.ask())
    changed.set()
    held = next(each for each in streams if each.exchange and not each.adapter and not each.ended)
    said_before = len(held.text)
    await asyncio.gather(*busy)
    assert all(each.ended for each in streams)
    assert {each.adapter for each in streams} <= {None, id_}
    assert len(held.text) > said_before
    assert answers[-1].adapter == id_
    assert answers[-1].message != before.message
    assert {answer.message for answer in answers[:-1]} == {before.message}
    for exchange, adapter in ((held.exchange, None), (answers[-1].exchange, id_)):
        recorded = await household.gateway.exchange(exchange)
        assert recorded["status"] == "ok"
        assert [attempt["adapter"] for attempt in recorded["attempts"]] == [adapter]


async def test_an_adapter_that_cannot_be_loaded_is_survived_and_told(household: Household) -> None:
    good, bad = household.adapter(1), household.adapter(2, weights=b"no weights at all")
    await household.command("promote", good)
    await household.until_answers(good)
    await household.command("promote", bad)

    async def told() -> str | None:
        assert (await household.ask(2)).adapter == good
        return (await household.status())["adapter_failure"]

    failure = await eventually_async(told, within=PATIENCE)
    assert f"adapter {bad} did not come up" in failure
    said = await household.status()
    assert (said["adapter"], said["adapter_wanted"]) == (good, bad)
    code, printed = await household.gateway.command("status")
    assert code == 0
    assert f"goes on with adapter {good}" in printed
    await household.command("rollback")

    async def well() -> bool:
        return (await household.status())["adapter_failure"] is None

    await eventually_async(well, within=PATIENCE)
    assert (await household.ask(2)).adapter == good


async def test_after_a_crash_and_after_a_restart_the_incumbent_answers_at_once(
    household: Household,
) -> None:
    id_ = household.adapter(1)
    await household.command("promote", id_)
    await household.until_answers(id_)
    pid = (await household.status())["pid"]
    os.kill(pid, signal.SIGKILL)

    async def another() -> bool:
        said = await household.status()
        return said["restarts"] == 1 and said["ready"]

    await eventually_async(another, within=PATIENCE)
    assert (await household.ask(2)).adapter == id_
    await household.gateway.restart()
    async with httpx2.AsyncClient(
        base_url=household.gateway.url, trust_env=False, timeout=PATIENCE
    ) as client:
        again = Household(household.gateway, client)
        assert (await again.ask(2)).adapter == id_
        await again.command("rollback")
        await again.until_answers(None)
        assert (await again.ask(2)).adapter is None
