"""What each week came to, counted by the database: no row of an exchange ever reaches Python.

Weeks are asked for one by one, as stretches of `ix_exchanges_weeks`, which holds all that is looked
at of an exchange: nothing is sorted, and rows with their long texts are left alone. What was
imported is nobody's week here, nor is what was answered with a question of our own.

Weeks that are over are counted once and kept (`keep_one`). Whoever changes what a week is counted
from drops what was kept of it (`touch`) in the same transaction, so that it is always right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from capture.exchange import Mode
from capture.store import tables as t
from capture.weekly import (
    COUNTS_VERSION,
    FIRST_MONDAY,
    WEEK_SECONDS,
    WeekCounts,
    counts_of,
    plain_counts,
    week_of,
)

_BEGAN, _ID = t.exchanges.c.began_at, t.exchanges.c.id
_STATUS, _MODE = t.exchanges.c.status, t.exchanges.c.mode
_ADAPTER = t.exchanges.c.adapter
_OUTCOME = t.outcomes.c.outcome

_REAL: sa.Double[float] = sa.Double()
_FROM = sa.bindparam("start", type_=_REAL)
_SERVED = sa.and_(_BEGAN >= _FROM, _BEGAN < _FROM + WEEK_SECONDS, t.served)
_ANSWERING = _STATUS != "asked"
_WITHIN = sa.and_(_SERVED, _ANSWERING)

_HOME = (Mode.RESTING, Mode.ACTIVE)

_BY_MODE: Mapping[str, sa.Function[int]] = {
    "answered": sa.func.count(),
    "succeeded": sa.func.sum(sa.case((_OUTCOME == "success", 1), else_=0)),
    "input_tokens": sa.func.sum(t.exchanges.c.input_tokens),
    "output_tokens": sa.func.sum(t.exchanges.c.output_tokens),
}
"""Figures of what was answered, under their names in `WeekCounts`."""

_NEXT = sa.select(sa.func.min(_BEGAN)).where(_BEGAN >= _FROM, t.served, _ANSWERING)

_COUNTED = (
    sa.select(
        sa.func.count().label("requests"),
        *(
            figure.filter(_STATUS == "ok", t.exchanges.c.mode == mode).label(f"{name}_{mode.value}")
            for mode in Mode
            for name, figure in _BY_MODE.items()
        ),
        # an orderly stop writes a status, and with it the attempts
        sa.func.count()
        .filter(_STATUS == "interrupted", _MODE == Mode.BURST, t.exchanges.c.http_status.is_(None))
        .label("died"),
        # what an agent asks on the side is no conversation of somebody's
        sa.func.count(t.turns.c.conversation.distinct())
        .filter(t.turns.c.purpose.is_(None))
        .label("conversations"),
        sa.func.count().filter(_OUTCOME == "success").label("successes"),
        sa.func.count().filter(_OUTCOME == "failure").label("failures"),
        sa.func.count().filter(t.outcomes.c.corrected).label("corrections"),
    )
    .select_from(
        t.exchanges.outerjoin(t.turns, t.turns.c.exchange_id == _ID).outerjoin(
            t.outcomes, t.outcomes.c.exchange_id == _ID
        )
    )
    .where(_WITHIN)
)
_COST = (
    sa.select(
        sa.func.sum(t.attempts.c.cost_usd).label("cost_usd"),
        sa.func.count(t.attempts.c.cost_usd).label("known"),
        sa.func.count().label("tried"),
    )
    .select_from(t.exchanges.join(t.attempts, t.attempts.c.exchange_id == _ID))
    .where(_WITHIN, t.attempts.c.mode == Mode.BURST)
)
_CALLED = (
    sa.select(sa.func.count())
    .select_from(t.exchanges)
    .where(
        _WITHIN,
        _STATUS == "ok",
        _MODE.in_(_HOME),
        sa.exists().where(t.tool_calls.c.exchange_id == _ID),
    )
)
_UNFIT = (
    sa.select(sa.func.count())
    .select_from(t.exchanges.join(t.attempts, t.attempts.c.exchange_id == _ID))
    .where(_SERVED, t.attempts.c.status == "unfit", t.attempts.c.mode.in_(_HOME))
)
_ADAPTERS = (
    sa.select(_ADAPTER)
    .distinct()
    .where(_WITHIN, _STATUS == "ok", _ADAPTER.is_not(None))
    .order_by(_ADAPTER)
)


_KEPT = sa.select(t.week_counts.c.number, t.week_counts.c.counts).where(
    t.week_counts.c.version == COUNTS_VERSION
)


def count_weeks(connection: sa.Connection) -> list[WeekCounts]:
    """Every week with a request in it, oldest first."""
    kept = {row.number: row.counts for row in connection.execute(_KEPT)}
    return [
        counts_of(kept[number]) if number in kept else count_one(connection, number)
        for number in _weeks(connection)
    ]


def keep_one(connection: sa.Connection, at: float) -> bool:
    """Count a week that was over at that time, in Unix seconds, and keep what it came to. False
    when there is none left to count."""
    kept = {row.number for row in connection.execute(_KEPT)}
    for number in _weeks(connection):
        if number < week_of(at) and number not in kept:
            plain = plain_counts(count_one(connection, number))
            row = {"number": number, "version": COUNTS_VERSION, "counts": plain}
            keep = insert(t.week_counts).values(row)
            connection.execute(keep.on_conflict_do_update(index_elements=["number"], set_=row))
            return True
    return False


def touch(connection: sa.Connection, began: Iterable[float]) -> None:
    """Drop what is kept of the weeks of exchanges that began then, in Unix seconds."""
    changed = {week_of(at) for at in began}
    if changed:
        connection.execute(t.week_counts.delete().where(t.week_counts.c.number.in_(changed)))


def count_one(connection: sa.Connection, number: int) -> WeekCounts:
    """The week of this number."""
    within = {"start": _monday(number)}
    counted = connection.execute(_COUNTED, within).one()
    cost = connection.execute(_COST, within).one()

    by_mode = {
        name: {mode: getattr(counted, f"{name}_{mode.value}") or 0 for mode in Mode}
        for name in _BY_MODE
    }
    return WeekCounts(
        number=number,
        requests=counted.requests,
        conversations=counted.conversations,
        **by_mode,
        home_calls=connection.scalar(_CALLED, within) or 0,
        home_unfit=connection.scalar(_UNFIT, within) or 0,
        cost_usd=cost.cost_usd or 0.0,
        cost_known=cost.known,
        cost_unknown=cost.tried - cost.known + counted.died,
        successes=counted.successes,
        failures=counted.failures,
        corrections=counted.corrections,
        adapters=tuple(connection.scalars(_ADAPTERS, within)),
    )


def _weeks(connection: sa.Connection) -> Iterator[int]:
    """Numbers of the weeks with a request in them. An exchange whose beginning is lost is dated 0
    and has none."""
    start = float(WEEK_SECONDS)
    while (began := connection.scalar(_NEXT, {"start": start})) is not None:
        number = week_of(began)
        yield number
        start = _monday(number + 1)


def _monday(number: int) -> float:
    """When a week begins, in Unix seconds."""
    return float(FIRST_MONDAY + number * WEEK_SECONDS)
