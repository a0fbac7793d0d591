"""A small phrase grammar, and the split of its phrasings into training and held-out ones.

A production is a line such as ``!(read|open) [the] file {path}``: ``(a|b)`` chooses, ``[a]`` may
be left out, ``{slot}`` stands for a value, and a leading ``!`` says that it is a command and takes
polite wrappings ("could you ...").  A ``+`` before everything keeps an everyday way of asking on
the training side, since what ships should know it.  One expansion of a production, slots still
open, is a *wording*.

Two splits are fixed here, by code and before any training:

- whole productions: `held_productions` sets aside about one in seven; none of theirs trains;
- wordings: `is_held_wording` sets aside about one in six expansions of the training productions.
"""

from __future__ import annotations

import random
import re
import zlib
from dataclasses import dataclass
from functools import cache

_TOKEN = re.compile(r"[()\[\]|]|[^()\[\]|]+")


@dataclass(frozen=True)
class _Choice:
    """One place in a production where an option is drawn."""

    options: tuple[tuple[_Choice | str, ...], ...]
    """The alternatives, each of texts and further choices; an empty one means "left out"."""


def _parse_options(tokens: list[str], closing: str) -> tuple[tuple[_Choice | str, ...], ...]:
    options: list[tuple[_Choice | str, ...]] = []
    sequence: list[_Choice | str] = []
    while tokens:
        piece = tokens.pop(0)
        if piece == closing:
            break
        if piece == "(":
            sequence.append(_Choice(_parse_options(tokens, ")")))
        elif piece == "[":
            sequence.append(_Choice(((), *_parse_options(tokens, "]"))))
        elif piece == "|":
            options.append(tuple(sequence))
            sequence = []
        else:
            sequence.append(piece)
    return (*options, tuple(sequence))


@cache
def _parse(production: str) -> tuple[_Choice | str, ...]:
    return _parse_options(_TOKEN.findall(production), "")[0]


def _draw(sequence: tuple[_Choice | str, ...], rng: random.Random) -> str:
    return "".join(
        part if isinstance(part, str) else _draw(rng.choice(part.options), rng) for part in sequence
    )


def expand(production: str, rng: random.Random) -> str:
    """One wording of a production: a text with its ``{slots}`` still open."""
    text = re.sub(r" +", " ", _draw(_parse(production.lstrip("+!")), rng)).strip()
    return re.sub(r" ([,?!.:;])", r"\1", text)


def _bucket(text: str, salt: str, buckets: int) -> int:
    return zlib.crc32(f"{salt}:{text}".encode()) % buckets


def is_held_wording(wording: str) -> bool:
    """Whether this exact wording is kept out of training (about one in six)."""
    return _bucket(wording.casefold(), "wording", 6) == 0


def held_productions(productions: tuple[str, ...]) -> frozenset[str]:
    """The productions of one skill that never train: one in seven, at least one, fixed by hash."""
    count = max(1, round(len(productions) / 7))
    free = [production for production in productions if not production.startswith("+")]
    return frozenset(sorted(free, key=lambda p: zlib.crc32(f"production:{p}".encode()))[:count])


def draw_wording(productions: tuple[str, ...], split: str, rng: random.Random) -> tuple[str, bool]:
    """A wording of one split, and whether it is a command that takes polite wrappings.

    `split` is ``train`` (training productions and wordings), ``wording`` (a held-out wording of a
    training production) or ``production`` (any wording of a held-out production).
    """
    held = _held_cached(productions)
    pool = [p for p in productions if (p in held) == (split == "production")]
    for _ in range(1000):
        production = rng.choice(pool)
        wording = expand(production, rng)
        if split == "production" or is_held_wording(wording) == (split == "wording"):
            return wording, production.lstrip("+").startswith("!")
    raise ValueError(f"no {split} wording among {len(pool)} productions, the first is {pool[0]!r}")


@cache
def _held_cached(productions: tuple[str, ...]) -> frozenset[str]:
    return held_productions(productions)
