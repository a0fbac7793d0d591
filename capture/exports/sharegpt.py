"""Rows in the form of Hermes Agent's trajectories: one per conversation, in ShareGPT's words.

    {"conversations": [{"from": ..., "value": ...}, ...], "timestamp": ..., "model": ...,
     "completed": ...}

The form is that of Hermes Agent 0.19 (`save_trajectories`), to the byte, with what it gets wrong
put right: the first `human` is what was said first, not last, and a tool's name is found by the id
of its call before its position. `system` is Hermes' fixed text about tools, not the agent's prompt.

A conversation is as its last turn tells it. `timestamp` is when that turn began, in UTC; it is
`completed` when it ended in an answer that is not known to be a failure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from capture.exports.compressing import OVER_BUDGET, Compressor
from capture.exports.gather import (
    Conversation,
    Json,
    calls_of,
    conversations,
    function_of,
    text_of,
    thinking_of,
)
from capture.exports.manifest import Left, Made
from capture.trainable import TrainableTurn

_SYSTEM = (
    "You are a function calling AI model. You are provided with function signatures within <tools> "
    "</tools> XML tags. You may call one or more functions to assist with the user query. If "
    "available tools are not relevant in assisting with user query, just respond in natural "
    "conversational language. Don't make assumptions about what values to plug into functions. "
    "After calling & executing the functions, you will be provided with function results within "
    "<tool_response> </tool_response> XML tags. Here are the available tools:\n"
    "<tools>\n%s\n</tools>\n"
    "For each function call return a JSON object, with the following pydantic model json schema "
    "for each:\n"
    "{'title': 'FunctionCall', 'type': 'object', 'properties': {'name': {'title': 'Name', 'type': "
    "'string'}, 'arguments': {'title': 'Arguments', 'type': 'object'}}, 'required': ['name', "
    "'arguments']}\n"
    "Each function call should be enclosed within <tool_call> </tool_call> XML tags.\n"
    "Example:\n<tool_call>\n{'name': <function-name>,'arguments': <args-dict>}\n</tool_call>"
)


def rows(
    turns: Iterable[TrainableTurn | Left], compressor: Compressor | None = None
) -> Iterator[Made | Left]:
    """A row per conversation, by the id of its first exchange; compressed, where a compressor is
    given."""
    for conversation in conversations(turns):
        if isinstance(conversation, Left):
            yield conversation
        else:
            yield _made(conversation, compressor)


def _made(conversation: Conversation, compressor: Compressor | None) -> Made | Left:
    said: Sequence[Json] = trajectory(conversation.messages, conversation.tools)
    if compressor is None:
        return Made(conversation.exchanges, _line(conversation, said))
    within, metrics = compressor.trajectory(said)
    if metrics.still_over_limit:
        return Left(conversation.exchanges[-1], OVER_BUDGET)
    return Made(conversation.exchanges, _line(conversation, within), compressed=metrics)


def trajectory(messages: Sequence[Json], tools: Sequence[Json]) -> list[dict[str, str]]:
    """A conversation's messages as Hermes writes them."""
    said = [{"from": "system", "value": _SYSTEM % _tools(tools)}]
    at = 0
    while at < len(messages):
        message = messages[at]
        at += 1
        if message.get("role") == "user":
            said.append({"from": "human", "value": text_of(message.get("content"))})
        if message.get("role") != "assistant":
            continue
        calls = calls_of(message)
        said.append({"from": "gpt", "value": _reply(message, calls)})
        end = at
        while calls and end < len(messages) and messages[end].get("role") == "tool":
            end += 1
        if end > at:
            said.append({"from": "tool", "value": _results(messages[at:end], calls)})
        at = end
    return said


def _line(conversation: Conversation, said: Sequence[Json]) -> bytes:
    """One row, as Hermes' `json.dumps` writes it."""
    began = datetime.fromtimestamp(conversation.began_at, UTC)
    entry = {
        "conversations": said,
        "timestamp": began.replace(tzinfo=None).isoformat(),
        "model": conversation.model,
        "completed": conversation.completed,
    }
    return json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace")


def _tools(tools: Sequence[Json]) -> str:
    functions = [function_of(tool) for tool in tools]
    listed = [
        {
            "name": function.get("name", ""),
            "description": function.get("description", ""),
            "parameters": function.get("parameters", {}),
            "required": None,
        }
        for function in functions
    ]
    return json.dumps(listed, ensure_ascii=False)


def _reply(message: Json, calls: Sequence[Json]) -> str:
    text = text_of(message.get("content"))
    text = text.replace("<REASONING_SCRATCHPAD>", "<think>")
    text = text.replace("</REASONING_SCRATCHPAD>", "</think>")
    thinking = thinking_of(message)
    value = f"<think>\n{thinking}\n</think>\n" if thinking else ""
    if calls:
        value += f"{text}\n" if text.strip() else ""
        value += "".join(_said_call(function_of(call)) for call in calls)
    else:
        value += text
    if "<think>" not in value:
        value = "<think>\n</think>\n" + value
    return value.rstrip() if calls else value.strip()


def _said_call(function: Json) -> str:
    call = {"name": function.get("name", ""), "arguments": _arguments(function.get("arguments"))}
    return f"<tool_call>\n{json.dumps(call, ensure_ascii=False)}\n</tool_call>\n"


def _arguments(value: object) -> object:
    """Arguments as JSON; an empty object for what is none, as Hermes has it."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return {}


def _results(results: Sequence[Json], calls: Sequence[Json]) -> str:
    """All results of one reply's calls as one turn."""
    names = {str(call.get("id")): function_of(call).get("name", "") for call in calls}
    return "\n".join(
        _said_result(result, _name(result, position, calls, names))
        for position, result in enumerate(results)
    )


def _name(result: Json, position: int, calls: Sequence[Json], names: Mapping[str, str]) -> str:
    id_ = result.get("tool_call_id")
    if isinstance(id_, str) and id_ in names:
        return names[id_]
    return function_of(calls[position]).get("name", "") if position < len(calls) else "unknown"


def _said_result(result: Json, name: str) -> str:
    text = text_of(result.get("content"))
    content: object = text
    if text.strip().startswith(("{", "[")):
        with suppress(ValueError):
            content = json.loads(text)
    said = {"tool_call_id": result.get("tool_call_id", ""), "name": name, "content": content}
    return f"<tool_response>\n{json.dumps(said, ensure_ascii=False)}\n</tool_response>"
