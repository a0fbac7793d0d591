"""Reading feedback out of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from capture.feedback import Feedback
from capture.store import tables as t

_SAID = t.feedback.c
_COLUMNS = (
    *(_SAID[name] for name in ("id", "exchange_id", "conversation", "at")),
    sa.func.nullif(_SAID.key, "").label("key"),
    *(_SAID[name] for name in ("source", "value", "comment", "demonstration", "idempotency_key")),
    _SAID.train,
)
"""In the order of the fields of `Feedback`."""


def about_exchange(connection: sa.Connection, id_: str, limit: int) -> list[Feedback]:
    """What was said of one exchange, or of its conversation and counts for it, the newest first."""
    waiting = sa.and_(_SAID.counted_for.is_(None), _SAID.exchange_id == id_)
    return _newest(connection, sa.or_(_SAID.counted_for == id_, waiting), limit)


def about_conversation(connection: sa.Connection, id_: str, limit: int) -> list[Feedback]:
    """What was said of the conversation that an exchange is in, and of each of its exchanges, the
    newest first."""
    first = connection.scalar(sa.select(t.turns.c.conversation).where(t.turns.c.exchange_id == id_))
    among = sa.select(t.turns.c.exchange_id).where(t.turns.c.conversation == (first or id_))
    about = sa.func.coalesce(_SAID.exchange_id, _SAID.conversation)
    waiting = sa.and_(_SAID.counted_for.is_(None), sa.or_(about == id_, about.in_(among)))
    return _newest(connection, sa.or_(_SAID.counted_for.in_(among), waiting), limit)


def said_once(connection: sa.Connection, key: str | None, idempotency_key: str) -> Feedback | None:
    """What a speaker said under this idempotency key; None when nothing."""
    select = sa.select(*_COLUMNS).where(
        _SAID.key == (key or ""), _SAID.idempotency_key == idempotency_key
    )
    row = connection.execute(select).first()
    return None if row is None else Feedback(*row)


def said_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[Feedback]]:
    """By exchange: what was said that counts for it; exchanges nobody spoke of are left out."""
    found: dict[str, list[Feedback]] = {}
    select = sa.select(_SAID.counted_for, *_COLUMNS).where(_SAID.counted_for.in_(ids))
    for exchange, *said in connection.execute(select):
        found.setdefault(exchange, []).append(Feedback(*said))
    return found


def _newest(connection: sa.Connection, where: sa.ColumnElement[bool], limit: int) -> list[Feedback]:
    select = sa.select(*_COLUMNS).where(where).order_by(_SAID.id.desc()).limit(limit)
    rows: Sequence[sa.Row[Any]] = connection.execute(select).all()
    return [Feedback(*row) for row in rows]
