"""What was said, as the store keeps it: rows of messages, made straight from a body's JSON.

A message's row is (id, role, body): the body is the message as `capture.plain` writes it, the id is
the BLAKE2b of the body. Nearly every message is one text and little else, and values made of it
only to be taken apart again cost three times its row; so the rows of such messages are made from
the parsed JSON as it is, and everything else goes through `capture.replies`. Tests hold the two
ways to each other.

Nothing here raises, whatever the bytes are. Pure: bytes in, tuples out.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from capture.messages import FinishReason, Message, ToolCall
from capture.narrowing import Json, Malformed, list_of, object_of, read_object
from capture.plain import plain_message
from capture.replies import (
    FINISHES,
    ROLES,
    Counts,
    Reply,
    parse_reply,
    read_counts,
    read_message,
    read_reply,
    read_tools,
)

MessageRow = tuple[bytes, str, str]
"""Id, role and body."""
MESSAGE_ID_BYTES = 16
_BLAKE2B = blake2b(digest_size=MESSAGE_ID_BYTES)
"""Copied for each message: making a new one takes as long as hashing a message."""
_NOT_TEXT = ("reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
"""Fields with which a message says more than its content."""


class Asked(NamedTuple):
    """What a request said."""

    messages: list[MessageRow]
    tools: tuple[str, ...]
    """Names of the tools offered, in order."""
    text: str | None
    """Of the last user message; None when there is none."""


class Answered(NamedTuple):
    """What a reply said."""

    messages: list[MessageRow]
    """One per choice, in the order of their index."""
    text: str | None
    """Of the first choice; None when there is none."""
    calls: tuple[ToolCall, ...]
    """Of the first choice."""
    finish_reason: FinishReason | None
    counts: Counts | None
    """Tokens; None when the reply does not say, or nobody asked."""


_NOTHING_ASKED = Asked([], (), None)
_NOTHING_ANSWERED = Answered([], None, (), None, None)


def read_asked(body: bytes) -> Asked:
    """A chat request; what of it cannot be read is left out."""
    try:
        request = read_object(body)
    except Malformed:
        return _NOTHING_ASKED
    rows: list[MessageRow] = []
    asked: str | None = None
    for entry in list_of(request.get("messages")):
        said = _text_message(entry) or _any_message(entry)
        if said is not None:
            row, text = said
            rows.append(row)
            if row[1] == "user":
                asked = text
    return Asked(rows, read_tools(request) if "tools" in request else (), asked)


def read_answered(body: bytes, *, counted: bool = False) -> Answered:
    """A whole stored reply, JSON or SSE. `counted`: the tokens are known, and need not be read."""
    if not body.startswith(b"{"):
        return answered(parse_reply(body))
    try:
        reply = read_object(body)
    except Malformed:
        return _NOTHING_ANSWERED
    return _text_reply(reply, counted=counted) or answered(read_reply(reply))


def answered(reply: Reply) -> Answered:
    """A reply that was read already."""
    message = reply.message
    usage = reply.usage
    return Answered(
        [message_row(choice.message) for choice in reply.choices],
        None if message is None else message.text,
        () if message is None else message.tool_calls,
        reply.finish_reason,
        None
        if usage is None
        else (
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.reasoning_tokens,
        ),
    )


def message_row(message: Message) -> MessageRow:
    """The row of any message."""
    body = json_text(plain_message(message))
    return _digest(body.encode()), message.role, body


def json_text(value: object) -> str:
    """JSON text. Lone surrogates, which UTF-8 cannot hold, become `?`."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        text = json.dumps(value, ensure_ascii=False, default=str)
        return text.encode("utf-8", "replace").decode()


def _text_message(value: object) -> tuple[MessageRow, str] | None:
    """The row and the text of a message that says one text; None for any other value."""
    entry = object_of(value)
    if entry is None:
        return None
    text, said_role = entry.get("content"), entry.get("role")
    if not text or not isinstance(text, str) or not isinstance(said_role, str):
        return None
    role = ROLES.get(said_role)
    if role is None:
        return None
    plain: dict[str, Any] = {"role": role, "content": [{"kind": "text", "text": text}]}
    if len(entry) > 2:
        for field in _NOT_TEXT:
            if entry.get(field):
                return None
        for field in ("tool_call_id", "name"):
            if isinstance(name := entry.get(field), str):
                plain[field] = name
    try:
        body = orjson.dumps(plain)
    except TypeError:  # a lone surrogate, which needs repair
        return None
    return (_digest(body), role, body.decode()), text


def _any_message(entry: object) -> tuple[MessageRow, str] | None:
    message = read_message(entry)
    return None if message is None else (message_row(message), message.text)


def _text_reply(reply: Json, *, counted: bool) -> Answered | None:
    """A reply whose only choice says one text; None for any other."""
    choices = list_of(reply.get("choices"))
    choice = object_of(choices[0]) if len(choices) == 1 else None
    said = None if choice is None else _text_message(choice.get("message"))
    if choice is None or said is None:
        return None
    row, text = said
    finish = choice.get("finish_reason")
    return Answered(
        [row],
        text,
        (),
        FINISHES.get(finish) if isinstance(finish, str) else None,
        None if counted else read_counts(reply.get("usage")),
    )


def _digest(body: bytes) -> bytes:
    digest = _BLAKE2B.copy()
    digest.update(body)
    return digest.digest()
