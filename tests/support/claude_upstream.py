"""Short ways to ask the Claude upstream one thing in a test."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.settings import UpstreamSettings
from gateway.thinking import ThinkingStore
from gateway.upstreams.anthropic import Anthropic
from gateway.upstreams.base import ChatRequest, Prepared

JsonObject = dict[str, Any]

BUDGET = "claude-haiku-4-5"
"""A model that thinks on a budget, when asked."""
ADAPTIVE = "claude-opus-4-8"
"""A model that thinks as much as it likes, when asked, and takes system messages between turns."""
UNASKED = "claude-opus-5"
"""A model that thinks unless told not to."""
BOUND = "claude-opus-5-5"
"""A model that always thinks, and refuses its thinking when what came before it has changed."""


def upstream(memory: ThinkingStore | None = None, **settings: Any) -> Anthropic:
    """The upstream named `claude`."""
    known = UpstreamSettings(kind="anthropic", api_key_env="ANTHROPIC_API_KEY", **settings)
    return Anthropic("claude", known, "sk-secret", memory or ThinkingStore())


def asks(
    messages: list[JsonObject] | None = None, *, id: str = "01TEST", **fields: Any
) -> ChatRequest:
    """A chat request; without messages it says hello."""
    body = {"model": "auto", "messages": messages or [user("hello")], **fields}
    return ChatRequest(
        id=id,
        raw=orjson.dumps(body),
        body=body,
        alias="auto",
        stream=bool(body.get("stream")),
        include_usage=True,
        created=1_700_000_000,
    )


def said(prepared: Prepared) -> JsonObject:
    """The Messages API body that was prepared."""
    return orjson.loads(prepared.body)


def told(
    messages: list[JsonObject] | None = None,
    model: str = BUDGET,
    memory: ThinkingStore | None = None,
    **fields: Any,
) -> tuple[JsonObject, tuple[str, ...]]:
    """What Claude is told for a chat request, and the notes."""
    prepared = upstream(memory).prepare(asks(messages, **fields), model)
    return said(prepared), prepared.notes


def user(content: Any) -> JsonObject:
    return {"role": "user", "content": content}


def calls(*ids: str, content: str | None = None, name: str = "look") -> JsonObject:
    """An assistant message that calls a tool once for each id."""
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": [
            {"id": call, "type": "function", "function": {"name": name, "arguments": '{"at": 1}'}}
            for call in ids
        ],
    }


def result(id: str, content: Any = "seen") -> JsonObject:
    return {"role": "tool", "tool_call_id": id, "content": content}


def tool(name: str = "look", **function: Any) -> JsonObject:
    schema = {"type": "object", "properties": {"at": {"type": "integer"}}}
    return {"type": "function", "function": {"name": name, "parameters": schema, **function}}


def text(words: str) -> JsonObject:
    return {"type": "text", "text": words}
