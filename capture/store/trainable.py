"""Reading exchanges to learn from out of the store, one at a time, in the order of their ids.

This is the one way from what was said to what trains, and it passes `capture.redact`: there is no
turn that was not redacted on the level asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from capture.batch import unpack
from capture.exchange import Mode
from capture.feedback import Feedback, demonstration_of
from capture.narrowing import Malformed, read_object
from capture.outcomes import OutcomeName
from capture.plain import message_of
from capture.redact import Redactor
from capture.said import MESSAGE_ID_BYTES
from capture.store import tables as t
from capture.store.feedback import said_of
from capture.trainable import TrainableTurn, assistant_message

Row = sa.Row[Any]
_ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which exchanges; None is no filter."""

    outcome: OutcomeName | None = None
    modes: Collection[Mode] | None = None
    skill: str | None = None
    since: float | None = None
    """Unix seconds, included."""
    until: float | None = None
    """Unix seconds, excluded."""


def turns(connection: sa.Connection, wanted: Wanted, redactor: Redactor) -> Iterator[TrainableTurn]:
    """Exchanges that ended well and whole. What was cut short, by whomever, never trains; nor does
    what has no place or no reply, or a request that is no JSON object. What is not linked yet waits
    until it is: whether it may train goes by its conversation, and only linking knows that."""
    after = ""
    while rows := connection.execute(_select(wanted, after)).all():
        said = said_of(connection, [row.id for row in rows])
        for row in rows:
            if (turn := _turn(connection, row, said.get(row.id, ()), redactor)) is not None:
                yield turn
        after = rows[-1].id


def _select(wanted: Wanted, after: str) -> sa.Select[Any]:
    exchanges, outcomes = t.exchanges.c, t.outcomes.c
    outcome = sa.func.coalesce(outcomes.outcome, "unknown")
    select = (
        sa.select(
            *(exchanges[name] for name in ("id", "began_at", "private", "skill", "mode")),
            *(exchanges[name] for name in ("upstream", "model", "adapter", "reply_messages")),
            t.turns.c.conversation,
            outcome.label("outcome"),
            sa.func.coalesce(outcomes.confidence, 0.0).label("confidence"),
            sa.func.coalesce(outcomes.corrected, sa.false()).label("corrected"),
        )
        .select_from(
            t.exchanges.join(t.turns, t.turns.c.exchange_id == exchanges.id).outerjoin(
                t.outcomes, outcomes.exchange_id == exchanges.id
            )
        )
        .where(
            exchanges.id > after,
            exchanges.status == "ok",
            exchanges.mode.is_not(None),
            exchanges.reply_messages != b"",
            sa.or_(
                exchanges.finish_reason.is_(None),
                exchanges.finish_reason.not_in(("length", "content_filter")),
            ),
        )
        .order_by(exchanges.id)
        .limit(_ROWS_AT_ONCE)
    )
    if wanted.outcome is not None:
        select = select.where(outcome == wanted.outcome)
    if wanted.modes is not None:
        select = select.where(exchanges.mode.in_([str(mode) for mode in wanted.modes]))
    if wanted.skill is not None:
        select = select.where(exchanges.skill == wanted.skill)
    if wanted.since is not None:
        select = select.where(exchanges.began_at >= wanted.since)
    if wanted.until is not None:
        select = select.where(exchanges.began_at < wanted.until)
    return select


def _turn(
    connection: sa.Connection, row: Row, feedback: Sequence[Feedback], redactor: Redactor
) -> TrainableTurn | None:
    request = connection.execute(
        sa.select(t.bodies.c.encoding, t.bodies.c.data)
        .where(t.bodies.c.exchange_id == row.id, t.bodies.c.kind == "request")
        .order_by(t.bodies.c.id)
    ).first()
    said = connection.scalar(
        sa.select(t.messages.c.body).where(t.messages.c.id == row.reply_messages[:MESSAGE_ID_BYTES])
    )
    if request is None or said is None:
        return None
    try:
        body = read_object(unpack(request.encoding, request.data))
    except Malformed:
        return None
    reply = message_of(said)
    if not reply.content and not reply.tool_calls:
        return None
    demonstration = demonstration_of(feedback)
    return TrainableTurn(
        id=row.id,
        conversation=row.conversation,
        began_at=row.began_at,
        private=row.private,
        skill=row.skill,
        mode=Mode(row.mode),
        upstream=row.upstream,
        model=row.model,
        adapter=row.adapter,
        outcome=row.outcome,
        confidence=row.confidence,
        corrected=row.corrected,
        request=redactor.json(body),
        reply=redactor.json(assistant_message(reply)),
        demonstration=None if demonstration is None else redactor.text(demonstration),
    )
