"""What of the request the calls, or the text, took up: its numbers, names and quotations. Pure.

A thing that was asked with care and is nowhere in the reply was likely forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from routers.checks.calls import declared
from routers.checks.figures import WORDS, numbers

_READ = 8 * 1024
"""Most characters of a request that are read."""
_THINGS = 64
"""Most things of one kind that are looked for."""
_STEM = 5
"""Letters by which words of one stem are told."""

_QUOTED = re.compile(
    "['\"`\u201c\u2018]([^'\"`\u201c\u201d\u2018\u2019\n]{1,60})['\"`\u201d\u2019]"
)
_NAME = re.compile(r"(?<![.!?:\n'\"] )(?<!^)\b[A-Z][\w-]{1,40}(?: [A-Z][\w-]{1,40}){0,3}")
_WORD = re.compile(r"[^\W_]+")
_COMMON = (
    "the and for with from that this what which when where how can you could would please find get"
    " give tell need want like use using are was were has have had not all any some into over about"
    " than then also there their them they his her its our your will should may"
)
"""Words that say nothing of what a request is about."""


def things(ask: str) -> tuple[list[float], list[str]]:
    """The numbers of a request, and its names and quotations in lower case; each once."""
    read = ask[:_READ]
    counted = dict.fromkeys(n for n in numbers(read))
    spelled = (WORDS[word] for word in _WORD.findall(read.lower()) if WORDS.get(word, 0.0) >= 3)
    counted.update(dict.fromkeys(spelled))
    named = dict.fromkeys(m[1].strip().lower() for m in _QUOTED.finditer(read))
    named.update(dict.fromkeys(m[0].lower() for m in _NAME.finditer(read)))
    return list(counted)[:_THINGS], [n for n in named if n][:_THINGS]


def numbers_used(asked: Sequence[float], text: str) -> float:
    """The share of a request's numbers that stand in a reply, 1 where it has none."""
    if not asked:
        return 1.0
    used = set(numbers(text))
    used.update(n * 100.0 for n in list(used) if n < 1)
    near = {round(n, 9) for n in used}
    return sum(round(n, 9) in near for n in asked) / len(asked)


def names_used(asked: Sequence[str], text: str) -> float:
    """The share of a request's names and quotations that stand in a reply, 1 where it has none."""
    if not asked:
        return 1.0
    lower = text.lower()
    there = (any(word in lower for word in _WORD.findall(name)) for name in asked)
    return sum(there) / len(asked)


@lru_cache(maxsize=1024)  # the same tools are offered again and again
def stems(text: str) -> frozenset[str]:
    """The stems of a text's telling words."""
    common = _COMMON.split()
    return frozenset(
        word[:_STEM]
        for word in _WORD.findall(_split(text).lower())
        if len(word) > 2 and word not in common
    )


def overlaps(ask: str, tools: Sequence[object]) -> dict[str, float]:
    """For each tool offered, the share of its name's and purpose's words that the request has."""
    wanted = stems.__wrapped__(ask[:_READ])
    shares: dict[str, float] = {}
    for name, _, about in islice(declared(tools), _THINGS):
        named, told = stems(name[:80]), stems(about[:240])
        shares[name] = 0.5 * _share(named, wanted) + 0.5 * _share(told, wanted)
    return shares


def _share(some: frozenset[str], wanted: frozenset[str]) -> float:
    return len(some & wanted) / len(some) if some else 0.0


def _split(text: str) -> str:
    """Names as words: `getWeather`, `get_weather`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_|\.", " ", text)
