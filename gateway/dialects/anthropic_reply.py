"""Claude's message as an OpenAI chat completion, and the words both forms of a reply share.

Text blocks are joined as Claude's own clients show them; thinking becomes `reasoning_content`; tool
calls keep their ids and order. What a chat completion has no place for (citations, blocks of
Anthropic's own tools) is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from capture.messages import FinishReason, Usage
from gateway.dialects.values import Json, Notes, json_array, json_count, json_object, json_string

Remember = Callable[[Sequence[Json]], None]
"""Takes the content of a complete reply, to be given back to Claude in later turns."""

_FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "pause_turn": "stop",
}
_CLIENT_BLOCKS = frozenset({"text", "tool_use", "thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class Heading:
    """What a rendered reply says of itself."""

    id: str
    """Our exchange id."""
    created: int
    """Unix seconds."""
    model: str
    """The name the client asked for."""


def finish_reason(stop_reason: object, *, calls: bool, notes: Notes) -> FinishReason:
    """Why Claude stopped, in OpenAI's words; `calls` says whether it called a tool."""
    known = _FINISH.get(stop_reason) if isinstance(stop_reason, str) else None
    if stop_reason == "pause_turn":
        notes.add("Claude paused its turn; send the conversation again to go on")
    if known is not None:
        return known
    if stop_reason is not None:
        notes.add(f"unknown stop reason {str(stop_reason)[:64]}")
    return "tool_calls" if calls else "stop"


def refusal_text(stop_details: object) -> str | None:
    """Why Claude's safeguards stopped it, in Anthropic's words; None when they did not say."""
    details = json_object(stop_details)
    if details.get("type") != "refusal":
        return None
    return json_string(details.get("explanation")) or None


def read_usage(raw: Json) -> Usage | None:
    """Anthropic's counts in ours: its `input_tokens` leaves out what the cache read or wrote."""
    fresh = json_count(raw.get("input_tokens"))
    read = json_count(raw.get("cache_read_input_tokens"))
    written = json_count(raw.get("cache_creation_input_tokens"))
    output = json_count(raw.get("output_tokens"))
    if fresh is None and output is None:
        return None
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=json_count(
            json_object(raw.get("output_tokens_details")).get("thinking_tokens")
        ),
    )


def openai_usage(usage: Usage | None) -> Json | None:
    """OpenAI's `usage` object; None when a total is unknown, since its fields cannot be."""
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    rendered: Json = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    prompt: Json = {}
    if usage.cache_read_tokens is not None:
        prompt["cached_tokens"] = usage.cache_read_tokens
    if usage.cache_write_tokens is not None:
        prompt["cache_write_tokens"] = usage.cache_write_tokens
    if prompt:
        rendered["prompt_tokens_details"] = prompt
    if usage.reasoning_tokens is not None:
        rendered["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return rendered


def note_block(kind: object, notes: Notes) -> None:
    """Note a content block that a chat completion has no place for."""
    if kind not in _CLIENT_BLOCKS:
        notes.add(f"a {str(kind)[:64]} block of the reply was left out")


def sendable(content: Sequence[Json]) -> list[Json] | None:
    """A reply's content as it may be sent back; None when it holds blocks a client has no part in.

    Fields that only replies have are dropped, and so is blank text, which the API refuses.
    """
    blocks: list[Json] = []
    for block in content:
        kind = block.get("type")
        if kind == "text":
            if json_string(block.get("text")).strip():
                blocks.append({"type": "text", "text": block["text"]})
        elif kind == "tool_use":
            blocks.append({k: block.get(k) for k in ("type", "id", "name", "input")})
        elif kind == "thinking":
            blocks.append({k: block.get(k) for k in ("type", "thinking", "signature")})
        elif kind == "redacted_thinking":
            blocks.append({"type": kind, "data": block.get("data")})
        else:
            return None
    return blocks


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply, rendered."""

    body: bytes
    finish_reason: FinishReason
    usage: Usage | None
    notes: tuple[str, ...]


def render_reply(
    message: Json, heading: Heading, client_names: Mapping[str, str], remember: Remember
) -> Reply:
    """A Messages API message as chat completion JSON. `client_names` undoes `safe_tool_names`."""
    notes = Notes()
    content = [json_object(block) for block in json_array(message.get("content"))]
    for block in content:
        note_block(block.get("type"), notes)
        if block.get("citations"):
            notes.add("citations were left out")
    calls = [_tool_call(b, client_names) for b in content if b.get("type") == "tool_use"]
    finish = finish_reason(message.get("stop_reason"), calls=bool(calls), notes=notes)
    said: Json = {"role": "assistant", "content": _joined(content, "text")}
    thought = _joined(content, "thinking")
    if thought:
        said["reasoning_content"] = thought
    if calls:
        said["tool_calls"] = calls
    refusal = refusal_text(message.get("stop_details"))
    if refusal is not None:
        said["refusal"] = refusal
    usage = read_usage(json_object(message.get("usage")))
    rendered: Json = {
        "id": f"chatcmpl-{heading.id}",
        "object": "chat.completion",
        "created": heading.created,
        "model": heading.model,
        "choices": [{"index": 0, "message": said, "logprobs": None, "finish_reason": finish}],
    }
    if (counts := openai_usage(usage)) is not None:
        rendered["usage"] = counts
    if (blocks := sendable(content)) is not None:
        remember(blocks)
    return Reply(orjson.dumps(rendered), finish, usage, notes.all())


def _tool_call(block: Json, client_names: Mapping[str, str]) -> dict[str, Any]:
    name = json_string(block.get("name"))
    return {
        "id": block.get("id"),
        "type": "function",
        "function": {
            "name": client_names.get(name, name),
            "arguments": orjson.dumps(json_object(block.get("input"))).decode(),
        },
    }


def _joined(content: Sequence[Json], kind: str) -> str | None:
    """The text of all blocks of one kind; None when there is no such block."""
    pieces = [json_string(b.get(kind)) for b in content if b.get("type") == kind]
    return "".join(pieces) if pieces else None
