"""The list of exchanges as its page shows it. Pure: rows in, values for the template out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from capture.exchange import Mode
from capture.redact import Redactor
from capture.store.rows import ExchangeSummary
from gateway.dashboard.format import Moment, count, moment, seconds, usd, zone
from gateway.dashboard.redacted import redacted_summary
from gateway.dashboard.text import one_line
from gateway.dashboard.words import STATUS, Status, missing, status
from gateway.endpoints.lookup import Stretch, Wanted
from gateway.endpoints.vitals import Problem
from gateway.paste import Block
from gateway.telemetry import Vitals

PAGE_ROWS = 50
"""Exchanges on one page."""
CALLED = 3
"""Tool calls named in a row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange."""

    id: str
    when: Moment
    mode: Mode | None
    model: str | None
    upstream: str | None
    alias: str
    asked: str | None
    """Beginning of what was asked."""
    called: tuple[str, ...]
    """The first tools the reply calls."""
    more_called: int
    """How many more it calls."""
    status: Status
    private: bool
    input: str | None
    output: str | None
    cost: str | None
    first: str | None
    total: str | None
    missing: str
    """What to say for tokens and cost that are None."""
    waiting: str
    """What to say for times that are None."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a filter."""

    value: str
    words: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """All of the page but its frame."""

    rows: tuple[Row, ...]
    zone: str
    polls: bool
    """The newest are shown, so the page keeps itself fresh."""
    filtered: bool
    poll_url: str
    older_url: str | None
    newest_url: str | None
    modes: tuple[Choice, ...]
    statuses: tuple[Choice, ...]
    base_url: str
    """What clients are pointed at."""
    paste: tuple[Block, ...]
    """What to paste into them."""


@dataclass(frozen=True, slots=True)
class House:
    """The line about the gateway itself, and what is wrong with it."""

    in_flight: int
    generation: int
    adapter: str | None
    """The adapter the house model answers with; None for the base alone, or without one."""
    left: tuple[tuple[str, str | None], ...]
    """(period, money left for BURST), only for periods that have a limit."""
    problems: tuple[Problem, ...]


def house(now: Vitals, problems: tuple[Problem, ...]) -> House:
    """The gateway in one line."""
    money = (("today", now.day_left_usd), ("this month", now.month_left_usd))
    left = tuple((period, usd(amount)) for period, amount in money if amount is not None)
    adapter = None if now.house is None else now.house.adapter
    return House(now.in_flight, now.config_generation, adapter, left, problems)


def listing(
    found: Stretch,
    wanted: Wanted,
    redactor: Redactor,
    *,
    now: float,
    base_url: str,
    paste: tuple[Block, ...],
) -> Listing:
    """The page for what was `found` of what was `wanted`, redacted."""
    newest = wanted.before is None
    return Listing(
        rows=tuple(_row(redacted_summary(row, redactor), now) for row in found.rows),
        zone=zone(now),
        polls=newest,
        filtered=wanted.filters or not newest,
        poll_url=_url("/live", wanted, None),
        older_url=_url("/", wanted, found.next_before) if found.next_before else None,
        newest_url=None if newest else _url("/", wanted, None),
        modes=_choices({mode.value: mode.value.upper() for mode in Mode}, wanted.mode),
        statuses=_choices({str(name): words for name, words in STATUS.items()}, wanted.status),
        base_url=base_url,
        paste=paste,
    )


def _url(path: str, wanted: Wanted, before: str | None) -> str:
    """The address of another stretch under the same filters."""
    values = {"mode": wanted.mode, "status": wanted.status, "before": before}
    query = urlencode({name: value for name, value in values.items() if value is not None})
    return f"{path}?{query}"


def _row(row: ExchangeSummary, now: float) -> Row:
    total = max(0.0, now - row.began_at) if row.status == "open" else row.total_s
    usage = row.usage
    return Row(
        id=row.id,
        when=moment(row.began_at, now),
        mode=row.mode,
        model=row.model,
        upstream=row.upstream,
        alias=row.alias,
        asked=one_line(row.asked) if row.asked else None,
        called=tuple(one_line(name, 40) for name in row.called[:CALLED]),
        more_called=max(0, len(row.called) - CALLED),
        status=status(row.status),
        private=row.private,
        input=count(usage.input_tokens) if usage else None,
        output=count(usage.output_tokens) if usage else None,
        cost=usd(row.cost_usd),
        first=seconds(row.first_token_s),
        total=seconds(total),
        missing=missing(row.status),
        waiting="\u2026" if row.status == "open" else "none",
    )


def _choices(names: dict[str, str], chosen: str | None) -> tuple[Choice, ...]:
    entries = {"": "any", **names}
    return tuple(Choice(value, words, value == (chosen or "")) for value, words in entries.items())
