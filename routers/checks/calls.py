"""Would a program stumble over a call? Its tool offered, its arguments an object that fits. Pure.

Checked is what needs no knowledge of the right answer. How arguments are held against a schema is
`routers.schemas`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

from capture.messages import Message, ToolCall
from capture.narrowing import Json, object_of
from routers.checks.values import Finding
from routers.schemas import misfit, shown

ARGUMENT_CHARS = 256 * 1024
"""Longer arguments are not held against their schema."""

Offered = Mapping[str, Json | None]
"""Each tool's name and its arguments' schema; None where the client gave none to hold to."""


def offered(tools: Sequence[object]) -> dict[str, Json | None]:
    """The tools as the client declared them."""
    return {name: schema for name, schema, _ in declared(tools)}


def declared(tools: Sequence[object]) -> Iterator[tuple[str, Json | None, str]]:
    """Each tool's name, its arguments' schema and its description."""
    for tool in tools:
        entry = object_of(tool)
        if entry is None:
            continue
        kind = entry.get("type")
        inner = object_of(entry.get(kind)) if isinstance(kind, str) else None
        holder = entry if inner is None else inner
        name, about = holder.get("name", kind), holder.get("description")
        if isinstance(name, str):
            schema = object_of(holder.get("parameters")) or None
            yield name, schema, about if isinstance(about, str) else ""


def against(call: ToolCall, known: Offered) -> Finding | None:
    """What keeps this call from being run; None when nothing does."""
    name = shown(call.name)
    if call.name not in known:
        return Finding("unknown_tool", f"it calls `{name}`, which was not offered", fatal=True)
    arguments = decoded(call)
    if arguments is None:
        text = f"its arguments for `{name}` are not a JSON object"
        return Finding("arguments", text, fatal=True)
    schema = known[call.name]
    if schema is None or len(call.arguments) > ARGUMENT_CHARS:
        return None
    wrong = misfit(arguments, schema)
    text = f"its arguments for `{name}` {wrong}"
    return None if wrong is None else Finding("schema", text, fatal=True)


def silent(message: Message, choice: object) -> Finding | None:
    """What speaks against an answer without a call; None when nothing does."""
    if choice == "required" or _names_a_tool(choice):
        text = "it calls no tool, and the request demands a call"
        return Finding("no_tool_call", text, fatal=True)
    if not message.says_something:
        return Finding("empty", "it says nothing and calls nothing", fatal=True)
    return None


def decoded(call: ToolCall) -> Json | None:
    """A call's arguments; None when they are no JSON object."""
    try:
        return object_of(orjson.loads(call.arguments))
    except orjson.JSONDecodeError:
        return None


def spelled(name: str) -> str:
    """A tool's name as it is compared: models write `_` for the `.` they may not use."""
    return name.strip().replace(".", "_").replace("-", "_").lower()


def _names_a_tool(choice: object) -> bool:
    fields = object_of(choice)
    if fields is None:
        return False
    return fields.get("type") in ("function", "custom") or "name" in fields  # the old `functions`
