"""Reading exchanges to learn from out of the store, one at a time, in the order of their ids.

This is the one way from what was said to what trains, and it passes `capture.redact` and
`capture.vetting`: there is no turn that was not redacted on the level asked for, and none that does
not say why it is held, if it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from capture.exchange import Mode
from capture.feedback import Feedback, demonstration_of
from capture.holds import Hold
from capture.messages import Message
from capture.narrowing import Json, Malformed, list_of, read_object
from capture.outcomes import OutcomeName
from capture.plain import message_of
from capture.redact import Redactor
from capture.replies import read_message
from capture.said import MESSAGE_ID_BYTES
from capture.store import tables as t
from capture.store.bodies import COLUMNS, BodyDamaged, read_body
from capture.store.feedback import said_of
from capture.store.linked import LINKED, WHOLE, known_outcome
from capture.store.vetting import Vetting
from capture.trainable import TrainableTurn, assistant_message

Row = sa.Row[Any]
Damaged = set[str]
"""Filled on the way: ids of exchanges that were left out because a body of theirs is damaged."""
_ROWS_AT_ONCE = 200
_exchanges, _outcomes = t.exchanges.c, t.outcomes.c

# made once: SQLAlchemy takes longer to make a statement than SQLite to answer it
_TURNS = (
    sa.select(
        *(_exchanges[name] for name in ("id", "began_at", "private", "skill", "mode")),
        *(_exchanges[name] for name in ("upstream", "model", "adapter", "reply_messages")),
        t.turns.c.conversation,
        known_outcome.label("outcome"),
        sa.func.coalesce(_outcomes.confidence, 0.0).label("confidence"),
        sa.func.coalesce(_outcomes.corrected, sa.false()).label("corrected"),
        _outcomes.evidence,
    )
    .select_from(LINKED)
    .where(*WHOLE)
)
_ONE = _TURNS.where(_exchanges.id == sa.bindparam("id"))
_REQUEST = (
    sa.select(*COLUMNS)
    .where(t.bodies.c.exchange_id == sa.bindparam("id"), t.bodies.c.kind == "request")
    .order_by(t.bodies.c.id)
)
_MESSAGE = sa.select(t.messages.c.body).where(t.messages.c.id == sa.bindparam("id"))


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


def turns(
    connection: sa.Connection,
    wanted: Wanted,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
) -> Iterator[TrainableTurn]:
    """Exchanges that ended well and whole. What was cut short, by whomever, never trains; nor does
    what has no place or no reply, or a request that is no JSON object. What is not linked yet waits
    until it is: whether it may train goes by its conversation, and only linking knows that."""
    return turns_where(connection, redactor, vetting, damaged, *wanted_as(wanted))


def turns_where(
    connection: sa.Connection,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
    *conditions: sa.ColumnElement[bool],
) -> Iterator[TrainableTurn]:
    """Those of them that meet these conditions on the tables in `LINKED`."""
    select = (
        _TURNS.where(_exchanges.id > sa.bindparam("after"), *conditions)
        .order_by(_exchanges.id)
        .limit(_ROWS_AT_ONCE)
    )
    after = ""
    while rows := connection.execute(select, {"after": after}).all():
        ids = [row.id for row in rows]
        said = said_of(connection, ids)
        vetting.look_at(ids)
        for row in rows:
            feedback = vetting.counted(said.get(row.id, ()))
            found = _turn(connection, row, feedback, redactor, vetting, damaged)
            if found is not None:
                yield found
        after = rows[-1].id


def turn(
    connection: sa.Connection, redactor: Redactor, vetting: Vetting, damaged: Damaged, id_: str
) -> TrainableTurn | None:
    """That of one exchange; None when it is none of them."""
    row = connection.execute(_ONE, {"id": id_}).first()
    if row is None:
        return None
    feedback = vetting.counted(said_of(connection, [id_]).get(id_, ()))
    return _turn(connection, row, feedback, redactor, vetting, damaged)


def count(connection: sa.Connection, wanted: Wanted) -> int:
    """How many `turns` looks at: those that it gives, and those whose bodies cannot be read."""
    counted = sa.select(sa.func.count()).select_from(LINKED)
    return connection.scalar(counted.where(*WHOLE, *wanted_as(wanted))) or 0


def wanted_as(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """What is wanted, as conditions."""
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.outcome is not None:
        conditions.append(known_outcome == wanted.outcome)
    if wanted.modes is not None:
        conditions.append(_exchanges.mode.in_([str(mode) for mode in wanted.modes]))
    if wanted.skill is not None:
        conditions.append(_exchanges.skill == wanted.skill)
    if wanted.since is not None:
        conditions.append(_exchanges.began_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(_exchanges.began_at < wanted.until)
    return conditions


def request_of(
    connection: sa.Connection, redactor: Redactor, damaged: Damaged, id_: str
) -> Json | None:
    """A request's body, redacted; None when it is damaged, not there, or no JSON object."""
    return redactor.json(request_body(connection, damaged, id_))


def request_body(connection: sa.Connection, damaged: Damaged, id_: str) -> Json | None:
    """A request's body as it was sent."""
    found = connection.execute(_REQUEST, {"id": id_}).first()
    try:
        return None if found is None else read_object(read_body(connection, found))
    except BodyDamaged:
        damaged.add(id_)
    except Malformed:
        pass
    return None


def _turn(
    connection: sa.Connection,
    row: Row,
    feedback: Sequence[Feedback],
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
) -> TrainableTurn | None:
    request = request_body(connection, damaged, row.id)
    said = connection.scalar(_MESSAGE, {"id": row.reply_messages[:MESSAGE_ID_BYTES]})
    if request is None or said is None:
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
        request=redactor.json(request),
        reply=redactor.json(assistant_message(reply)),
        demonstration=None if demonstration is None else redactor.text(demonstration),
        evidence=tuple(code for code, _ in row.evidence or ()),
        cloud=vetting.trust.writes_in_the_cloud(Mode(row.mode), row.upstream or ""),
        held=told(vetting.held(row.id), redactor),
        approved=vetting.approved(row.id),
        history=told(vetting.history(row.conversation, _replies(request)), redactor),
    )


def _replies(request: Json) -> list[Message]:
    """The assistant's messages in a request."""
    found = map(read_message, list_of(request.get("messages")))
    return [message for message in found if message is not None and message.role == "assistant"]


def told(holds: Sequence[Hold], redactor: Redactor) -> tuple[Hold, ...]:
    """Reasons as people may read them: tools' names and hosts are said in requests, too."""
    return tuple(Hold(hold.code, redactor.text(hold.text)) for hold in holds)
