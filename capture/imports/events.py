"""The Messages API's event stream, as a log may hold it, put together again into its message."""

from __future__ import annotations

from typing import Any

from capture.narrowing import Json, Malformed, list_of, loads, object_of, text_of

_TEXTS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
    "signature_delta": "signature",
}
"""What each delta adds to."""


def message_of(data: bytes) -> Json | None:
    """The message that a stream told; None when it is no such stream, or broke off."""
    message: dict[str, Any] | None = None
    blocks: dict[int, dict[str, Any]] = {}
    for line in data.splitlines():
        if not line.startswith(b"data:"):
            continue
        event = _event(line[5:])
        kind = event.get("type")
        if kind == "message_start" and (begun := object_of(event.get("message"))) is not None:
            message = {**begun}
        elif kind == "message_stop" and message is not None:
            return {**message, "content": [_whole(blocks[at]) for at in sorted(blocks)]}
        elif message is not None:
            _take(message, blocks, event)
    return None


def _event(data: bytes) -> Json:
    try:
        return object_of(loads(data)) or {}
    except Malformed:
        return {}


def _take(message: dict[str, Any], blocks: dict[int, dict[str, Any]], event: Json) -> None:
    """Add one event to the message."""
    index, delta = event.get("index"), object_of(event.get("delta")) or {}
    if event.get("type") == "message_delta":
        message.update({name: delta[name] for name in ("stop_reason",) if name in delta})
        counted = object_of(event.get("usage")) or {}
        message["usage"] = {**(object_of(message.get("usage")) or {}), **counted}
    if not isinstance(index, int):
        return
    if event.get("type") == "content_block_start":
        blocks[index] = {**(object_of(event.get("content_block")) or {}), "pieces": []}
    elif index in blocks and (field := _TEXTS.get(text_of(delta.get("type")) or "")):
        blocks[index]["pieces"].append((field, text_of(delta.get(field)) or ""))


def _whole(block: dict[str, Any]) -> Json:
    pieces = list_of(block.pop("pieces"))
    for field in ("text", "thinking"):
        if added := _joined(pieces, field):
            block[field] = f"{text_of(block.get(field)) or ''}{added}"
    if written := _joined(pieces, "partial_json"):
        block["input"] = written
    return block


def _joined(pieces: list[Any], field: str) -> str:
    return "".join(text for named, text in pieces if named == field)
