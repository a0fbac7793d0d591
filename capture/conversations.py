"""Which conversation an exchange belongs to: what of a transcript names it, and what came next.

Clients send the whole transcript again with every request, but not byte for byte: they strip and
re-dump, leave reasoning out, change the system prompt. So a message counts by its role, its
stripped text and the ids of its tool calls, and a transcript by its messages in order, system and
developer messages left out. An exchange that repeats what an earlier one ended with continues it.

Pure. API keys are part of a transcript's name: what two keys say never meets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from capture.messages import Role, ToolCall
from capture.synthetic import is_synthetic

NAME_BYTES = 16
PREFIXES = 8
"""How many assistant messages, from the last one back, a request may continue at."""

UNNAMED = frozenset(("system", "developer"))
"""Roles whose messages name nothing."""

_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)


class Known(NamedTuple):
    """What linking needs of one message, read once."""

    role: Role
    digest: bytes
    """Of its normal form; empty for a message that names nothing."""
    calls: tuple[str, ...] = ()
    """Ids of the tool calls an assistant message makes, empty ones left out."""
    answers: str | None = None
    """For a tool message: the id of the call it answers."""
    human: bool = False
    """A user message that the agent did not write itself."""


def know(plain: Mapping[str, Any]) -> Known:
    """A message as `capture.plain` writes it, read for linking."""
    role: Role = plain["role"]
    if role in UNNAMED:
        return Known(role, b"")
    text = "".join(
        [part["text"] for part in plain.get("content", ()) if part["kind"] == "text"]
    ).strip()
    if role == "user":
        return Known(role, _digest("user", text), (), None, not is_synthetic(text))
    if role == "tool":
        answers = plain.get("tool_call_id")
        return Known(role, _digest("tool", answers or "", text), (), answers)
    if "<think>" in text:
        text = _THOUGHT.sub("", text, count=1).strip()
    called = plain.get("tool_calls", ())
    if not text and not called:
        return Known(role, b"")  # clients drop such a turn
    calls = tuple([call["id"] for call in called if call["id"]])
    return Known(role, _digest("assistant", *calls, text), calls)


def name(key: str | None, transcript: Sequence[Known]) -> bytes:
    """A transcript's name. Transcripts of different API keys never share one."""
    return blake2b(
        _seed(key) + b"".join([known.digest for known in transcript]), digest_size=NAME_BYTES
    ).digest()


def replied(asked: Sequence[Known]) -> list[int]:
    """Where a request may continue something: the numbers of the messages that follow its assistant
    messages, the last first."""
    found: list[int] = []
    for end in range(len(asked), 0, -1):
        if asked[end - 1].role == "assistant" and asked[end - 1].digest:
            found.append(end)
            if len(found) == PREFIXES:
                break
    return found


def calls_answered(asked: Sequence[Known]) -> tuple[str, ...]:
    """Ids of the calls that a request's new tool messages answer: those after its last assistant
    message. Empty when nothing was called."""
    ids: list[str] = []
    for known in reversed(asked):
        if known.role == "assistant":
            break
        if known.answers:
            ids.append(known.answers)
    return tuple(dict.fromkeys(reversed(ids)))


def named_calls(calls: Sequence[ToolCall], id_: str) -> list[tuple[str, object]]:
    """What the calls of this id call, and with what."""
    return [call_as_said(call.name, call.arguments) for call in calls if call.id == id_]


def call_as_said(tool: str, arguments: str) -> tuple[str, object]:
    """A call as it compares: clients write arguments anew, with other blanks and keys sorted."""
    try:
        return tool, orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return tool, arguments.strip()


def next_state(asked: Sequence[Known], start: int) -> int:
    """Where the next state of the reply before `start` ends: before the next assistant message."""
    for end in range(start, len(asked)):
        if asked[end].role == "assistant":
            return end
    return len(asked)


def begins_user_turn(asked: Sequence[Known]) -> bool:
    """Whether a person spoke since the last assistant message."""
    for known in reversed(asked):
        if known.role == "assistant":
            return False
        if known.human:
            return True
    return True


def _digest(*parts: str) -> bytes:
    return blake2b("\0".join(parts).encode(), digest_size=NAME_BYTES).digest()


@lru_cache(maxsize=256)
def _seed(key: str | None) -> bytes:
    return _digest("open") if key is None else _digest("key", key)
