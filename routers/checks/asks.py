"""How many things one message asks for. Pure; an estimate for whoever holds it against the calls.

Counted are questions, numbered points and words that open a further wish; what is listed after one
verb counts by its `and`s, half.
"""

from __future__ import annotations

import re

_READ = 4 * 1024
"""Most characters of a message that are read."""

_POINT = re.compile(r"^\s{0,8}(?:\d{1,2}[.)]|[-*•])\s", re.MULTILINE)
_FURTHER = re.compile(
    r"\b(?:also|then|after that|afterwards|additionally|furthermore|in addition|finally|lastly"
    r"|secondly|second,|thirdly|third,|fourth,|besides|as well as|another|außerdem|danach|dann"
    r"|ensuite|puis|además|luego)\b",
    re.IGNORECASE,
)
_LISTED = re.compile(r",|\band\b|\bund\b|\bet\b|\by\b|&", re.IGNORECASE)


def asks(text: str) -> tuple[int, int, int, int]:
    """Questions, numbered points, openings of a further wish, and items listed."""
    read = text[:_READ]
    return (
        read.count("?"),
        sum(1 for _ in _POINT.finditer(read)),
        sum(1 for _ in _FURTHER.finditer(read)),
        sum(1 for _ in _LISTED.finditer(read)),
    )


def estimate(text: str) -> int:
    """How many things are asked for, at least one."""
    questions, points, further, _ = asks(text)
    return max(1, questions, points, 1 + further)
