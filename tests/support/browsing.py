"""Conversations in which an agent reads what strangers wrote."""

from __future__ import annotations

from typing import Any

import orjson

Json = dict[str, Any]


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def says(text: str | None, *calls: Json) -> Json:
    return {"role": "assistant", "content": text} | ({"tool_calls": list(calls)} if calls else {})


def call(tool: str, id_: str = "call_1", **arguments: Any) -> Json:
    written = orjson.dumps(arguments).decode()
    return {"id": id_, "type": "function", "function": {"name": tool, "arguments": written}}


def result(text: str, id_: str | None = "call_1", **more: Any) -> Json:
    about = {} if id_ is None else {"tool_call_id": id_}
    return {"role": "tool", "content": text, **about, **more}


def read_by(tool: str, text: str, **arguments: Any) -> list[Json]:
    """A question, one call, and its result."""
    return [user("What does it say?"), says(None, call(tool, **arguments)), result(text)]
