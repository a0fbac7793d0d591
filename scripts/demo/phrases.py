"""Phrasings: a small grammar that makes requests, and reads them back.

A production is a line such as ``(switch|turn) on [the] {lamp}``: ``(a|b)`` chooses, ``[a]`` may be
left out, ``{slot}`` stands for a value. One expansion with its slots still open is a *wording*.
`wordings` lists them; `pattern` is the regular expression of all of them, with which the stand-in
for Claude understands whatever the household asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

_TOKEN = re.compile(r"[()\[\]|]|\{\w+\}|[^()\[\]|{}]+")

SLOT = re.compile(r"\{(\w+)\}")
"""A slot in a wording."""


@cache
def _options(production: str) -> str:
    """The production with ``[a]`` written as ``(|a)``."""
    return production.replace("[", "(|").replace("]", ")")


@cache
def wordings(production: str) -> tuple[str, ...]:
    """Every wording of a production, each once, in a fixed order."""
    found = [_options(production)]
    while any("(" in text for text in found):
        found = [opened for text in found for opened in _open_first(text)]
    return tuple(dict.fromkeys(_tidy(text) for text in found))


def _open_first(text: str) -> list[str]:
    """The text with its first innermost choice made, once for each option."""
    inner = re.search(r"\(([^()]*)\)", text)
    if inner is None:
        return [text]
    before, after = text[: inner.start()], text[inner.end() :]
    return [before + option + after for option in inner.group(1).split("|")]


def _tidy(text: str) -> str:
    return re.sub(r" ([,?!.:;])", r"\1", " ".join(text.split()))


@cache
def pattern(production: str, kinds: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """What matches every wording of a production; `kinds` gives each slot's own expression."""
    known = dict(kinds)
    parts = [_piece(token, known) for token in _TOKEN.findall(_options(production))]
    return re.compile("".join(parts), re.IGNORECASE)


def _piece(token: str, kinds: Mapping[str, str]) -> str:
    if token in "(|)":
        return "(?:" if token == "(" else token
    slot = SLOT.fullmatch(token)
    if slot is not None:
        return rf"(?P<{slot.group(1)}>{kinds[slot.group(1)]})"
    # spaces beside something left out, and before punctuation, are gone from the wording
    return re.sub(r"(?:\\ )+", r"\\s*", re.escape(token))


def fill(wording: str, values: Mapping[str, str]) -> str:
    """The request that a wording makes of these values."""
    return SLOT.sub(lambda slot: values[slot.group(1)], wording)
