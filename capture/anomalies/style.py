"""Whether a message is written as its source writes. Coarse on purpose: people write in many ways.

Seven simple measures, each held against the source's own median and spread (median absolute
deviation): a few wild ones in the history move neither. Only a message that several of them find
far off is unlike its source. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

MEASURES: tuple[tuple[str, float], ...] = (
    ("length", 0.5),
    ("length of words", 0.1),
    ("capitals", 0.05),
    ("punctuation", 0.03),
    ("figures", 0.03),
    ("letters beyond ASCII", 0.05),
    ("lines", 0.4),
)
"""What is measured, and the spread that every source is granted at least."""
FAR = 5.0
"""Spreads from the median that are far off."""


def measured(text: str) -> tuple[float, ...]:
    """A message by `MEASURES`: lengths and lines as logarithms, the rest as shares."""
    letters = [character for character in text if character.isalpha()]
    told = max(1, sum(not character.isspace() for character in text))
    words = text.split()
    return (
        math.log1p(len(text)),
        math.log1p(told / max(1, len(words))),
        sum(map(str.isupper, letters)) / max(1, len(letters)),
        sum(not (c.isalnum() or c.isspace()) for c in text) / told,
        sum(map(str.isdigit, text)) / told,
        sum(not c.isascii() for c in letters) / max(1, len(letters)),
        math.log1p(text.count("\n")),
    )


class Style:
    """How one source writes, from its different messages."""

    def __init__(self, messages: Sequence[str]) -> None:
        """At least one message."""
        columns = list(zip(*map(measured, messages), strict=True))
        self._usual: list[tuple[float, float]] = []
        for values, (_, least) in zip(columns, MEASURES, strict=True):
            middle = median(values)
            spread = median(abs(value - middle) for value in values)
            self._usual.append((middle, max(spread, least)))

    def off(self, text: str) -> tuple[str, ...]:
        """The measures by which a message is far off."""
        return tuple(
            name
            for value, (middle, spread), (name, _) in zip(
                measured(text), self._usual, MEASURES, strict=True
            )
            if abs(value - middle) > FAR * spread
        )
