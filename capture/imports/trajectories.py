"""Hermes Agent's trajectories, and others in ShareGPT's words: a conversation per value.

    {"conversations": [{"from": "system" | "human" | "gpt" | "tool", "value": ...}, ...],
     "timestamp": ..., "model": ..., "completed": ...}

The reverse of `capture.exports.sharegpt`: thinking comes out of `<think>`, calls out of
`<tool_call>`, results out of `<tool_response>`, the tools offered out of the fixed system text,
which itself goes: no agent was asked with it. Any other system text stays. Calls, which have no ids
there, get those of their results, by position, else one of their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from capture.imports.anthropic import written
from capture.imports.conversation import Conversation, Turn, Unreadable
from capture.imports.reading import Read
from capture.imports.times import moment
from capture.messages import ContentPart, Message, Role, ToolCall
from capture.narrowing import Json, Malformed, list_of, loads, object_of, text_of, whole

_SPEAKERS: dict[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "tool": "tool",
    "function_response": "tool",
}
_OPENING = "You are a function calling AI model."


def looks_like(value: Json) -> bool:
    """Whether a value is a trajectory."""
    said = list_of(value.get("conversations"))
    return bool(said) and "from" in (object_of(said[0]) or {})


def parse(read: Read) -> Conversation:
    """One trajectory. Raises Unreadable."""
    row = object_of(read.value) or {}
    tools: tuple[Json, ...] | None = None
    turns: list[Turn] = []
    metadata = object_of(row.get("metadata")) or {}
    at = moment(row.get("timestamp")) or moment(metadata.get("timestamp"))
    for number, value in enumerate(list_of(row.get("conversations"))):
        role, text = _said(value, number)
        if role == "system" and text.startswith(_OPENING):
            tools = _offered(text)
        elif role == "tool":
            said = _results(text)
            turns = _named(turns, said)
            turns += (Turn(message, at) for message in _answers(said, turns))
        elif role == "assistant":
            turns.append(Turn(_reply(text, number), at))
        else:
            turns.append(Turn(Message(role, (ContentPart("text", text),) if text else ()), at))
    if not any(turn.message.role == "assistant" for turn in turns):
        raise Unreadable("it has no reply")
    model = text_of(row.get("model")) or text_of(metadata.get("model"))
    return Conversation(tuple(turns), read.line, None, model, tools)


def _said(value: object, number: int) -> tuple[Role, str]:
    entry = object_of(value) or {}
    role, text = _SPEAKERS.get(text_of(entry.get("from")) or ""), text_of(entry.get("value"))
    if role is None or text is None:
        raise Unreadable(f"conversations[{number}] is not a message")
    return role, text


def _reply(text: str, number: int) -> Message:
    """A reply out of its tags."""
    parts: list[ContentPart] = []
    head, thought, rest = text.partition("</think>")
    if thought and head.lstrip().startswith("<think>"):
        text = rest.removeprefix("\n")
        if thinking := head.lstrip().removeprefix("<think>").strip("\n"):
            parts.append(ContentPart("thinking", thinking))
    said, spoken = _between(text, "tool_call")
    calls = tuple(_call(each, number, at) for at, each in enumerate(said))
    if spoken := spoken.strip("\n" if calls else ""):
        parts.append(ContentPart("text", spoken))
    return Message("assistant", tuple(parts), calls)


def _call(text: str, number: int, at: int) -> ToolCall:
    said = _object(text)
    name = None if said is None else text_of(said.get("name"))
    if said is None or name is None:
        raise Unreadable(f"conversations[{number}] has a tool call that is not JSON")
    arguments = said.get("arguments")
    text = arguments if isinstance(arguments, str) else written(arguments or {})
    return ToolCall(f"call_{number}_{at}", name, text)


def _results(text: str) -> list[Json]:
    """The results that one turn holds."""
    found, _ = _between(text, "tool_response")
    return [_object(each) or {"content": each} for each in found] or [{"content": text}]


def _named(turns: Sequence[Turn], results: Sequence[Json]) -> list[Turn]:
    """The turns so far, the last one's calls with the ids that their results name."""
    if not turns or not turns[-1].message.tool_calls:
        return list(turns)
    *before, last = turns
    ids = [text_of(result.get("tool_call_id")) for result in results]
    calls = tuple(
        replace(call, id=(ids[at] if at < len(ids) else None) or call.id)
        for at, call in enumerate(last.message.tool_calls)
    )
    return [*before, replace(last, message=replace(last.message, tool_calls=calls))]


def _answers(results: Sequence[Json], before: Sequence[Turn]) -> Iterator[Message]:
    """The results, each with the id that its call has."""
    calls = before[-1].message.tool_calls if before else ()
    for at, said in enumerate(results):
        id_ = calls[at].id if at < len(calls) else text_of(said.get("tool_call_id"))
        content = said.get("content", "")
        told = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        name = text_of(said.get("name"))
        yield Message("tool", (ContentPart("text", whole(told)),), tool_call_id=id_, name=name)


def _offered(text: str) -> tuple[Json, ...] | None:
    """The tools in the system text, as OpenAI has them; None when they cannot be read."""
    for each in _between(text, "tools")[0]:
        if each.startswith("["):
            return _listed(each)
    return None


def _listed(text: str) -> tuple[Json, ...] | None:
    try:
        listed = list_of(loads(text.encode(errors="replace")))
    except Malformed:
        return None
    return tuple(
        {"type": "function", "function": {k: v for k, v in tool.items() if k != "required" or v}}
        for value in listed
        if (tool := object_of(value)) is not None
    )


def _between(text: str, tag: str) -> tuple[list[str], str]:
    """What stands between such tags, and all that does not."""
    found: list[str] = []
    outside: list[str] = []
    opening, closing = f"<{tag}>", f"</{tag}>"
    at = 0
    while (start := text.find(opening, at)) >= 0:
        end = text.find(closing, start)
        if end < 0:
            break
        outside.append(text[at:start])
        found.append(text[start + len(opening) : end].strip())
        at = end + len(closing)
    return found, "".join((*outside, text[at:]))


def _object(text: str) -> Any:
    try:
        return object_of(loads(text.encode(errors="replace")))
    except Malformed:
        return None
