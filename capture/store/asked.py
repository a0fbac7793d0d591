"""Requests as they came, for whoever would decide them anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from capture.exchange import Mode
from capture.store import tables as t
from capture.store.bodies import request_body


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that was served."""

    id: str
    began_at: float
    """Unix seconds."""
    key: str | None
    """Name of the API key; None when the gateway ran without keys."""
    headers: Mapping[str, str]
    """Those that rules may test; never credentials."""
    request: bytes | None
    """The body as received; None when it was dropped since."""
    before: Mode | None
    """Who answered the exchange it continues; None when it began a conversation."""


def asked_since(connection: sa.Connection, since: float, most: int) -> Iterator[Asked]:
    """The newest requests that were served since then (Unix seconds), newest first, but for those
    that were answered with a question of our own: what was said to that came as another."""
    earlier = t.exchanges.alias("earlier")
    e = t.exchanges.c
    select = (
        sa.select(e.id, e.began_at, e.key, e.headers, earlier.c.mode)
        .select_from(
            t.exchanges.outerjoin(t.turns, t.turns.c.exchange_id == e.id).outerjoin(
                earlier, earlier.c.id == t.turns.c.continues
            )
        )
        .where(t.served, e.status != "asked", e.began_at >= since)
        .order_by(e.began_at.desc(), e.id.desc())
        .limit(most)
    )
    for row in connection.execute(select).all():
        before = None if row.mode is None else Mode(row.mode)
        body = request_body(connection, row.id)
        yield Asked(row.id, row.began_at, row.key, row.headers, body, before)
