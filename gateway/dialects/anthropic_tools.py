"""Tools and the choice among them, from OpenAI's words to the Messages API's.

Only function tools can be said: they run at the client. A tool whose name Claude does not allow
(`files.read`) travels under a similar one, and replies give the client its own name back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.dialects.anthropic_models import Traits
from gateway.dialects.values import Json, Notes, json_array, json_object, json_string
from gateway.errors import ClientError

_SAFE_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}\Z")
_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")
_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def safe_tool_names(body: Mapping[str, Any]) -> dict[str, str]:
    """The client's tool names that Claude does not allow, each to the one that stands for it.

    A function of the request's tools alone, so that whoever reads the reply can ask again.
    """
    names = [name for tool in _functions(body) if (name := json_string(tool.get("name")))]
    unsafe = [name for name in dict.fromkeys(names) if not _SAFE_NAME.match(name)]
    if not unsafe:
        return {}
    taken = set(names)
    safe: dict[str, str] = {}
    for name in unsafe:
        base = _UNSAFE.sub("_", name)[:120]
        candidate, copies = base, 1
        while candidate in taken:
            copies += 1
            candidate = f"{base}_{copies}"
        taken.add(candidate)
        safe[name] = candidate
    return safe


def safe_tool_name(name: str, names: Mapping[str, str]) -> str:
    """A tool's name in a history, as it is sent: that tool may not be offered any more."""
    if name in names:
        return names[name]
    return name if _SAFE_NAME.match(name) else _UNSAFE.sub("_", name)[:128] or "unknown"


def _functions(body: Mapping[str, Any]) -> list[Json]:
    return [json_object(json_object(t).get("function")) for t in json_array(body.get("tools"))]


def render_tools(
    body: Mapping[str, Any], names: Mapping[str, str], model: Traits, notes: Notes
) -> list[Json]:
    """The request's function tools. Raises ClientError for the long-gone `functions`."""
    if body.get("functions"):
        raise ClientError(
            "`functions` is not taken here; send the same as `tools`",
            param="functions",
            code="unsupported_parameter",
        )
    rendered: list[Json] = []
    for item in json_array(body.get("tools")):
        tool = json_object(item)
        function = json_object(tool.get("function"))
        name = json_string(function.get("name"))
        if not name:
            notes.add(f"a tool of type {json_string(tool.get('type'))[:64] or 'unknown'} left out")
            continue
        rendered.append(_tool(tool, function, names.get(name, name), model, notes))
    return rendered


def _tool(tool: Json, function: Json, name: str, model: Traits, notes: Notes) -> Json:
    parameters = json_object(function.get("parameters"))
    schema = parameters if parameters.get("type") == "object" else {**parameters, "type": "object"}
    rendered: Json = {"name": name, "input_schema": schema if parameters else _NO_PARAMETERS}
    if isinstance(function.get("description"), str):
        rendered["description"] = function["description"]
    if function.get("strict") is True:
        if model.structured_outputs and parameters.get("additionalProperties") is False:
            rendered["strict"] = True
        else:
            notes.add("strict tool schemas are not enforced for this model or schema")
    marker = json_object(tool.get("cache_control")) or json_object(function.get("cache_control"))
    if marker:
        rendered["cache_control"] = marker
    return rendered


def tools_of_history(messages: object, names: Mapping[str, str]) -> list[Json]:
    """Bare definitions of the tools a history calls, for a request that offers none itself: the
    Messages API wants every call in a history to have its tool."""
    called: dict[str, None] = {}
    for message in json_array(messages):
        for call in json_array(json_object(message).get("tool_calls")):
            name = json_string(json_object(json_object(call).get("function")).get("name"))
            called[safe_tool_name(name, names)] = None
    return [{"name": name, "input_schema": _NO_PARAMETERS} for name in called]


def render_tool_choice(
    body: Mapping[str, Any], names: Mapping[str, str], model: Traits, notes: Notes
) -> Json | None:
    """The `tool_choice` for a request with tools; None leaves Claude its default, `auto`."""
    choice = body.get("tool_choice")
    rendered: Json | None = None
    if choice == "none":
        return {"type": "none"}
    if choice == "required":
        rendered = {"type": "any"}
    elif isinstance(choice, dict):
        function = json_object(json_object(choice).get("function"))  # pyright: ignore[reportUnknownArgumentType] -- any JSON
        name = json_string(function.get("name"))
        if not name:
            raise ClientError("`tool_choice` names no function", param="tool_choice")
        rendered = {"type": "tool", "name": names.get(name, name)}
    elif choice == "auto":
        rendered = {"type": "auto"}
    elif choice is not None:
        raise ClientError(
            "`tool_choice` must be none, auto, required or a function", param="tool_choice"
        )
    if rendered is not None and rendered["type"] != "auto" and not model.forced_tools:
        notes.add("this model takes no forced tool call; tool_choice was sent as auto")
        rendered = {"type": "auto"}
    if body.get("parallel_tool_calls") is False:
        rendered = {**(rendered or {"type": "auto"}), "disable_parallel_tool_use": True}
    return rendered


def forces_a_call(tool_choice: Json | None) -> bool:
    """Whether Claude must call a tool: then it may not think."""
    return tool_choice is not None and tool_choice["type"] in ("any", "tool")
