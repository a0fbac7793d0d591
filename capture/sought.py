"""What is looked for among exchanges, and what is found: values, and both in SQL's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from capture.exchange import Mode
from capture.outcomes import OutcomeName

By = Literal["both", "words", "meaning"]
"""How exchanges are found: they hold all the words, what they asked is alike, or either."""
MARKS = ("\x02", "\x03")
"""Stand around words that were found in an excerpt."""
MOST_WORDS = 32
"""In one search."""

_TOKEN = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')
_LETTERS = re.compile(r"\w")
_LATER = 60
"""How little the first places count more than later ones (Cormack et al. 2009)."""


class Nothing(ValueError):
    """A search that asks for nothing; its text says what to write."""


class NoMeaning(RuntimeError):
    """Nothing is searched by meaning here; its text says why."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for."""

    words: str
    """As a person types it."""
    skill: str | None = None
    """None is no filter, here and below."""
    mode: Mode | None = None
    outcome: OutcomeName | None = None
    since: float | None = None
    """Unix seconds, included."""
    until: float | None = None
    """Unix seconds, excluded."""
    limit: int = 20
    adapter: str | None = None
    """Id of the adapter that answered."""
    tag: str | None = None
    """One of the client's own (`capture.tags`), in any case."""
    by: By = "both"


@dataclass(frozen=True, slots=True)
class Hit:
    """An exchange that was found."""

    exchange: str
    excerpt: str
    """Some words around what was found, that between `MARKS`; of one that does not hold the words,
    the beginning of what it asked."""
    held: bool
    """It holds all the words."""
    alike: float | None
    """Cosine of what it asked with what is looked for, up to 1; None when that is too little to
    count, or was not looked at."""
    distilled: Mapping[str, Any] | None
    """What it comes down to (`capture.distill`), as plain values; None for a short one."""
    distilled_by: str | None = None
    """The model that says so, or `extraction`; None for a short one."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found."""

    hits: tuple[Hit, ...]
    """The closest first."""
    note: str | None = None
    """What was not looked at by meaning, and why; None when all was that was asked for."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A past request that is like another."""

    exchange: str
    cosine: float
    """Up to 1, which is the same words."""


def match(words: str) -> str:
    """A person's words in FTS5's language, each quoted, so that none of it is a command. Raises
    Nothing."""
    wanted, unwanted = _quoted(words)
    if not wanted:
        raise Nothing("say what to look for: at least one word that is not left out")
    if len(wanted) + len(unwanted) > MOST_WORDS:
        raise Nothing(f"look for {MOST_WORDS} words at most, or by meaning alone")
    return " ".join(["(" + " AND ".join(wanted) + ")", *(f"NOT {word}" for word in unwanted)])


def left_out(words: str) -> str | None:
    """What must not be there, in FTS5's language; None when anything may."""
    _, unwanted = _quoted(words)
    return " OR ".join(unwanted[:MOST_WORDS]) or None


def said_plainly(words: str) -> str:
    """What is looked for, without what is left out. Raises Nothing."""
    pieces = [phrase or word for minus, phrase, word in _TOKEN.findall(words) if not minus]
    if not any(map(_LETTERS.search, pieces)):
        raise Nothing("say what to look for: at least one word that is not left out")
    return " ".join(pieces)


def narrowed(sought: Sought) -> tuple[str, Sequence[Any]]:
    """SQL for the filters, and its values. `d` is a document, `e` its exchange, `o` its outcome."""
    tagged = "EXISTS (SELECT 1 FROM tags AS g WHERE g.number = d.number AND g.tag = ?)"
    filters: tuple[tuple[str, Any, Callable[[Any], Any]], ...] = (
        ("e.skill = ?", sought.skill, str),
        ("e.mode = ?", sought.mode, lambda mode: mode.value),
        ("coalesce(o.outcome, 'unknown') = ?", sought.outcome, str),
        ("e.began_at >= ?", sought.since, float),
        ("e.began_at < ?", sought.until, float),
        ("e.adapter = ?", sought.adapter, str),
        (tagged, sought.tag, lambda tag: tag.lower()),
    )
    held = [(sql, plain(value)) for sql, value, plain in filters if value is not None]
    return "".join(f" AND {sql}" for sql, _ in held), [value for _, value in held]


def fused(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Several orders of ids made one, by the sum of 1 / (60 + place) (reciprocal rank fusion)."""
    weights: dict[str, float] = {}
    for ranking in rankings:
        for place, id_ in enumerate(ranking, 1):
            weights[id_] = weights.get(id_, 0.0) + 1.0 / (_LATER + place)
    return sorted(weights, key=lambda id_: weights[id_], reverse=True)


def _quoted(words: str) -> tuple[list[str], list[str]]:
    """What must be there and what must not, each in FTS5's language."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, phrase, word in _TOKEN.findall(words):
        text: str = phrase or word
        if not _LETTERS.search(text):
            continue
        beginning = not phrase and text.endswith("*")
        quoted = '"' + text.rstrip("*").replace('"', "").replace("\0", " ") + '"'
        (unwanted if minus else wanted).append(quoted + "*" * beginning)
    return wanted, unwanted
