"""Claude's turns as they are remembered, and when a remembered one may go back.

A turn is found by the ids of its tool calls, or, when it has none, by its text and all that came
before it. It goes back as Claude wrote it when the client's version says the same: equal text but
for space at its ends, equal calls with equal arguments whatever their key order. So thinking keeps
its signature, and the prompt cache keeps matching. Models that bind thinking to the conversation
(Anthropic, "Preserved thinking") refuse a block whose system, tools or earlier turns have changed;
they get thinking only where the digest of all that is the one the reply was made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from gateway.dialects.values import Json
from gateway.thinking import ThinkingStore, Turn

Block = Mapping[str, Any]

_THINKING = frozenset({"thinking", "redacted_thinking"})


class Prefix:
    """Running digest of what a request says, in order. Cache markers do not count."""

    __slots__ = ("_hash",)

    def __init__(self, system: Sequence[Json], tools: Sequence[Json]) -> None:
        self._hash = sha256()
        for item in (*system, *tools):
            self.add(item)

    def add(self, item: Json) -> bytes:
        """Take one message, tool or system block; gives back its JSON."""
        data = orjson.dumps(item)
        if b'"cache_control"' in data:
            self._hash.update(orjson.dumps(_unmarked(item)))
        else:
            self._hash.update(data)
        return data

    def digest(self) -> bytes:
        return self._hash.digest()


def _unmarked(item: Json) -> Json:
    plain = {key: value for key, value in item.items() if key != "cache_control"}
    content = plain.get("content")
    if isinstance(content, list):
        plain["content"] = [_unmarked(block) for block in content]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- blocks we rendered ourselves
    return plain


def is_thinking(block: Block) -> bool:
    """Whether this block is what the model thought, shown or hidden."""
    return block.get("type") in _THINKING


def remember(store: ThinkingStore, model: str, prefix: bytes, blocks: Sequence[Block]) -> None:
    """Keep the content of one complete reply, if there is thinking in it or words to match."""
    said = [block for block in blocks if not is_thinking(block)]
    if not any(is_thinking(block) for block in blocks):
        return
    size = len(orjson.dumps(list(blocks)))
    store.keep(_keys(model, prefix, said), Turn(prefix, tuple(blocks)), size)


def recall(
    store: ThinkingStore, model: str, prefix: bytes, said: Sequence[Json], *, bound: bool
) -> list[Json] | None:
    """The remembered content of the turn that a client repeats as `said`; None when there is none.

    With `bound`, thinking is part of it only when `prefix` is the one it was made from.
    """
    keys = _keys(model, prefix, said)
    turn = store.recall(keys[0]) if keys else None
    if turn is None:
        return None
    thoughts = not bound or turn.prefix == prefix
    if _says(turn.blocks) == _says(said):
        kept = [dict(b) for b in turn.blocks if thoughts or not is_thinking(b)]
        return _marked_like(kept, said)
    if not thoughts:
        return None
    return [*(dict(b) for b in turn.blocks if is_thinking(b)), *said]


def _keys(model: str, prefix: bytes, said: Iterable[Block]) -> list[str]:
    said = list(said)
    calls = [f"{model}\0{b['id']}" for b in said if b["type"] == "tool_use"]
    if calls:
        return calls
    text = sha256(_text(said).encode("utf-8", "replace")).hexdigest()
    return [f"{model}\0{prefix.hex()}\0{text}"]


def _says(blocks: Iterable[Block]) -> tuple[str, list[tuple[Any, Any, Any]]]:
    blocks = list(blocks)
    calls = [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"]
    return _text(blocks), calls


def _text(blocks: Iterable[Block]) -> str:
    return "".join(b["text"] for b in blocks if b["type"] == "text").strip()


def _marked_like(blocks: list[Json], said: Sequence[Json]) -> list[Json]:
    """The client's cache marker, if it set one on this turn, on the turn's last markable block."""
    marker = next((b["cache_control"] for b in reversed(said) if "cache_control" in b), None)
    last = next((b for b in reversed(blocks) if not is_thinking(b)), None)
    if marker is not None and last is not None:
        last["cache_control"] = marker
    return blocks
