"""The page of a search: what was found, with the words that were found marked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from capture.exchange import Mode
from capture.sought import MARKS, By, Hit
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
    """Who answered, the skill, what came of it, and how alike it is."""


@dataclass(frozen=True, slots=True)
class Page:
    """All of the page."""

    words: str
    """As they were typed; empty before anything was."""
    findings: tuple[Finding, ...] = ()
    by: By = "both"
    tag: str = ""
    """Only with this tag of the client's; empty for all."""
    problem: str | None = None
    """Why nothing could be looked for; None when it could."""
    note: str | None = None
    """What was looked for by words alone, and why; None when nothing is missing."""


def search_page(
    asked: Page, hits: Sequence[Hit], rows: Mapping[str, ExchangeSummary], now: float
) -> Page:
    """The page of what was asked, with what was found; what is gone since is left out."""
    found = [(hit, rows[hit.exchange]) for hit in hits if hit.exchange in rows]
    return replace(asked, findings=tuple(_finding(hit, row, now) for hit, row in found))


def _finding(hit: Hit, row: ExchangeSummary, now: float) -> Finding:
    alike = None if hit.alike is None else f"alike {hit.alike:.2f}"
    about = (row.model or "nobody", row.skill, row.outcome and OUTCOME[row.outcome], alike)
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
