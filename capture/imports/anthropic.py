"""What the Messages API says, as several formats hold it, in our vocabulary.

A tool's result that is marked as an error keeps the mark as the word it begins with: OpenAI's chat
dialect, in which exchanges are kept, has no other place for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from capture.imports.conversation import Unreadable
from capture.messages import ContentPart, FinishReason, Message, ToolCall, Usage
from capture.narrowing import Json, count_of, dumps, list_of, object_of, text_of
from capture.outcomes import error_in

FINISHES: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def request_messages(request: Json) -> list[Message]:
    """The messages of a request, its system prompt first. Raises Unreadable."""
    said: list[Message] = []
    if system := request.get("system"):
        said.append(Message("system", tuple(_parts(system))))
    for number, value in enumerate(list_of(request.get("messages"))):
        entry = object_of(value)
        if entry is None or entry.get("role") not in ("user", "assistant", "system"):
            raise Unreadable(f"messages[{number}] is not a message")
        if entry["role"] == "system":
            said.append(Message("system", tuple(_parts(entry.get("content")))))
        elif entry["role"] == "user":
            said += user_messages(entry.get("content"))
        else:
            said.append(assistant_message(entry.get("content")))
    return said


def user_messages(content: object) -> list[Message]:
    """What a user message holds: the results of tools, each a message, then what was said."""
    results: list[Message] = []
    others: list[object] = []
    for value in _blocks(content):
        block = object_of(value)
        if block is not None and block.get("type") == "tool_result":
            results.append(_result(block))
        else:
            others.append(value)
    parts = tuple(_parts(others))
    return [*results, Message("user", parts)] if parts or not results else results


def assistant_message(content: object) -> Message:
    """What an assistant message holds."""
    calls: list[ToolCall] = []
    others: list[object] = []
    for value in _blocks(content):
        block = object_of(value)
        if block is not None and block.get("type") == "tool_use":
            calls.append(_call(block))
        else:
            others.append(value)
    return Message("assistant", tuple(_parts(others)), tuple(calls))


def tools(request: Json) -> tuple[Json, ...]:
    """The tools offered, as OpenAI has them; those that Anthropic runs itself are left out."""
    found = (object_of(value) or {} for value in list_of(request.get("tools")))
    return tuple(
        {
            "type": "function",
            "function": {
                "name": tool["name"],
                **({"description": told} if (told := text_of(tool.get("description"))) else {}),
                "parameters": object_of(tool["input_schema"]) or {},
            },
        }
        for tool in found
        if isinstance(tool.get("name"), str) and "input_schema" in tool
    )


def usage(value: object) -> Usage | None:
    """Tokens; None when nothing is said of them."""
    said = object_of(value)
    if said is None:
        return None
    fresh = count_of(said.get("input_tokens"))
    read = count_of(said.get("cache_read_input_tokens"))
    wrote = count_of(said.get("cache_creation_input_tokens"))
    whole = None if fresh is None else fresh + (read or 0) + (wrote or 0)
    told = Usage(whole, count_of(said.get("output_tokens")), read, wrote)
    return None if told == Usage() else told


def _blocks(content: object) -> list[object]:
    return [content] if isinstance(content, str) else list_of(content)


def _parts(content: object) -> Iterator[ContentPart]:
    for value in _blocks(content):
        block = object_of(value)
        if isinstance(value, str):
            part = ContentPart("text", text_of(value))
        elif block is None:
            part = ContentPart("other", data={"value": value})
        else:
            part = _part(block)
        if part.text != "":
            yield part


def _part(block: Json) -> ContentPart:
    kind = block.get("type")
    if (kind == "text" or kind == "thinking") and (said := text_of(block.get(kind))) is not None:
        return ContentPart(kind, said)
    source = object_of(block.get("source")) or {}
    if kind == "image" and (url := _url(source)) is not None:
        return ContentPart("image", data={"type": "image_url", "image_url": {"url": url}})
    if kind == "document" and (url := _url(source)) is not None:
        file = {"filename": text_of(block.get("title")) or "document", "file_data": url}
        return ContentPart("document", data={"type": "file", "file": file})
    return ContentPart("other", data=block)


def _url(source: Json) -> str | None:
    """Where an image or a document is, or all of it."""
    if source.get("type") == "base64":
        kind, data = text_of(source.get("media_type")), text_of(source.get("data"))
        return f"data:{kind};base64,{data}" if kind and data else None
    return text_of(source.get("url"))


def _call(block: Json) -> ToolCall:
    given = block.get("input")
    return ToolCall(
        text_of(block.get("id")) or "",
        text_of(block.get("name")) or "",
        given if isinstance(given, str) else written({} if given is None else given),
    )


def _result(block: Json) -> Message:
    parts = tuple(_parts(block.get("content")))
    if block.get("is_error") is True:
        parts = failed(parts)
    return Message("tool", parts, tool_call_id=text_of(block.get("tool_use_id")))


def failed(parts: Iterable[ContentPart]) -> tuple[ContentPart, ...]:
    """The result of a call that failed: one that does not sound so begins with the word."""
    kept = tuple(parts)
    if error_in("".join(part.text or "" for part in kept)) is not None:
        return kept
    return (ContentPart("text", "Error: "), *kept)


def written(value: Any) -> str:
    """A call's arguments as text. Raises Unreadable for what JSON cannot say."""
    try:
        return dumps(value)
    except TypeError:
        raise Unreadable("the arguments of a tool call cannot be written") from None
