"""The stand-in for Claude, asked directly: what the household would get if all went to BURST."""

from __future__ import annotations

import json
from typing import Self

import httpx2

from scripts.demo.gateway import PRICED_AS
from scripts.demo.household import Reply
from scripts.demo.skills import Json


class Direct:
    """Asks the Messages API, without Majordomo in between."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx2.Client(base_url=base_url, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, messages: list[Json], tools: list[Json]) -> Reply:
        """One reply, not streamed."""
        body = {
            "model": PRICED_AS,
            "max_tokens": 512,
            "system": messages[0]["content"],
            "messages": [_turn(message) for message in messages[1:]],
            "tools": [_tool(tool["function"]) for tool in tools],
        }
        headers = {"x-api-key": "stand-in", "anthropic-version": "2023-06-01"}
        answered = self._client.post("/v1/messages", json=body, headers=headers)
        answered.raise_for_status()
        return Reply(_message(answered.json()["content"]), "", None)


def _tool(function: Json) -> Json:
    return {
        "name": function["name"],
        "description": function["description"],
        "input_schema": function["parameters"],
    }


def _turn(message: Json) -> Json:
    """An OpenAI message as the Messages API has it."""
    if message["role"] == "tool":
        result = {"type": "tool_result", "tool_use_id": message["tool_call_id"]}
        return {"role": "user", "content": [{**result, "content": message["content"]}]}
    if not message.get("tool_calls"):
        return {"role": message["role"], "content": message["content"]}
    uses = [
        {
            "type": "tool_use",
            "id": call["id"],
            "name": call["function"]["name"],
            "input": json.loads(call["function"]["arguments"]),
        }
        for call in message["tool_calls"]
    ]
    return {"role": "assistant", "content": uses}


def _message(content: list[Json]) -> Json:
    """A reply's blocks as an OpenAI message."""
    text = "".join(block["text"] for block in content if block["type"] == "text")
    calls = [
        {
            "id": block["id"],
            "type": "function",
            "function": {"name": block["name"], "arguments": json.dumps(block["input"])},
        }
        for block in content
        if block["type"] == "tool_use"
    ]
    message: Json = {"role": "assistant", "content": text or None}
    return {**message, "tool_calls": calls} if calls else message
