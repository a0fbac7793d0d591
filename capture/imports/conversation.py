"""What a file to import holds, whatever its format: conversations, and what could not be read.

Parsers make these; `capture.imports.replay` makes exchanges of them. Nothing of a source but what
stands here gets in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capture.messages import FinishReason, Message, Usage
from capture.values import value

MOST_MESSAGES = 20_000
"""In one conversation."""


@value
class Turn:
    """One message of a conversation."""

    message: Message
    """What was said."""
    at: float | None = None
    """When it was said, Unix seconds; None when the source does not say."""
    model: str | None = None
    """Of a reply: who gave it; None for whom the conversation names."""
    finish_reason: FinishReason | None = None
    """Of a reply."""
    usage: Usage | None = None
    """Of a reply; None when the source does not say."""
    taken: bool = True
    """Of a reply: it becomes an exchange. False: it is only what was said before others, because
    it has a row of its own, or the source says that it is not to be learnt."""


@value
class Conversation:
    """Messages in the order in which they were sent."""

    turns: tuple[Turn, ...]
    """All of it, system prompt included."""
    line: int | None
    """Of its file, where it begins, counted from 1; None in what has no lines."""
    session: str | None = None
    """What its source calls it."""
    model: str | None = None
    """Who replied, where a reply does not say; None: nobody knows."""
    tools: tuple[Mapping[str, Any], ...] | None = None
    """As OpenAI's chat dialect has them; None: the source does not say which were offered."""
    local: bool = False
    """The source says that the model ran at home."""


@value
class Skipped:
    """Something that is not imported, and why."""

    line: int | None
    """As `Conversation.line`."""
    why: str
    """One clause; holds nothing of what was said."""


Found = Conversation | Skipped
"""What parsers yield, in the order of the file."""


class Unreadable(ValueError):
    """Something of a source is not what its format says; its text is the `Skipped.why`."""


class NotThisFormat(ValueError):
    """A whole file is not what it should be, or not to be trusted. Says why, for people."""
