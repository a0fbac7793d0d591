"""What other programs recorded, read so that it can be kept here.

    claude-api       logs of Claude's API: requests and replies of `/v1/messages`
    claude-export    the data export of claude.ai: conversations.json, or its zip file
    claude-code      Claude Code's session files
    hermes-state     Hermes Agent's state.db
    trajectories     Hermes Agent's trajectories, and our own `sharegpt` exports
    openclaw         OpenClaw's (and pi's) session files
    litellm          LiteLLM's logging payloads and spend logs
    helicone         Helicone's exports
    openai           OpenAI's fine-tuning files, and our own `chat` and `openai` exports

Each parser is pure: values in, conversations out, and what could not be read with its line. Nothing
in a file is executed, followed or fetched, and nothing of it becomes a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from capture.import_formats import Format
from capture.imports import (
    claude_api,
    claude_code,
    claude_export,
    helicone,
    hermes_state,
    litellm,
    openai,
    openclaw,
    trajectories,
)
from capture.imports.conversation import (
    MOST_MESSAGES,
    Conversation,
    Found,
    NotThisFormat,
    Skipped,
    Unreadable,
)
from capture.imports.reading import Read
from capture.imports.source import Source
from capture.narrowing import Json, object_of

__all__ = ["Conversation", "Format", "Found", "NotThisFormat", "Skipped", "conversations", "detect"]

_LOOKED_AT = 50
"""Values looked at to tell a format."""


_LOOKS: Mapping[Format, Callable[[Json], bool]] = {
    Format.CLAUDE_CODE: claude_code.looks_like,
    Format.OPENCLAW: openclaw.looks_like,
    Format.TRAJECTORIES: trajectories.looks_like,
    Format.CLAUDE_EXPORT: claude_export.looks_like,
    Format.HELICONE: helicone.looks_like,
    Format.LITELLM: litellm.looks_like,
    Format.OPENAI: openai.looks_like,
    Format.CLAUDE_API: claude_api.looks_like,
}
"""In this order: the more particular first."""

_ROWS: Mapping[Format, Callable[[Read], Conversation]] = {
    Format.TRAJECTORIES: trajectories.parse,
    Format.CLAUDE_API: claude_api.parse,
    Format.LITELLM: litellm.parse,
    Format.HELICONE: helicone.parse,
    Format.OPENAI: openai.parse,
}
"""Formats of which each value is a conversation."""


def detect(source: Source) -> Format | None:
    """The format of a file, by what is in it; None when it is none of them. Raises OSError,
    NotThisFormat."""
    if source.kind == "sqlite":
        return Format.HERMES_STATE
    if source.kind == "zip":
        return Format.CLAUDE_EXPORT
    for read in islice(source.values(), _LOOKED_AT):
        if (found := format_of(read.value)) is not None:
            return found
    return None


def format_of(value: object) -> Format | None:
    """The format that a value of a file is in; None for none that is known."""
    said = object_of(value)
    if said is None:
        return None
    return next((each for each, looks_like in _LOOKS.items() if looks_like(said)), None)


def conversations(source: Source, format: Format) -> Iterator[Found]:
    """What a file of this format holds, in its order. Raises OSError, NotThisFormat."""
    if (format is Format.HERMES_STATE) != (source.kind == "sqlite"):
        raise NotThisFormat("a database is read as hermes-state, and nothing else is")
    for found in _found(source, format):
        if isinstance(found, Conversation) and len(found.turns) > MOST_MESSAGES:
            yield Skipped(found.line, f"it has more than {MOST_MESSAGES:,} messages")
        else:
            yield found


def _found(source: Source, format: Format) -> Iterator[Found]:
    if format is Format.HERMES_STATE:
        return hermes_state.conversations(source.path)
    return parsed(source.values(), format)


def parsed(reads: Iterable[Read], format: Format) -> Iterator[Found]:
    """What values of a file of this format, which is no database, hold."""
    if format is Format.CLAUDE_CODE:
        return claude_code.parse(reads)
    if format is Format.OPENCLAW:
        return openclaw.parse(reads)
    if format is Format.HELICONE:
        reads = (row for read in reads for row in helicone.rows(read))
    if format is Format.CLAUDE_EXPORT:
        return _each(reads, claude_export.parse)
    row = _ROWS[format]
    return _each(reads, lambda read: iter((row(read),)))


def _each(reads: Iterable[Read], parse: Callable[[Read], Iterator[Found]]) -> Iterator[Found]:
    """What each value holds, or why it holds nothing."""
    for read in reads:
        if read.fault is not None or object_of(read.value) is None:
            yield Skipped(read.line, f"{read.within}{read.fault or 'not an object'}")
            continue
        try:
            found = list(parse(read))
        except Unreadable as error:
            found = [Skipped(read.line, f"{read.within}{error}")]
        yield from found
