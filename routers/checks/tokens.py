"""How sure a model was of what it wrote, by its tokens' log-probabilities. Pure.

Most tokens of a call are forced by its syntax: brackets, quotes, the arguments' names. They say
nothing and hide the rest, so only those that carry a name or a value count, and a reply's own
thinking does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from capture.narrowing import list_of, object_of

_TOKENS = 8192
"""Most tokens of a reply that are looked at."""


def meaningful(content: object) -> list[float]:
    """The log-probabilities of the tokens that carry names and values, from the `content` of a
    chat completion's `logprobs`; empty when there is none that could be read."""
    read = [held for entry in list_of(content)[:_TOKENS] if (held := _token(entry)) is not None]
    keys = _keys("".join(token for token, _ in read))
    kept: list[float] = []
    at = 0
    for token, logprob in read:
        end = at + len(token)
        if any(c.isalnum() and not keys[at + n] for n, c in enumerate(token)):
            kept.append(logprob)
        at = end
    return kept


def figures(logprobs: Sequence[float] | None) -> Mapping[str, float]:
    """Mean, tenth and least probability of these tokens; neutral when none are given."""
    given = [min(0.0, p) for p in (logprobs or ())[:_TOKENS] if not math.isnan(p)]
    if not given:
        return {"sure_given": 0.0, "sure_mean": 0.5, "sure_tenth": 0.5, "sure_least": 0.5}
    ordered = sorted(given)
    return {
        "sure_given": 1.0,
        "sure_mean": math.exp(sum(max(-20.0, p) for p in given) / len(given)),
        "sure_tenth": math.exp(ordered[len(ordered) // 10]),
        "sure_least": math.exp(ordered[0]),
    }


def _token(entry: object) -> tuple[str, float] | None:
    held = object_of(entry) or {}
    token, logprob = held.get("token"), held.get("logprob")
    if (
        not isinstance(token, str)
        or isinstance(logprob, bool)
        or not isinstance(logprob, int | float)
    ):
        return None
    return token, float(logprob)


def _keys(text: str) -> bytearray:
    """For each character, 1 where it belongs to a JSON object's key."""
    marks = bytearray(len(text))
    opened: int | None = None
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            if opened is None:
                opened = at
            else:
                if text[at + 1 : at + 8].lstrip().startswith(":"):
                    marks[opened : at + 1] = b"\x01" * (at + 1 - opened)
                opened = None
        at += 1
    return marks
