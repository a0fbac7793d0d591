"""The page of a search: what was found, with the words that were found marked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from capture.exchange import Mode
from capture.recall import MARKS, Hit
from capture.store.rows import ExchangeSummary
from gateway.dashboard.format import Moment, moment
from gateway.dashboard.text import one_line, visible
from gateway.dashboard.words import OUTCOME

NAME_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One exchange that was found."""

    id: str
    when: Moment
    mode: Mode | None
    excerpt: Markup
    """Words around what was found, that in `<mark>`."""
    about: str
    """Who answered, the skill and what came of it."""


@dataclass(frozen=True, slots=True)
class Page:
    """All of the page."""

    words: str
    """As they were typed; empty before anything was."""
    findings: tuple[Finding, ...]
    problem: str | None = None
    """Why nothing could be looked for; None when it could."""


def search_page(
    words: str, hits: Sequence[Hit], rows: Mapping[str, ExchangeSummary], now: float
) -> Page:
    """What a search found; what is gone since is left out."""
    found = [(hit, rows[hit.exchange]) for hit in hits if hit.exchange in rows]
    return Page(words, tuple(_finding(hit, row, now) for hit, row in found))


def _finding(hit: Hit, row: ExchangeSummary, now: float) -> Finding:
    about = (row.model or "nobody", row.skill, row.outcome and OUTCOME[row.outcome])
    return Finding(
        id=row.id,
        when=moment(row.began_at, now),
        mode=row.mode,
        excerpt=_marked(hit.excerpt),
        about=" · ".join(one_line(word, NAME_LIMIT) for word in about if word),
    )


def _marked(excerpt: str) -> Markup:
    """An excerpt with what was found marked: every odd piece between marks."""
    opened, closed = MARKS
    pieces = " ".join(excerpt.replace(closed, opened).split()).split(opened)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(visible(piece)) if number % 2 else visible(piece)
        for number, piece in enumerate(pieces)
    )
