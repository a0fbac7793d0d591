"""The answer a text comes down to: after `####`, in a box, a letter, a last number. Pure.

What form is asked for is read from the request. Nothing here says whether an answer is right.
"""

from __future__ import annotations

import re
from typing import Literal

from capture.values import value
from routers.checks.figures import PLAIN, number_of

Form = Literal["number", "letter"]

_READ = 4 * 1024
"""Most characters of a request or a reply that are read, from its end."""

_MARKED = re.compile(r"####[ \t]*([^\n]{1,80})")
_BOXED = re.compile(r"\\boxed\{([^{}\n]{1,80})\}")
_STATED = re.compile(r"\banswer(?:\s+is)?\s*(?::|=|\bis\b)[\s*$]{0,4}([^\n]{1,80})", re.IGNORECASE)
_NUMBER = re.compile(rf"(?<![\w.])-?[$€£]?\s?{PLAIN}")
_LETTER = re.compile(r"[(\[*]{0,3}([A-J])(?:[)\].:*,\s]|$)")
_OPTION = re.compile(r"^[(\[]?([A-J])[)\].:] ?\S", re.MULTILINE)
_COUNTED = re.compile(
    r"\bhow (?:many|much|old|long|far|tall|fast|big|heavy)\b|\bwhat (?:is|was|are|were) the "
    r"(?:\w+ ){0,3}?(?:total|number|sum|average|price|cost|amount|percentage|age|value|result)\b"
    r"|\bwhat percent|\bcalculate\b|\bfinal (?:number|answer)\b|\\boxed|####",
    re.IGNORECASE,
)


@value
class Answer:
    """What a text comes down to."""

    text: str
    """As it stands there, without marks around it."""
    number: float | None
    """Its number; None when it is none."""
    marked: bool
    """It is marked as the answer; else it is merely the last number of the text."""


def form_asked(ask: str) -> Form | None:
    """What form of answer the request wants; None when it says nothing of it."""
    end = ask[-_READ:]
    if len({match[1] for match in _OPTION.finditer(end)}) >= 2:
        return "letter"
    return "number" if _COUNTED.search(end) else None


def answer_in(text: str, form: Form | None) -> Answer | None:
    """The final answer in a reply; None when there is none of that form.

    A marked one counts before any other, the last of several. Without a mark, the last number is
    the answer where one is asked for, and a letter only where the reply opens with it.
    """
    end = text[-_READ:]
    for pattern in (_MARKED, _BOXED, _STATED):
        found = pattern.findall(end)
        if found and (answer := _read(found[-1], form)) is not None:
            return answer
    if form == "letter":
        match = _LETTER.match(text.strip()[:8])
        return None if match is None else Answer(match[1], None, marked=True)
    if form == "number":
        numbers = [match[0] for match in _NUMBER.finditer(end)]
        if numbers:
            return Answer(
                numbers[-1].strip(), number_of(numbers[-1].replace(" ", "")), marked=False
            )
    return None


def _read(told: str, form: Form | None) -> Answer | None:
    """The answer within what stands after a mark."""
    bare = told.strip().strip("*$`\"' ").rstrip(".")
    if form == "letter":
        match = _LETTER.match(bare)
        return None if match is None else Answer(match[1], None, marked=True)
    found = _NUMBER.search(bare)
    if found is not None:
        return Answer(found[0].strip(), number_of(found[0].replace(" ", "")), marked=True)
    return Answer(bare, None, marked=True) if bare and form is None else None
