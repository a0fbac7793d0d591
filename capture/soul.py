"""The household's SOUL.md: who the agent is, as the system prompt of what trains.

A row whose system prompt has the soul already stays as it is: an agent that reads SOUL.md itself
sends it. Otherwise

    prepend   the soul stands first, and after a blank line what the client's system prompt says
    replace   the soul stands in the place of the client's system prompt

A model is served with what its client sends, so `prepend` is what comes nearest to serving: nothing
that the client says of its tools and its task is lost. The text is redacted as all else is, so the
same soul has another hash with another salt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

from capture.narrowing import list_of, object_of, text_of
from capture.redact import Redactor
from capture.trainable import TrainableTurn

Json = Mapping[str, Any]
How = Literal["prepend", "replace"]

MOST_BYTES = 64 << 10
"""Longest file that is taken: 16,000 tokens and more would leave room for little else."""
_ROLES = ("system", "developer")


class SoulError(Exception):
    """SOUL.md is there and cannot be taken. Says why, for people."""


@dataclass(frozen=True, slots=True)
class SoulMark:
    """Which soul stands in rows, as a manifest names it."""

    how: How
    sha256: str
    """Of its text, redacted and without blanks around it."""


@dataclass(frozen=True, slots=True)
class Soul:
    """A soul, and how it gets into rows."""

    text: str
    """Redacted; neither empty nor with blanks around it."""
    how: How

    @property
    def mark(self) -> SoulMark:
        return SoulMark(self.how, hashlib.sha256(self.text.encode()).hexdigest())

    def given(self, turn: TrainableTurn) -> TrainableTurn:
        """The turn as it were if its request had come with the soul; what is no list of messages
        stays as it is."""
        messages = turn.request.get("messages")
        if not isinstance(messages, list):
            return turn
        told = self.before(list_of(messages))
        return replace(turn, request={**turn.request, "messages": told})

    def before(self, messages: Sequence[Any]) -> list[Any]:
        """Messages with the soul in their system prompt: in those that the first ones are of the
        system or the developer."""
        system = list(takewhile(_is_system, messages))
        rest = messages[len(system) :]
        if self.how == "replace":
            return [{"role": "system", "content": self.text}, *rest]
        if any(self.text in _said(message) for message in system):
            return list(messages)
        if not system:
            return [{"role": "system", "content": self.text}, *rest]
        first, *others = system
        return [self._first(first), *others, *rest]

    def _first(self, message: Json) -> Json:
        """The client's first system message, after the soul."""
        content = message.get("content")
        if isinstance(content, list):
            part = {"type": "text", "text": f"{self.text}\n\n"}
            return {**message, "content": [part, *list_of(content)]}
        said = f"{self.text}\n\n{content}" if content else self.text
        return {**message, "content": said}


def read_soul(path: Path, redactor: Redactor, how: How | Literal["off"]) -> Soul | None:
    """The soul in a file; None where there is none, where it says nothing, and for `off`. Raises
    SoulError."""
    if how == "off":
        return None
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SoulError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise SoulError(f"{path} is larger than {MOST_BYTES >> 10} KiB: make it shorter")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SoulError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    text = redactor.text(text).strip()
    return Soul(text, how) if text else None


def _is_system(message: object) -> bool:
    found = object_of(message)
    return found is not None and found.get("role") in _ROLES


def _said(message: Json) -> str:
    """A system message's text."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = filter(None, map(object_of, list_of(content)))
    return "".join(text_of(part.get("text")) or "" for part in parts)
