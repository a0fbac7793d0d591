"""What a request shows before anybody answered it, as figures from 0 to 1. Pure and quick."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_NEGATIONS = ("not", "except", "least", "false", "never", "without")
_NEGATED = re.compile(rf"\b(?:{'|'.join(_NEGATIONS)})\b")
_DIGITS = "0123456789"
_READ = 4000
"""Characters of a request that are read."""


def asked_figures(text: str, tools: int, turns: int = 1) -> Mapping[str, float]:
    """The figures of a request.

    Args:
        text: what is asked.
        tools: how many tools are offered.
        turns: messages so far.
    """
    size = len(text)
    text = text[:_READ]
    read = max(1, len(text))
    low = text.lower()
    hinted = any(word in low for word in _NEGATIONS)  # much quicker than the pattern
    return {
        "asked.length": min(1.0, math.log1p(size) / 10.0),
        "asked.digits": min(1.0, 5.0 * sum(map(text.count, _DIGITS)) / read),
        "asked.questions": min(1.0, text.count("?") / 3.0),
        "asked.lines": min(1.0, text.count("\n") / 20.0),
        "asked.symbols": min(1.0, sum(text.count(c) for c in "=+^$\\{}") / 20.0),
        "asked.negated": 1.0 if hinted and _NEGATED.search(low) else 0.0,
        "asked.words": min(1.0, read / (10.0 * (text.count(" ") + 1))),
        "asked.tools": tools / (tools + 1.0),
        "asked.turns": (turns - 1) / (turns + 3.0),
    }
