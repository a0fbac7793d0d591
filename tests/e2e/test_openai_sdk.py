"""The `openai` SDK against a real gateway process: what most clients are built on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

from tests.e2e.conftest import FINAL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam
    from openai.types.chat.chat_completion_message_function_tool_call_param import (
        ChatCompletionMessageFunctionToolCallParam as ToolCall,
    )

    from tests.e2e.conftest import House

pytestmark = pytest.mark.slow

TERMINAL: ChatCompletionToolUnionParam = {
    "type": "function",
    "function": {
        "name": "terminal",
        "description": "Run a shell command",
        "parameters": {"type": "object", "properties": {"command": {"type": "string"}}},
    },
}
ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Please echo hello"}]


@pytest.fixture
async def client(house: House) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=house.base_url, api_key="any", max_retries=0, timeout=20
    ) as client:
        yield client


async def test_a_streamed_turn_with_a_tool_completes(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model="auto", messages=ASK, tools=[TERMINAL]) as turn:
        asked = (await turn.get_final_completion()).choices[0].message
    assert asked.tool_calls is not None
    (call,) = asked.tool_calls
    assert call.function.name == "terminal"
    assert call.function.arguments == '{"command": "echo hello"}'

    said: ToolCall = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.function.name, "arguments": call.function.arguments},
    }
    answered: list[ChatCompletionMessageParam] = [
        *ASK,
        {"role": "assistant", "tool_calls": [said]},
        {"role": "tool", "tool_call_id": call.id, "content": "hello"},
    ]
    async with client.chat.completions.stream(
        model="auto", messages=answered, tools=[TERMINAL]
    ) as turn:
        assert (await turn.get_final_completion()).choices[0].message.content == FINAL


async def test_a_whole_reply_says_which_exchange_it_is(
    client: openai.AsyncOpenAI, house: House
) -> None:
    reply = await client.chat.completions.with_raw_response.create(model="resting", messages=ASK)
    completion = reply.parse()

    assert completion.choices[0].message.content == "A title"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 120
    assert reply.headers["x-request-id"] == reply.headers["x-majordomo-exchange"]
    assert reply.headers["x-majordomo-mode"] == "resting"
    assert house.upstream.bodies[-1]["model"] == "scripted-model"


async def test_usage_comes_last_in_a_stream_that_asks_for_it(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="auto", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 12


async def test_the_aliases_are_listed_with_their_context_length(client: openai.AsyncOpenAI) -> None:
    models = {model.id: model async for model in client.models.list()}

    assert {"auto", "resting", "active"} <= models.keys()
    assert models["auto"].model_dump()["context_length"] == 131_072


async def test_an_unknown_model_is_told_the_names_that_exist(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="resting"):
        await client.chat.completions.create(model="gpt-9", messages=ASK)
