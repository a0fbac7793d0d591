"""One exchange's messages as a page shows them: who said what, calls beside their results. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from capture.messages import ContentPart, Message, ToolCall
from gateway.dashboard.format import size
from gateway.dashboard.text import Shown, one_line, shown, shown_json

TEXT_LIMIT = 20_000
"""Characters shown of any one text; the raw download has the rest."""
MESSAGES_LIMIT = 200
"""Messages shown of one request, the newest."""
IMAGE_LIMIT = 512 * 1024
"""Bytes of an image shown in place; a larger one is only named."""

Results = Mapping[tuple[int, int], Message]
"""Tool results by (message, call) position of the call they answer."""

_DATA_IMAGE = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a message."""

    kind: str
    label: str
    """What it is, for parts that are not words."""
    shown: Shown
    image: str | None = None
    """A data address that a browser may show; None for everything else."""


@dataclass(frozen=True, slots=True)
class Card:
    """A tool call, and its result where the request brought one."""

    id: str
    name: str
    arguments: Shown
    result: Shown | None


@dataclass(frozen=True, slots=True)
class Said:
    """One message."""

    role: str
    who: str
    folded: bool
    """Shown closed, behind its summary."""
    summary: str
    parts: tuple[Piece, ...]
    calls: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A request's messages."""

    opening: tuple[Said, ...]
    """The system prompt the conversation begins with, if it does."""
    earlier: tuple[Said, ...]
    """From there to the last user message, shown closed."""
    latest: tuple[Said, ...]
    """From the last user message on."""
    left_out: int
    """Oldest messages not shown at all."""


def transcript(messages: Sequence[Message]) -> Transcript:
    """The request as turns, each result moved beside the call it answers."""
    results = _pair(messages)
    moved = {id(result) for result in results.values()}
    turns = [(n, message) for n, message in enumerate(messages) if id(message) not in moved]
    last_user = max((n for n, message in turns if message.role == "user"), default=0)
    kept = turns[-MESSAGES_LIMIT:]
    opening: list[Said] = []
    earlier: list[Said] = []
    latest: list[Said] = []
    for number, message in kept:
        said = _said(number, message, results)
        if number == 0 and said.folded:
            opening.append(said)
        else:
            (latest if number >= last_user else earlier).append(said)
    return Transcript(tuple(opening), tuple(earlier), tuple(latest), len(turns) - len(kept))


def _pair(messages: Sequence[Message]) -> Results:
    """Each result goes to the earliest call before it that has its id and no result yet.

    Ids may be missing or repeat; a result that finds no call stays where it is.
    """
    results: dict[tuple[int, int], Message] = {}
    waiting: defaultdict[str, deque[tuple[int, int]]] = defaultdict(deque)
    for number, message in enumerate(messages):
        for position, call in enumerate(message.tool_calls):
            if call.id:
                waiting[call.id].append((number, position))
        if message.role == "tool" and waiting.get(message.tool_call_id or ""):
            results[waiting[message.tool_call_id or ""].popleft()] = message
    return results


def reply_turn(message: Message) -> Said:
    """The model's answer."""
    return Said(
        role="reply",
        who="reply",
        folded=False,
        summary="",
        parts=_pieces(message.content),
        calls=tuple(_card(call, None) for call in message.tool_calls),
    )


def _said(number: int, message: Message, results: Results) -> Said:
    text = message.text
    folded = message.role in ("system", "developer")
    stray = message.role == "tool"
    who = f"{message.role} {message.name}" if message.name else message.role
    return Said(
        role=message.role,
        who=f"{who}, a result of no call in this request" if stray else who,
        folded=folded,
        summary=f"{len(text):,} characters: {one_line(text, 90)}" if folded else "",
        parts=_pieces(message.content, json=stray),
        calls=tuple(
            _card(call, results.get((number, position)))
            for position, call in enumerate(message.tool_calls)
        ),
    )


def _card(call: ToolCall, result: Message | None) -> Card:
    return Card(
        id=call.id,
        name=call.name,
        arguments=shown_json(call.arguments, TEXT_LIMIT),
        result=None if result is None else shown_json(result.text, TEXT_LIMIT),
    )


def _pieces(parts: Sequence[ContentPart], *, json: bool = False) -> tuple[Piece, ...]:
    return tuple(_piece(part, json) for part in parts if part.text or part.data is not None)


def _piece(part: ContentPart, json: bool) -> Piece:
    if part.data is None or part.kind in ("text", "thinking"):
        show = shown_json if json else shown
        kind = "thinking" if part.kind == "thinking" else "text"
        return Piece(kind, part.kind, show(part.text or "", TEXT_LIMIT))
    image = _image(part.data) if part.kind == "image" else None
    text = "" if image else orjson.dumps(part.data, option=orjson.OPT_INDENT_2).decode()
    return Piece(part.kind, f"{part.kind}, {size(len(text))}", shown(text, TEXT_LIMIT), image)


def _image(data: Mapping[str, Any]) -> str | None:
    """The data address of an embedded image that is small, of a plain kind, and real base64."""
    holder: Any = data.get("image_url")
    url: Any = cast("Mapping[str, Any]", holder).get("url") if isinstance(holder, dict) else holder
    if not isinstance(url, str) or len(url) > IMAGE_LIMIT * 4 // 3 + 64:
        return None
    match = _DATA_IMAGE.fullmatch(url)
    if match is None:
        return None
    try:
        base64.b64decode(match[2], validate=True)
    except binascii.Error:
        return None
    return url
