"""Rows for replays, made by code: calls of one tool, some of which local models get wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

TOOL = {
    "type": "function",
    "function": {
        "name": "order",
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "integer"}},
            "required": ["number"],
        },
    },
}


def rows(count: int, *, replies: bool = True) -> list[dict[str, Any]]:
    """Every third request is hard: both local models miss it, each in its own way."""
    return [row(number, hard=number % 3 == 0, replies=replies) for number in range(count)]


def row(number: int, *, hard: bool, replies: bool = True) -> dict[str, Any]:
    """One request."""
    said = {"resting": number + 1 if hard else number, "active": number + 2 if hard else number}
    return {
        "id": f"r{number}",
        "skill": "hard" if hard else "plain",
        "messages": [{"role": "user", "content": f"Please order number {number}."}],
        "tools": [TOOL],
        "replies": {m: call(said.get(m, number)) for m in ("resting", "active", "burst")}
        if replies
        else {},
        "success": {"resting": int(not hard), "active": int(not hard), "burst": 1},
    }


def call(number: int) -> dict[str, Any]:
    """A reply that orders."""
    function = {"name": "order", "arguments": f'{{"number": {number}}}'}
    return {"content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}


def lines(made: Sequence[dict[str, Any]]) -> list[bytes]:
    """As they stand in a file."""
    return [orjson.dumps(one) for one in made]
