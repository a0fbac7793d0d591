"""What a conversation said, as replies are held against it: its text, words and numbers. Pure.

Read are the newest characters only, and each form is made when it is first asked for: most values
of a call stand in the conversation word for word, and a search for them is all that it takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from capture.narrowing import list_of, object_of
from routers.checks.figures import MONTHS, WORDS, numbers

_CHARS = 256 * 1024
"""Newest characters of the conversation that are searched."""
_READ = 16 * 1024
"""Newest of those that are read word by word."""
_NEAR = 4 * 1024
"""Newest of those that are searched before the rest."""
_TRIES = 8
"""Places of a phrase that are looked at, of those that are within other words."""
_MESSAGES = 1000
"""Newest messages that are looked at."""
_WORD = re.compile(r"\w+")


class Said:
    """One conversation."""

    def __init__(self, messages: Sequence[Mapping[str, Any]]) -> None:
        recent = [held for m in messages[-_MESSAGES:] if (held := object_of(m)) is not None]
        asks = [n for n, held in enumerate(recent) if held.get("role") == "user"]
        self.ask = _text(recent[asks[-1]])[:_READ] if asks else ""
        """What was asked last: the newest message of the user's."""
        self.answered = recent[asks[-1] + 1 :] if asks else []
        """What came after it: calls and their results, while an agent works on it."""
        self._messages = recent

    @cached_property
    def text(self) -> str:
        """All of it in lower case: words, earlier calls' arguments and their results."""
        parts: list[str] = []
        left = _CHARS
        for message in reversed(self._messages):
            for part in (_text(message), *_arguments(message)):
                parts.append(part[:left])
                left -= len(part)
            if left <= 0:
                break
        return "\n".join(reversed(parts)).lower()

    @cached_property
    def plain(self) -> str:
        """The newest of it as words with one space between them and around all."""
        return f" {' '.join(_WORD.findall(self.text[-_READ:].replace('_', ' ')))} "

    @cached_property
    def joined(self) -> str:
        """`plain` without its spaces."""
        return self.plain.replace(" ", "")

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of `plain`."""
        return frozenset(self.plain.split())

    @cached_property
    def numbers(self) -> frozenset[float]:
        """The numbers in the newest of it, also those written as words, and months by name."""
        found = set(numbers(self.text[-_READ:]))
        found.update(WORDS[word] for word in self.words & WORDS.keys())
        found.update(float(MONTHS[word]) for word in self.words & MONTHS.keys())
        return frozenset(_rounded(number) for number in found)

    def holds(self, phrase: str) -> bool:
        """Whether a phrase in lower case stands in it word for word, not within other words."""
        near = len(self.text) - _NEAR  # what was just said is what a call is mostly about
        return (near > 0 and self._holds(phrase, near)) or self._holds(phrase, 0)

    def _holds(self, phrase: str, start: int) -> bool:
        at = self.text.find(phrase, start)
        for _ in range(_TRIES):
            if at < 0:
                return False
            end = at + len(phrase)
            if not (_joins(self.text, at) or _joins(self.text, end)):
                return True
            at = self.text.find(phrase, at + 1)
        return False

    def counts(self, number: float) -> bool:
        """Whether it holds this number, whatever its sign."""
        return _rounded(abs(number)) in self.numbers


def _rounded(number: float) -> float:
    """To nine digits, so that 0.1 + 0.2 is 0.3."""
    return float(f"{number:.9g}")


def _joins(text: str, at: int) -> bool:
    """Whether a word or number goes on across this position."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(_parts(content))


def _parts(content: object) -> Iterator[str]:
    for part in list_of(content):
        text = (object_of(part) or {}).get("text")
        if isinstance(text, str):
            yield text


def _arguments(message: Mapping[str, Any]) -> Iterator[str]:
    for call in list_of(message.get("tool_calls")):
        function = object_of((object_of(call) or {}).get("function")) or {}
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            yield arguments
