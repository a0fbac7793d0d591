"""Is this answer good enough to hand over? What can be checked without knowing the right one. Pure.

Checked is what an agent would stumble over: a call of a tool that was not offered, arguments that
are no JSON object or do not fit the tool's schema, no call where one was demanded, nothing at all.
Whether a fit call is the right one, nobody can tell from here.

How arguments are held against a schema is `routers.schemas`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import orjson

from capture.exchange import Reason
from capture.messages import Message, ToolCall
from routers.schemas import misfit, shown

Json = Mapping[str, Any]

_ARGUMENT_CHARS = 256 * 1024
"""Longer arguments are not held against their schema."""


def unfit(message: Message, tools: Sequence[object], choice: object = None) -> Reason | None:
    """Why this answer must not be handed over; None when nothing speaks against it.

    `tools` are the tools offered and `choice` the `tool_choice`, both as the client wrote them, or
    the old `functions` and `function_call`.
    """
    if not message.tool_calls:
        return _silent(message, choice)
    offered = dict(_declared(tools))
    for call in message.tool_calls:
        against = _call(call, offered)
        if against is not None:
            return against
    return None


def _silent(message: Message, choice: object) -> Reason | None:
    """What speaks against an answer without a call."""
    if choice == "required" or _names_a_tool(choice):
        return Reason("no_tool_call", "it calls no tool, and the request demands a call")
    if not message.says_something:
        return Reason("empty", "it says nothing and calls nothing")
    return None


def _names_a_tool(choice: object) -> bool:
    if not isinstance(choice, dict):
        return False
    fields = cast("Json", choice)
    return fields.get("type") in ("function", "custom") or "name" in fields  # the old `functions`


def _call(call: ToolCall, offered: Mapping[str, Json | None]) -> Reason | None:
    name = shown(call.name)
    if call.name not in offered:
        return Reason("unknown_tool", f"it calls `{name}`, which was not offered")
    arguments = _decoded(call.arguments)
    if not isinstance(arguments, dict):
        return Reason("arguments", f"its arguments for `{name}` are not a JSON object")
    schema = offered[call.name]
    if schema is None or len(call.arguments) > _ARGUMENT_CHARS:
        return None
    wrong = misfit(cast("Json", arguments), schema)
    return None if wrong is None else Reason("schema", f"its arguments for `{name}` {wrong}")


def _declared(tools: Sequence[object]) -> Iterator[tuple[str, Json | None]]:
    """Each tool's name and its arguments' schema; None where the client gave none to hold to."""
    for tool in tools:
        if not isinstance(tool, dict):
            continue
        entry = cast("dict[str, Any]", tool)
        kind = entry.get("type")
        inner = entry.get(kind) if isinstance(kind, str) else None
        holder = cast("dict[str, Any]", inner) if isinstance(inner, dict) else entry
        name, schema = holder.get("name", kind), holder.get("parameters")
        if isinstance(name, str):
            yield name, cast("Json", schema) if isinstance(schema, dict) and schema else None


def _decoded(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
