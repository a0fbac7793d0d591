"""Which exchanges there are to learn from, as far as the database can tell."""

from __future__ import annotations

import sqlalchemy as sa

from capture.store import tables as t

_exchanges, _outcomes = t.exchanges.c, t.outcomes.c

LINKED = t.exchanges.join(t.turns, t.turns.c.exchange_id == _exchanges.id).outerjoin(
    t.outcomes, _outcomes.exchange_id == _exchanges.id
)
"""Exchanges that are linked, with what came of them."""
known_outcome: sa.ColumnElement[str] = sa.func.coalesce(_outcomes.outcome, "unknown")
WHOLE: tuple[sa.ColumnElement[bool], ...] = (
    _exchanges.status == "ok",
    _exchanges.mode.is_not(None),
    _exchanges.reply_messages != b"",
    sa.or_(
        _exchanges.finish_reason.is_(None),
        _exchanges.finish_reason.not_in(("length", "content_filter")),
    ),
)
"""What ended well and whole."""
