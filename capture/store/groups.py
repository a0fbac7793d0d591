"""Reading groups out of the store: the replies to one request, with what came of each.

Requests are one as for pairs (`capture.store.pairs`): the same messages and tools to the byte, from
one API key. Replies that were checked and not handed over are among those of their exchange. The
database finds and orders them; one group at a time is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from capture.groups import Group, GroupReply
from capture.narrowing import dumps
from capture.redact import Redactor
from capture.replies import parse_reply
from capture.sampled import Sampled, read_sampled
from capture.store import tables as t
from capture.store.linked import LINKED, WHOLE, known_outcome
from capture.store.pairs import asks, dropped_reply, response, tried
from capture.store.trainable import Damaged, Wanted, turn, wanted_as
from capture.store.vetting import Vetting
from capture.trainable import assistant_message

_exchanges, _attempts = t.exchanges.c, t.attempts.c
_ROWS_AT_ONCE = 200
MOST = 64
"""Replies of one group; of a request that was made more often there are several groups."""


def groups(
    connection: sa.Connection,
    wanted: Wanted,
    redactor: Redactor,
    vetting: Vetting,
    damaged: Damaged,
) -> Iterator[Group]:
    """By the id of each request's first exchange. What is wanted is wanted of every reply."""
    rows = connection.execute(_alike(wanted), execution_options={"yield_per": _ROWS_AT_ONCE})
    for _, alike in groupby(rows, key=lambda row: row.first):
        waiting: dict[str, list[GroupReply]] = {}
        for row in alike:
            for reply in _replies(connection, row.id, redactor, vetting, damaged):
                if wanted.modes is not None and reply.turn.mode not in wanted.modes:
                    continue
                asked = waiting.setdefault(dumps(asks(reply.turn)), [])
                asked.append(reply)
                if len(asked) == MOST:
                    yield Group(tuple(asked))
                    asked.clear()
        yield from (Group(tuple(replies)) for replies in waiting.values() if len(replies) > 1)


def _alike(wanted: Wanted) -> sa.Select[Any, Any]:
    """(id, first): exchanges whose request was answered more than once, and the first of such."""
    same = (_exchanges.key, _exchanges.request_messages, sa.cast(_exchanges.tools, sa.Text))
    dropped = sa.exists().where(_attempts.exchange_id == _exchanges.id, _attempts.status == "unfit")
    answered = (
        sa.select(
            _exchanges.id,
            sa.func.min(_exchanges.id).over(partition_by=same).label("first"),
            sa.func.count().over(partition_by=same).label("times"),
            dropped.label("dropped"),
        )
        .select_from(LINKED)
        .where(
            *WHOLE,
            _exchanges.request_messages != b"",
            known_outcome.in_(("success", "failure")),
            *wanted_as(replace(wanted, modes=None)),
        )
        .subquery()
    )
    return (
        sa.select(answered.c.id, answered.c.first)
        .where(sa.or_(answered.c.times > 1, answered.c.dropped))
        .order_by(answered.c.first, answered.c.id)
    )


def _replies(
    connection: sa.Connection, id_: str, redactor: Redactor, vetting: Vetting, damaged: Damaged
) -> Iterator[GroupReply]:
    """Those of one exchange: first what was not handed over, then what was."""
    handed = turn(connection, redactor, vetting, damaged, id_)
    if handed is None:
        return
    for attempt in tried(connection, id_)[:-1]:
        if attempt.status != "unfit":
            continue
        dropped = dropped_reply(connection, redactor, vetting, damaged, handed, attempt)
        if dropped is not None:
            yield GroupReply(
                dropped, _sampled(connection, id_, attempt.position, redactor, damaged)
            )
    yield GroupReply(handed, _sampled(connection, id_, None, redactor, damaged))


def _sampled(
    connection: sa.Connection,
    id_: str,
    attempt: int | None,
    redactor: Redactor,
    damaged: Damaged,
) -> Sampled | None:
    """What was sampled; None where redaction takes something out of what it says."""
    body = response(connection, damaged, id_, attempt)
    reply = parse_reply(body).message
    if reply is None or redactor.finds(assistant_message(reply)):
        return None
    return read_sampled(body)
