"""What pages show of exchanges, redacted: no picture of a page shows a key. Pure.

The store's values come in, the same without secrets go out, before anything is laid out or cut.

The store keeps what was said, and the downloads a page links to are as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

from capture.batch import EXCERPT
from capture.messages import ContentPart, Message, ToolCall
from capture.narrowing import Malformed, loads
from capture.outcomes import Outcome
from capture.redact import Redactor
from capture.store.rows import AttemptDetail, ExchangeDetail, ExchangeSummary

LOOKED_THROUGH = 4 << 20
"""Bytes of a raw body that a page looks through."""


def redacted_summary(row: ExchangeSummary, redactor: Redactor) -> ExchangeSummary:
    """One line of a list."""
    return replace(
        row,
        alias=_short(row.alias, redactor),
        model=None if row.model is None else _short(row.model, redactor),
        asked=_excerpt(row.asked, redactor),
        answered=_excerpt(row.answered, redactor),
        called=tuple(_short(name, redactor) for name in row.called),
        skill=None if row.skill is None else _short(row.skill, redactor),
    )


def redacted_detail(detail: ExchangeDetail, redactor: Redactor) -> ExchangeDetail:
    """One exchange, but for its raw bytes and headers."""
    if redactor.level == "off":
        return detail
    return replace(
        detail,
        summary=redacted_summary(detail.summary, redactor),
        decision=redactor.json(dict(detail.decision)),
        tools=tuple(map(redactor.text, detail.tools)),
        messages=tuple(_message(message, redactor) for message in detail.messages),
        replies=tuple(_message(message, redactor) for message in detail.replies),
        attempts=tuple(_attempt(attempt, redactor) for attempt in detail.attempts),
        error=None if detail.error is None else redactor.json(dict(detail.error)),
        notes=tuple(map(redactor.text, detail.notes)),
        outcome=None if detail.outcome is None else _outcome(detail.outcome, redactor),
    )


def holds_secrets(body: bytes, redactor: Redactor) -> bool:
    """Whether anything of a raw body would be redacted, also what a stream holds in pieces: each
    field's values are looked at joined, in the order of the events. Of a body that is too long to
    look through it is taken for granted."""
    if redactor.level == "off" or not body:
        return False
    if len(body) > LOOKED_THROUGH:
        return True
    text = body.decode(errors="replace")
    if redactor.said(text) != text:
        return True
    pieces: defaultdict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        if line.startswith("data:"):
            try:
                event = loads(line[5:].encode())
            except Malformed:
                continue
            for path, piece in _strings("", event):
                pieces[path].append(piece)
    return any(redactor.said(whole) != whole for whole in map("".join, pieces.values()))


def _strings(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Every string of a JSON value, with where it stands."""
    waiting: list[tuple[str, object]] = [(path, value)]
    while waiting:
        where, each = waiting.pop()
        if isinstance(each, str):
            yield where, each
        elif isinstance(each, dict):
            entries = cast("dict[str, object]", each).items()
            waiting += [(f"{where}.{name}", entry) for name, entry in entries]
        elif isinstance(each, list):
            entries = enumerate(cast("list[object]", each))
            waiting += [(f"{where}.{number}", entry) for number, entry in entries]


def _excerpt(text: str | None, redactor: Redactor) -> str | None:
    """The beginning of a text. Where it was cut the last word goes: it may be half a secret."""
    if text is None:
        return None
    if redactor.level != "off" and len(text) >= EXCERPT:
        text = text[: max(text.rfind(" "), text.rfind("\n"), 0)] or text
    return _short(text, redactor)


@lru_cache(maxsize=4096)
def _short(text: str, redactor: Redactor) -> str:
    """A short text; lists ask for the same ones every two seconds."""
    return redactor.text(text)


def _message(message: Message, redactor: Redactor) -> Message:
    return replace(
        message,
        content=_parts(message.content, redactor),
        tool_calls=tuple(
            ToolCall(call.id, redactor.text(call.name), redactor.said(call.arguments))
            for call in message.tool_calls
        ),
    )


def _parts(parts: tuple[ContentPart, ...], redactor: Redactor) -> tuple[ContentPart, ...]:
    """A message's parts: text that is JSON as JSON, texts side by side as one, and all else by its
    strings."""
    texts = [at for at, part in enumerate(parts) if part.kind == "text" and part.data is None]
    joined = redactor.texts([parts[at].text or "" for at in texts])
    made = list(parts)
    for at, text in zip(texts, joined, strict=True):
        made[at] = ContentPart("text", text)
    return tuple(_part(part, redactor) for part in made)


def _part(part: ContentPart, redactor: Redactor) -> ContentPart:
    text = None if part.text is None else redactor.said(part.text)
    data: Any = None if part.data is None else redactor.json(dict(part.data))
    return ContentPart(part.kind, text, data)


def _outcome(outcome: Outcome, redactor: Redactor) -> Outcome:
    """What came of it: its evidence quotes what people and tools said."""
    evidence = tuple((code, redactor.text(text)) for code, text in outcome.evidence)
    return replace(outcome, evidence=evidence)


def _attempt(attempt: AttemptDetail, redactor: Redactor) -> AttemptDetail:
    error = None if attempt.error is None else redactor.text(attempt.error)
    return replace(attempt, model=redactor.text(attempt.model), error=error)
