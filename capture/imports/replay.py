"""A conversation as the exchanges it was made of. Pure.

For every reply there is one: what stood before it is the request, as an OpenAI chat body, and the
reply is its answer. Ids come of when a reply was asked for and of all that was said up to it, so
the same conversation gives the same ids wherever it is found, also once it has grown.

Times within a conversation go forward. One whose source tells no times is dated in 1970, each at a
time of its own: nobody chatted then, so nobody takes it for the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from capture.conversations import Known, know
from capture.ids import named_id
from capture.import_formats import MODEL_CHARACTERS
from capture.imported import Imported
from capture.imports.conversation import Conversation, Skipped, Turn
from capture.imports.models import UNKNOWN, mode_of
from capture.messages import ContentPart, Message, Usage
from capture.narrowing import Json
from capture.plain import plain_message
from capture.said import json_text
from capture.sessions import MOST_CHARACTERS as MOST_OF_SESSION
from capture.trainable import assistant_message

EXCHANGE_BYTES = 16 << 20
"""Longest request or reply of an exchange."""
_TOO_LONG = (
    f"a request or reply is longer than {EXCHANGE_BYTES:,} bytes; it and all after it is out"
)
_NAME_BYTES = 16
_STEP = 0.001
_DAY = 86_400.0
_APART = 200.0
"""Seconds between conversations of unknown time: more than within which asking again counts so."""
_SLOTS = 150_000
"""So many times there are in 1970."""


class Replayed(NamedTuple):
    """One exchange."""

    exchange: Imported
    """Whole but for its skill."""
    end: int
    """How many of the conversation's messages it spans, its reply included."""


def replayed(conversation: Conversation, format: str) -> Iterator[Replayed | Skipped]:
    """The exchanges of a conversation, in order; their skill is for others to name. What follows
    something too long to be kept is left out with it."""
    turns = conversation.turns
    pieces = [json_text(_asked(turn.message)).encode() for turn in turns]
    times = _times(turns, pieces)
    digest = blake2b(digest_size=_NAME_BYTES)
    asked = False
    for number, (turn, piece) in enumerate(zip(turns, pieces, strict=True)):
        digest.update(piece)
        if _is_reply(turn) and asked:
            at = times[number - 1]
            reply = _reply(turn, _model(conversation, turn), at)
            request = _request(conversation, turn, pieces[:number])
            if max(len(request), len(reply)) > EXCHANGE_BYTES:
                yield Skipped(conversation.line, _TOO_LONG)
                return
            id_ = named_id(at, digest.digest())
            made = _imported(conversation, turn, format, id_, at, request, reply)
            yield Replayed(made, number + 1)
        asked = asked or turn.message.role == "user"


def transcript(conversation: Conversation) -> list[Known]:
    """All that was said, as linking knows it."""
    return [know(plain_message(turn.message)) for turn in conversation.turns]


def _is_reply(turn: Turn) -> bool:
    return turn.taken and turn.message.role == "assistant" and turn.message.says_something


def _times(turns: Sequence[Turn], pieces: Sequence[bytes]) -> list[float]:
    """When each message was said, each later than the one before it."""
    known = next(((n, turn.at) for n, turn in enumerate(turns) if turn.at is not None), None)
    before, at = known or (0, _dated(turns, pieces))
    last = at - _STEP * (before + 1)
    times: list[float] = []
    for turn in turns:
        last = round(max(last + _STEP, turn.at or 0.0), 6)
        times.append(last)
    return times


def _dated(turns: Sequence[Turn], pieces: Sequence[bytes]) -> float:
    """A time for what has none, by how it begins: the same however it goes on."""
    begun = next((n for n, turn in enumerate(turns, 1) if turn.message.role == "user"), len(turns))
    digest = blake2b(b"".join(pieces[:begun]), digest_size=_NAME_BYTES).digest()
    return _DAY + int.from_bytes(digest) % _SLOTS * _APART


def _imported(
    conversation: Conversation,
    turn: Turn,
    format: str,
    id_: str,
    at: float,
    request: bytes,
    reply: bytes,
) -> Imported:
    session = (conversation.session or "").strip()[:MOST_OF_SESSION]
    model = _model(conversation, turn)
    return Imported(
        id=id_,
        at=at,
        format=format,
        model=model,
        mode=mode_of(model, local=conversation.local),
        request=request,
        reply=reply,
        session=session or None,
    )


def _model(conversation: Conversation, turn: Turn) -> str:
    return (turn.model or conversation.model or UNKNOWN)[:MODEL_CHARACTERS]


def _request(conversation: Conversation, turn: Turn, pieces: Sequence[bytes]) -> bytes:
    """A chat request, its messages as they are written already."""
    head = {"model": _model(conversation, turn)}
    tail = {"tools": conversation.tools} if conversation.tools else {}
    before = json_text(head)[:-1]
    after = f",{json_text(tail)[1:]}" if tail else "}"
    return b'%b,"messages":[%b]%b' % (before.encode(), b",".join(pieces), after.encode())


def _reply(turn: Turn, model: str, at: float) -> bytes:
    """A whole chat completion."""
    choice = {
        "index": 0,
        "message": assistant_message(turn.message),
        "finish_reason": turn.finish_reason,
    }
    said: dict[str, Any] = {
        "object": "chat.completion",
        "created": int(at),
        "model": model,
        "choices": [choice],
    }
    if turn.usage is not None:
        said["usage"] = _usage(turn.usage)
    return json_text(said).encode()


def _asked(message: Message) -> Json:
    """A message as clients send it: replies without their thinking, as clients leave it out."""
    if message.role == "assistant":
        said = dict(assistant_message(message))
        said.pop("reasoning_content", None)
        return said
    told: dict[str, Any] = {"role": message.role, "content": _content(message.content)}
    if message.tool_call_id is not None:
        told["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        told["name"] = message.name
    return told


def _content(parts: Sequence[ContentPart]) -> str | list[Mapping[str, Any]]:
    """One text where all of it is text, else its parts."""
    if all(part.kind == "text" for part in parts):
        return "".join(part.text or "" for part in parts)
    return [
        {"type": part.kind, "text": part.text} if part.data is None else part.data for part in parts
    ]


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
