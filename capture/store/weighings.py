"""Reading how requests were weighed out of the store, and what came of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from capture.exchange import Mode
from capture.store import tables as t
from capture.weighing import Weighed, Weighing, weighing_of

_w, _e, _o = t.weighings.c, t.exchanges.c, t.outcomes.c
_SELECT = (
    sa.select(
        _w.exchange_id, _w.weighing, _e.key, _e.status, _e.mode, _o.outcome, _o.confidence, _o.at
    )
    .select_from(
        t.weighings.join(t.exchanges, _e.id == _w.exchange_id).outerjoin(
            t.outcomes, _o.exchange_id == _w.exchange_id
        )
    )
    .order_by(_w.exchange_id)
)


def newest_weighed(connection: sa.Connection, most: int) -> str:
    """The id after which lie so many weighed requests; empty where there are fewer."""
    select = sa.select(_w.exchange_id).order_by(_w.exchange_id.desc()).offset(most).limit(1)
    return connection.scalar(select) or ""


def weighed(
    connection: sa.Connection, after: str, seen: str = "", changed_at: float = 0.0
) -> list[Weighed]:
    """Requests weighed after that one, in the order in which they came. Of those up to `seen` only
    the ones whose outcome changed at `changed_at` or later."""
    select = _SELECT.where(
        _w.exchange_id > after, sa.or_(_w.exchange_id > seen, _o.at >= changed_at)
    )
    return [_weighed(row) for row in connection.execute(select)]


def find_weighing(connection: sa.Connection, id_: str) -> Weighing | None:
    """How one request was weighed; None where it was not."""
    found = connection.scalar(sa.select(_w.weighing).where(_w.exchange_id == id_))
    return None if found is None else weighing_of(found)


def _weighed(row: sa.Row[*tuple[Any, ...]]) -> Weighed:
    known = row.outcome in ("success", "failure")
    return Weighed(
        row.exchange_id,
        row.key,
        Mode(row.mode) if row.mode and row.status == "ok" else None,
        weighing_of(row.weighing),
        row.outcome == "success" if known else None,
        row.confidence if known else 0.0,
        row.at or 0.0,
    )
