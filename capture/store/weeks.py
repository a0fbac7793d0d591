"""What each week came to, counted by the database: no row of an exchange ever reaches Python.

Weeks are asked for one by one, as stretches of `ix_exchanges_weeks`, which holds all that is looked
at of an exchange: nothing is sorted, and rows with their long texts are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from capture.exchange import Mode
from capture.store import tables as t
from capture.weekly import FIRST_MONDAY, WEEK_SECONDS, WeekCounts

_BEGAN, _ID = t.exchanges.c.began_at, t.exchanges.c.id
_STATUS, _MODE = t.exchanges.c.status, t.exchanges.c.mode
_ADAPTER = t.exchanges.c.adapter
_OUTCOME = t.outcomes.c.outcome

_REAL: sa.Double[float] = sa.Double()
_FROM = sa.bindparam("start", type_=_REAL)
_WITHIN = sa.and_(_BEGAN >= _FROM, _BEGAN < _FROM + WEEK_SECONDS)

_NEXT = sa.select(sa.func.min(_BEGAN)).where(_BEGAN >= _FROM)

_COUNTED = (
    sa.select(
        sa.func.count().label("requests"),
        *(
            sa.func.count().filter(_STATUS == "ok", t.exchanges.c.mode == mode).label(mode.value)
            for mode in Mode
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
_ADAPTERS = (
    sa.select(_ADAPTER)
    .distinct()
    .where(_WITHIN, _STATUS == "ok", _ADAPTER.is_not(None))
    .order_by(_ADAPTER)
)


def count_weeks(connection: sa.Connection) -> list[WeekCounts]:
    """Every week with a request in it, oldest first."""
    return [count_one(connection, number) for number in _weeks(connection)]


def count_one(connection: sa.Connection, number: int) -> WeekCounts:
    """The week of this number."""
    within = {"start": _monday(number)}
    counted = connection.execute(_COUNTED, within).one()
    cost = connection.execute(_COST, within).one()
    return WeekCounts(
        number=number,
        requests=counted.requests,
        conversations=counted.conversations,
        answered={mode: getattr(counted, mode.value) for mode in Mode},
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
        number = int((began - FIRST_MONDAY) // WEEK_SECONDS)
        yield number
        start = _monday(number + 1)


def _monday(number: int) -> float:
    """When a week begins, in Unix seconds."""
    return float(FIRST_MONDAY + number * WEEK_SECONDS)
