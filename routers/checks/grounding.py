"""Does a call's value come from the conversation? How far, from 0 to 1. Pure.

A value stands in it word for word, or as another way to write the same: a number with commas, as a
word or in percent, another unit, a date in figures, the words in another order. What can come from
elsewhere is not asked: yes and no, a schema's own values and defaults, and prose that the model
composes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from capture.narrowing import Json, list_of, object_of
from routers.checks.figures import number_of
from routers.checks.said import Said

Leaf = str | int | float | bool | None

_LEAVES = 64
"""Values of one call that are looked at, objects and lists among them."""
_PHRASE = 200
"""Longer text is composed, not taken over."""
_ABOUT = 500
"""Characters of an argument's description that are read."""
_UNITS = (7.0, 10.0, 12.0, 24.0, 60.0, 100.0, 1e3, 3600.0, 1e6)
"""What a number is multiplied with, or divided by, when it is put in another unit."""
_CONVERTED = 0.6
"""How well a number is grounded that stands there in another unit only."""

_WORD = re.compile(r"\w+")
_SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_DATE = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[T ].*)?")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?\s?(?:[ap]\.?m\.?)?", re.IGNORECASE)


def leaves(arguments: Json, schema: Json | None) -> Iterator[tuple[str, Leaf, Json]]:
    """Each value that is neither object nor list: its argument, itself, its argument's schema."""
    properties = object_of((schema or {}).get("properties")) or {}
    left = _LEAVES
    for name, held in arguments.items():
        about = object_of(properties.get(name)) or {}
        if left and not isinstance(held, dict | list):
            left -= 1
            yield name, held, about
            continue
        waiting: list[Any] = [held]
        while waiting and left:
            left -= 1
            leaf: Any = waiting.pop()
            if isinstance(leaf, dict | list):
                waiting.extend(_within(leaf, left))
            else:
                yield name, leaf, about


def grounded(leaf: Leaf, about: Json, said: Said) -> float | None:
    """How far the value comes from the conversation; None where that cannot be asked."""
    if leaf is None or isinstance(leaf, bool) or leaf == "" or _of_schema(leaf, about):
        return None
    if isinstance(leaf, int | float):
        return _number(float(leaf), said) if abs(leaf) < 1e300 else 0.0
    return _phrase(leaf, said) if len(leaf) <= _PHRASE else None


def _within(held: Any, most: int) -> list[Any]:
    fields = object_of(held)
    return list(islice(list_of(held) if fields is None else fields.values(), most))


def _of_schema(leaf: Leaf, about: Json) -> bool:
    """Whether the value is the schema's own: its default, one of its choices, or named where it
    describes the argument."""
    if leaf == about.get("default") or "enum" in about or "const" in about:
        return True
    told = about.get("description")
    if not isinstance(told, str):
        return False
    shown = (f"{leaf:g}" if isinstance(leaf, float) else str(leaf)).lower()
    near = told[:_ABOUT].lower()
    if shown not in near:
        return False
    return re.search(rf"(?<!\w){re.escape(shown)}(?!\w)", near) is not None


def _number(number: float, said: Said) -> float:
    if said.holds(f"{abs(number):.15g}") or said.counts(number):
        return 1.0
    converted = any(said.counts(number * unit) or said.counts(number / unit) for unit in _UNITS)
    return _CONVERTED if converted else 0.0


def _phrase(phrase: str, said: Said) -> float | None:
    lower = phrase.strip().lower()
    if said.holds(lower):
        return 1.0
    number = number_of(lower)
    if number is not None:
        return _number(number, said)
    if (dated := _dated(lower, said)) is not None:
        return dated
    words = _WORD.findall(_SEAM.sub(" ", phrase).lower())
    if not words:
        return 0.0
    if f" {' '.join(words)} " in said.plain:
        return 1.0
    if len(words) > 1 and "".join(words) in said.joined:
        return 1.0
    return sum(_word(word, said) for word in words) / len(words)


def _dated(text: str, said: Said) -> float | None:
    """How many of a date's or a time's figures stand there; None when it is neither."""
    match = _DATE.fullmatch(text) or _TIME.fullmatch(text)
    if match is None:
        return None
    figures = [float(group) for group in match.groups() if float(group) or ":" not in text]
    there = [said.counts(n) or (":" in text and said.counts(n - 12.0)) for n in figures]
    return sum(there) / len(there) if there else 1.0


def _word(word: str, said: Said) -> float:
    """A word, or its stem: plurals and endings differ."""
    if word in said.words or (word.isdigit() and said.counts(float(word[:40]))):
        return 1.0
    stem = len(word) > 3 and f" {word[: max(4, len(word) - 2)]}" in said.plain
    return 0.8 if stem or f"{word}s" in said.words else 0.0
