"""Claude behind a real gateway process: tools, thinking, money and failure, seen with the SDK."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.support.fake_claude import Breaks, Fails, FakeClaude, Says, Use
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import get

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam

pytestmark = pytest.mark.slow

MODEL = "claude-sonnet-4-5"
WEATHER: ChatCompletionToolUnionParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASK: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Is it raining in Paris?"},
]


@dataclass
class Hired:
    claude: FakeClaude
    gateway: GatewayProcess
    client: openai.AsyncOpenAI

    async def record(self, reply: object) -> dict[str, Any]:
        """The stored exchange behind an SDK reply's id."""
        exchange = str(getattr(reply, "id", reply)).removeprefix("chatcmpl-")
        return await self.gateway.exchange(exchange)


@pytest.fixture
async def hired(tmp_path: Path) -> AsyncGenerator[Hired]:
    async with FakeClaude() as claude:
        settings = {
            "upstreams": {
                "claude": {
                    "kind": "anthropic",
                    "base_url": claude.base_url,
                    "api_key_env": "CLAUDE_KEY",
                    "local": False,
                }
            },
            "modes": {"burst": {"upstream": "claude", "model": MODEL}},
            "escalation": {"default": "burst", "budget": {"day_usd": 0.5}},
            "retries": {"attempts": 2},
        }
        gateway = GatewayProcess(tmp_path / "home", settings, env={"CLAUDE_KEY": "sk-ant-secret"})
        async with (
            gateway,
            openai.AsyncOpenAI(
                base_url=f"{gateway.url}/v1", api_key="any", max_retries=0, timeout=20
            ) as client,
        ):
            yield Hired(claude, gateway, client)


async def test_a_tool_turn_keeps_its_thinking_its_order_and_its_price(hired: Hired) -> None:
    hired.claude.script(
        Says(
            text="I will look.",
            thinking="Two cities, to be sure.",
            uses=[Use("toolu_1", "weather", {"city": "Paris"}), Use("toolu_2", "weather", {})],
            input_tokens=1000,
            output_tokens=100,
        ),
        Says(text="No rain."),
    )
    async with hired.client.chat.completions.stream(
        model="auto",
        messages=ASK,
        tools=[WEATHER],
        max_tokens=2000,
        stream_options={"include_usage": True},
        extra_body={"reasoning_effort": "high"},
    ) as turn:
        first = await turn.get_final_completion()
    message = first.choices[0].message
    assert message.content == "I will look."
    assert getattr(message, "reasoning_content", None) == "Two cities, to be sure."
    assert first.choices[0].finish_reason == "tool_calls"
    calls = [call for call in message.tool_calls or [] if call.type == "function"]
    assert [(c.id, c.function.arguments) for c in calls] == [
        ("toolu_1", '{"city": "Paris"}'),
        ("toolu_2", "{}"),
    ]
    assert first.usage is not None
    assert first.usage.prompt_tokens == 1000

    answered: list[Any] = [
        *ASK,
        {
            "role": "assistant",
            "content": message.content,
            "tool_calls": [
                {"id": c.id, "type": "function", "function": c.function.model_dump()} for c in calls
            ],
        },
        {"role": "tool", "tool_call_id": "toolu_2", "content": "unknown"},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "dry"},
    ]
    last = await hired.client.chat.completions.create(
        model="auto",
        messages=answered,
        tools=[WEATHER],
        max_tokens=2000,
        extra_body={"reasoning_effort": "high"},
    )
    assert last.choices[0].message.content == "No rain."
    sent = hired.claude.requests[-1].body
    blocks = [block["type"] for block in sent["messages"][1]["content"]]
    assert blocks == ["thinking", "text", "tool_use", "tool_use"]
    results = sent["messages"][2]["content"]
    assert [block["tool_use_id"] for block in results] == ["toolu_1", "toolu_2"]

    record = await hired.record(first)
    assert record["cost_usd"] == pytest.approx(1000 * 3e-6 + 100 * 15e-6)
    assert [call["name"] for call in record["reply"]["tool_calls"]] == ["weather", "weather"]
    assert record["attempts"][0]["upstream_request_id"] == "req_fake"


async def test_an_overloaded_claude_is_tried_again_and_each_try_is_on_record(hired: Hired) -> None:
    hired.claude.script(Fails(529, "overloaded_error", "Overloaded"), Says(text="Here now."))
    reply = await hired.client.chat.completions.create(model="auto", messages=ASK, max_tokens=50)
    assert reply.choices[0].message.content == "Here now."
    attempts = (await hired.record(reply))["attempts"]
    assert [(a["status"], a["http_status"]) for a in attempts] == [("http_error", 529), ("ok", 200)]


async def test_a_stream_that_breaks_is_told_in_band(hired: Hired) -> None:
    hired.claude.script(Breaks(Says(text="Half of a reply"), 4, ("overloaded_error", "Overloaded")))
    stream = await hired.client.chat.completions.create(
        model="auto", messages=ASK, max_tokens=50, stream=True
    )
    with pytest.raises(openai.APIError, match="Overloaded"):
        async for _ in stream:
            pass


async def test_what_the_budget_does_not_cover_is_not_sent(hired: Hired) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        await hired.client.chat.completions.create(model="auto", messages=ASK, max_tokens=64_000)
    assert refused.value.status_code in (402, 503)
    assert "budget" in str(refused.value)
    assert hired.claude.requests == []


async def test_a_private_request_never_reaches_claude(hired: Hired) -> None:
    with pytest.raises(openai.APIStatusError):
        await hired.client.chat.completions.create(
            model="burst", messages=ASK, extra_headers={"x-majordomo-private": "1"}
        )
    assert hired.claude.requests == []


async def test_the_decision_is_explained_in_a_sentence(hired: Hired) -> None:
    reply = await hired.client.chat.completions.with_raw_response.create(
        model="auto", messages=ASK, max_tokens=50
    )
    exchange = reply.headers["x-majordomo-exchange"]
    assert reply.headers["x-majordomo-mode"] == "burst"
    await hired.record(exchange)
    explained = (await get(hired.gateway.url, f"/v1/exchanges/{exchange}/explain")).json()
    assert MODEL in str(explained)
    code, said = await hired.gateway.command("explain", exchange)
    assert code == 0
    assert "default" in said
    assert "sk-ant-secret" not in hired.gateway.log + said


async def test_thinking_survives_a_restart_of_the_gateway(hired: Hired) -> None:
    use = Use("toolu_9", "weather", {"city": "Oslo"})
    thought = Says(text="Looking.", thinking="Oslo, then.", uses=[use])
    hired.claude.script(thought, Says(text="Dry."))
    think = {"reasoning_effort": "high"}
    first = await hired.client.chat.completions.create(
        model="auto", messages=ASK, tools=[WEATHER], max_tokens=3000, extra_body=think
    )
    await hired.record(first)
    await hired.gateway.restart()
    call = (first.choices[0].message.tool_calls or [])[0]
    again: list[Any] = [
        *ASK,
        {"role": "assistant", "content": "Looking.", "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": "toolu_9", "content": "dry"},
    ]
    async with openai.AsyncOpenAI(
        base_url=f"{hired.gateway.url}/v1", api_key="any", max_retries=0, timeout=20
    ) as client:
        await client.chat.completions.create(
            model="auto", messages=again, tools=[WEATHER], max_tokens=3000, extra_body=think
        )
    restored = hired.claude.requests[-1].body["messages"][1]["content"][0]
    assert restored == {
        "type": "thinking",
        "thinking": "Oslo, then.",
        "signature": "sig-Oslo, then.",
    }
