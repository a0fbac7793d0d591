"""Rows for OpenAI's fine-tuning of chat models: one per turn, its reply alone trained.

    {"messages": [..., {"role": "assistant", ..., "weight": 1}], "tools": [...]}

What trains is told by `weight`: 1 for the reply of the row's own exchange, 0 for every assistant
message before it, so that a conversation of five replies trains each of them once. `arguments` are
JSON text, `content` is absent where there are only calls, and a field or role that a training file
may not have is left out: thinking, the name of a tool message.

What OpenAI would refuse the whole file for makes no row: a call without its result right after it,
a result without its call, a tool's name that its API does not take, more than 128 tools. Nor does
what `capture.exports.chat` cannot say, for rows are made from its rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from capture.exports import chat
from capture.exports.chat import Json, Unsayable, as_line
from capture.exports.compressing import Compressor
from capture.exports.manifest import Left, Made
from capture.narrowing import object_of
from capture.trainable import TrainableTurn

MOST_TOOLS = 128
"""As OpenAI's API has it."""
_KEPT = {
    "system": ("role", "content", "name"),
    "user": ("role", "content", "name"),
    "assistant": ("role", "content", "name", "tool_calls"),
    "tool": ("role", "content", "tool_call_id"),
}
_TOOL = ("name", "description", "parameters", "strict")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def rows(
    turns: Iterable[TrainableTurn | Left], compressor: Compressor | None = None
) -> Iterator[Made | Left]:
    """A row per turn, or why there is none; what is left out already stays so."""
    return chat.row_by_row(turns, lambda turn: row(turn.request, turn.wanted), compressor)


def row(request: Json, reply: Json) -> dict[str, Any]:
    """A chat request and the reply to it, as OpenAI reads them. Raises Unsayable."""
    said = chat.row(request, reply)
    messages = [_message(message, weight=0) for message in said["messages"]]
    messages[-1]["weight"] = 1
    if not _all_answered(messages):
        raise Unsayable("results")
    made: dict[str, Any] = {"messages": messages}
    if tools := said.get("tools"):
        if len(tools) > MOST_TOOLS:
            raise Unsayable("tools")
        made["tools"] = [_tool(tool) for tool in tools]
        if isinstance(parallel := request.get("parallel_tool_calls"), bool):
            made["parallel_tool_calls"] = parallel
    return made


def _message(message: Json, *, weight: int) -> dict[str, Any]:
    role = message.get("role")
    if not isinstance(role, str) or role not in _KEPT:
        raise Unsayable("messages")
    made = {name: message[name] for name in _KEPT[role] if name in message}
    if not all(isinstance(made.get(name, ""), str) for name in ("name", "tool_call_id")):
        raise Unsayable("messages")
    if role == "assistant":
        made["weight"] = weight
    if "tool_calls" in made:
        made["tool_calls"] = [_call(call) for call in made["tool_calls"]]
        if not made["content"]:
            del made["content"]
    return made


def _call(call: Json) -> dict[str, Any]:
    function = call["function"]
    if not isinstance(call.get("id"), str):
        raise Unsayable("results")
    arguments = as_line(function["arguments"]).decode()
    return {
        "id": call["id"],
        "type": "function",
        "function": {"name": _name(function), "arguments": arguments},
    }


def _tool(tool: Json) -> dict[str, Any]:
    function = object_of(tool.get("function")) or {}
    _name(function)
    made = {name: function[name] for name in _TOOL if function.get(name) is not None}
    return {"type": "function", "function": made}


def _name(function: Json) -> str:
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Unsayable("tools")
    return name


def _all_answered(messages: Sequence[Json]) -> bool:
    """Whether the results of each reply's calls, and nothing else, come right after it. The last
    reply's are not there yet."""
    waiting: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message.get("tool_call_id") not in waiting:
                return False
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            return False
        waiting = {call["id"] for call in message.get("tool_calls", ())}
    return True
