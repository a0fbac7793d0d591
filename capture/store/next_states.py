"""Reading failed replies out of the store, each with the next state that says what was wrong."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from capture.followed import Followed, followed
from capture.redact import Redactor
from capture.store import tables as t
from capture.store.linked import known_outcome
from capture.store.trainable import (
    Damaged,
    Wanted,
    request_of,
    told,
    turns_where,
    wanted_as,
)
from capture.store.vetting import Vetting
from capture.trainable import TrainableTurn

_CONTINUED_BY = 8
"""Continuations of one reply that are looked at: a user who goes back and asks anew makes more."""

_CONTINUATIONS = (
    sa.select(t.turns.c.exchange_id, t.exchanges.c.private)
    .join(t.exchanges, t.exchanges.c.id == t.turns.c.exchange_id)
    .where(t.turns.c.continues == sa.bindparam("id"))
    .order_by(t.turns.c.exchange_id)
    .limit(_CONTINUED_BY)
)


def next_states(
    connection: sa.Connection,
    wanted: Wanted,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
) -> Iterator[Followed]:
    """Replies that failed, by exchange id; those of which no continuation says why are none."""
    failed = (known_outcome == "failure", *wanted_as(wanted))
    for turn in turns_where(connection, redactor, vetting, damaged, *failed):
        if (found := _followed(connection, redactor, vetting, damaged, turn)) is not None:
            yield found


def _followed(
    connection: sa.Connection,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
    turn: TrainableTurn,
) -> Followed | None:
    """The reply with the first continuation that says what was wrong."""
    continuations = connection.execute(_CONTINUATIONS, {"id": turn.id}).all()
    for id_, private in continuations:
        request = request_of(connection, redactor, damaged, id_)
        if request is None:
            continue
        held = told(vetting.held(id_), redactor)
        if (found := followed(turn, request, private=private, held=held)) is not None:
            return found
    return None
