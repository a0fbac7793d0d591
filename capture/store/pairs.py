"""Reading pairs of replies to one request out of the store: which was chosen, which rejected.

The database finds them and keeps them in order, on disk where they are many; one pair at a time is
in memory. What is wanted is wanted of the chosen reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from capture.exchange import Mode
from capture.pairs import Pair, does_the_same
from capture.redact import Redactor
from capture.replies import parse_reply
from capture.store import tables as t
from capture.store.bodies import COLUMNS, BodyDamaged, read_body
from capture.store.linked import LINKED, WHOLE, known_outcome
from capture.store.trainable import Damaged, Wanted, turn, turns_where, wanted_as
from capture.store.vetting import Vetting
from capture.trainable import TrainableTurn, assistant_message

_exchanges, _attempts = t.exchanges.c, t.attempts.c
_ROWS_AT_ONCE = 200
DROPPED = ("unfit", "held")
"""How an attempt ended whose reply was whole, and not handed over."""
_SAME = (_exchanges.key, _exchanges.request_messages, sa.cast(_exchanges.tools, sa.Text))
"""What is alike where one request is made twice. Two API keys' requests are never the same."""
_TRIED = (
    sa.select(t.attempts)
    .where(_attempts.exchange_id == sa.bindparam("id"))
    .order_by(_attempts.position)
)
_RESPONSE = (
    sa.select(*COLUMNS)
    .where(
        t.bodies.c.exchange_id == sa.bindparam("id"),
        t.bodies.c.kind == "response",
        t.bodies.c.attempt.is_not_distinct_from(sa.bindparam("attempt", type_=sa.Integer)),
    )
    .order_by(t.bodies.c.id)
)


def pairs(
    connection: sa.Connection,
    wanted: Wanted,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
) -> Iterator[Pair]:
    """First those of one exchange, by its id, then those of two, by the id of the rejected one."""
    yield from dropped(connection, wanted, redactor, vetting, damaged)
    yield from by_outcome(connection, wanted, redactor, vetting, damaged)


def dropped(
    connection: sa.Connection,
    wanted: Wanted,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
) -> Iterator[Pair]:
    """Replies that were not handed over, each with the one that was. None where none was any
    better: the client then got an unfit or an unconfirmed one after all. A `held` one was fit, so
    it makes a pair only with the cloud's, and only where that does something else."""
    not_handed_over = sa.exists().where(
        _attempts.exchange_id == _exchanges.id, _attempts.status.in_(DROPPED)
    )
    conditions = (_exchanges.attempts > 1, known_outcome != "failure", not_handed_over)
    for chosen in turns_where(
        connection, redactor, vetting, damaged, *conditions, *wanted_as(wanted)
    ):
        *before, last = tried(connection, chosen.id)
        if last.status != "ok" or last.error is not None:
            continue
        for attempt in before:
            if attempt.status not in DROPPED or (attempt.status == "held" and not chosen.cloud):
                continue
            rejected = dropped_reply(connection, redactor, vetting, damaged, chosen, attempt)
            if rejected is None:
                continue
            if attempt.status == "unfit":
                yield Pair(chosen, rejected, "unfit")
            elif not does_the_same(chosen.reply, rejected.reply):
                yield Pair(chosen, rejected, "held")


def by_outcome(
    connection: sa.Connection,
    wanted: Wanted,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
) -> Iterator[Pair]:
    """Requests of the same messages and tools that were answered more than once: each reply that
    failed, with the one of which success is surest, the latest of such. Two API keys' requests
    are never the same."""
    for rejected_id, chosen_id in connection.execute(
        _contested(wanted), execution_options={"yield_per": _ROWS_AT_ONCE}
    ):
        rejected = turn(connection, redactor, vetting, damaged, rejected_id)
        chosen = turn(connection, redactor, vetting, damaged, chosen_id)
        if rejected and chosen and asks(rejected) == asks(chosen):
            yield Pair(chosen, rejected, "outcome")


def _contested(wanted: Wanted) -> sa.Select[Any, Any]:
    """(rejected, chosen) ids, by the first."""
    # `success` sorts after `failure`
    surest = (known_outcome.desc(), t.outcomes.c.confidence.desc(), _exchanges.id.desc())
    first = sa.func.first_value
    answered = (
        sa.select(
            _exchanges.id,
            known_outcome.label("outcome"),
            first(_exchanges.id).over(partition_by=_SAME, order_by=surest).label("best"),
            first(known_outcome).over(partition_by=_SAME, order_by=surest).label("best_outcome"),
        )
        .select_from(LINKED)
        .where(
            *WHOLE,
            _exchanges.request_messages != b"",
            sa.or_(
                known_outcome == "failure", sa.and_(known_outcome == "success", *wanted_as(wanted))
            ),
        )
        .subquery()
    )
    return (
        sa.select(answered.c.id, answered.c.best)
        .where(answered.c.outcome == "failure", answered.c.best_outcome == "success")
        .order_by(answered.c.id)
    )


def unsettled(
    connection: sa.Connection,
    wanted: Wanted,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
) -> Iterator[tuple[TrainableTurn, TrainableTurn]]:
    """Two replies to one request, the first and the latest, that differ, are not known to have
    failed, and of which no outcome says which is better: for judges to say. By the id of the
    first."""
    for one_id, other_id in connection.execute(
        _alike(wanted), execution_options={"yield_per": _ROWS_AT_ONCE}
    ):
        one = turn(connection, redactor, vetting, damaged, one_id)
        other = turn(connection, redactor, vetting, damaged, other_id)
        if one and other and asks(one) == asks(other) and one.reply != other.reply:
            yield one, other


def named(
    connection: sa.Connection,
    preferred: Iterable[tuple[str, str]],
    wanted: Wanted,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
) -> Iterator[Pair]:
    """Pairs that judges made: ids of the chosen exchange and of the rejected one. Those that the
    store has no more, that are not wanted, or that an outcome has settled since, are left out."""
    wanted_here = sa.select(_exchanges.id).select_from(LINKED).where(*WHOLE, *wanted_as(wanted))
    for chosen_id, rejected_id in preferred:
        if connection.scalar(wanted_here.where(_exchanges.id == chosen_id)) is None:
            continue
        chosen = turn(connection, redactor, vetting, damaged, chosen_id)
        rejected = turn(connection, redactor, vetting, damaged, rejected_id)
        if chosen is None or rejected is None or chosen.outcome != rejected.outcome:
            continue
        if chosen.outcome == "failure":
            continue
        if asks(chosen) == asks(rejected):
            yield Pair(chosen, rejected, "judged")


def _alike(wanted: Wanted) -> sa.Select[Any, Any]:
    """(first, last) ids of the replies to one request that came to the same, and not to failure."""
    first, last = sa.func.min(_exchanges.id), sa.func.max(_exchanges.id)
    return (
        sa.select(first, last)
        .select_from(LINKED)
        .where(
            *WHOLE,
            _exchanges.request_messages != b"",
            known_outcome != "failure",
            *wanted_as(wanted),
        )
        .group_by(*_SAME)
        .having(
            sa.func.count(_exchanges.reply_messages.distinct()) > 1,
            sa.func.min(known_outcome) == sa.func.max(known_outcome),
        )
        .order_by(first)
    )


def asks(turn: TrainableTurn) -> tuple[object, object]:
    """What beside its messages a reply answers."""
    return turn.request.get("tools") or None, turn.request.get("tool_choice")


def dropped_reply(
    connection: sa.Connection,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
    chosen: TrainableTurn,
    attempt: sa.Row[Any],
) -> TrainableTurn | None:
    """The exchange as it had been if this attempt's reply had been handed over; None where the
    reply cannot be read. An unfit one failed; what would have come of a held one nobody knows."""
    reply = parse_reply(response(connection, damaged, chosen.id, attempt.position)).message
    if reply is None:
        return None
    cloud = vetting.trust.writes_in_the_cloud(Mode(attempt.mode), attempt.upstream)
    unfit = attempt.status == "unfit"
    return replace(
        chosen,
        cloud=cloud,
        mode=Mode(attempt.mode),
        upstream=attempt.upstream,
        model=attempt.model,
        adapter=attempt.adapter,
        outcome="failure" if unfit else "unknown",
        confidence=1.0 if unfit else 0.0,
        evidence=(),
        reply=redactor.json(assistant_message(reply)),
        demonstration=None,
    )


def tried(connection: sa.Connection, id_: str) -> Sequence[sa.Row[Any]]:
    """An exchange's attempts, in order."""
    return connection.execute(_TRIED, {"id": id_}).all()


def response(connection: sa.Connection, damaged: Damaged, id_: str, attempt: int | None) -> bytes:
    """What an upstream answered to one attempt, None for the last; empty where it is damaged or not
    kept."""
    pieces = connection.execute(_RESPONSE, {"id": id_, "attempt": attempt}).all()
    try:
        return b"".join([read_body(connection, row) for row in pieces])
    except BodyDamaged:
        damaged.add(id_)
        return b""
