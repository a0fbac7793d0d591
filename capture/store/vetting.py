"""Vetting all that the store has: one pass over it, oldest first, before anything is learned of it.

Messages are read once each, however many requests repeat them. What stands out is looked for among
the newest that can train; nothing else is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from capture import anomalies
from capture.anomalies import Sample
from capture.exchange import Mode
from capture.feedback import Feedback
from capture.messages import Message
from capture.plain import message_of
from capture.provenance import Said, Trust, read
from capture.redact import Redactor
from capture.said import MESSAGE_ID_BYTES
from capture.store import tables as t
from capture.store.feedback import said_of
from capture.store.trainable import LINKED, WHOLE
from capture.vetting import Seen, Vetter, Vetting

Row = sa.Row[Any]
COMPARED = 50_000
"""Exchanges that are compared with each other, the newest."""
_ROWS_AT_ONCE = 200
_REMEMBERED = 10_000
_LOST = Said("tool")
"""What is known of a message that is not there: nothing that could be trusted."""
_exchanges = t.exchanges.c
_before = t.turns.alias("before")

_SEEN = (
    sa.select(
        *(_exchanges[name] for name in ("id", "began_at", "key", "headers", "mode", "upstream")),
        *(_exchanges[name] for name in ("request_messages", "reply_messages")),
        *(t.turns.c[name] for name in ("conversation", "purpose")),
        _before.c.conversation.label("parent"),
        sa.case((sa.and_(*WHOLE), 1), else_=0).label("whole"),
    )
    .select_from(LINKED.outerjoin(_before, _before.c.exchange_id == t.turns.c.parent))
    .where(_exchanges.id > sa.bindparam("after"))
    .order_by(_exchanges.id)
    .limit(_ROWS_AT_ONCE)
)
_OLDEST = (
    sa.select(_exchanges.id)
    .select_from(LINKED)
    .where(*WHOLE)
    .order_by(_exchanges.id.desc())
    .offset(sa.bindparam("compared"))
    .limit(1)
)
_MESSAGES = sa.select(t.messages.c.id, t.messages.c.body).where(
    t.messages.c.id.in_(sa.bindparam("ids", expanding=True))
)


def vet(connection: sa.Connection, trust: Trust, redactor: Redactor) -> Vetting:
    """What may train of all that is linked, and what waits, under these rules."""
    vetter = Vetter(trust, redactor.said)
    oldest = connection.scalar(_OLDEST, {"compared": COMPARED}) or ""

    def compared() -> Iterator[Sample]:
        for seen in _seen(connection):
            sample = vetter.take(seen)
            if sample is not None and sample.id > oldest:
                yield sample

    samples = compared()
    flagged = anomalies.flags(samples)
    for _ in samples:  # whatever was not looked at for that is vetted all the same
        pass
    return vetter.vetting(flagged)


def _seen(connection: sa.Connection) -> Iterator[Seen]:
    """All that is linked, in the order of their ids."""
    memory = _Memory(connection)
    after = ""
    while rows := connection.execute(_SEEN, {"after": after}).all():
        feedback = said_of(connection, [row.id for row in rows])
        replies = memory.replies(rows)
        for row in rows:
            reply = replies.get(row.reply_messages[:MESSAGE_ID_BYTES])
            yield _one(row, memory.read(row.request_messages), reply, feedback.get(row.id, ()))
        after = rows[-1].id


def _one(
    row: Row, said: Sequence[Said], reply: Message | None, feedback: Sequence[Feedback]
) -> Seen:
    return Seen(
        id=row.id,
        conversation=row.conversation,
        parent=row.parent,
        aside=row.purpose is not None,
        began_at=row.began_at,
        key=row.key,
        headers=row.headers,
        mode=None if row.mode is None else Mode(row.mode),
        upstream=row.upstream,
        whole=bool(row.whole),
        said=said,
        reply=reply,
        feedback=feedback,
    )


class _Memory:
    """What is known of messages, by id: a long conversation says them with every turn. Of what was
    not asked for lately, half is forgotten at a time."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._recent: dict[bytes, Said] = {}
        self._older: dict[bytes, Said] = {}

    def read(self, joined: bytes) -> list[Said]:
        """The messages of these ids, in this order."""
        ids = [joined[at : at + MESSAGE_ID_BYTES] for at in range(0, len(joined), MESSAGE_ID_BYTES)]
        if missing := set(ids) - self._recent.keys():
            if len(self._recent) + len(missing) > _REMEMBERED:
                self._older, self._recent, missing = self._recent, {}, set(ids)
            self._find(missing)
        return [self._recent.get(id_, _LOST) for id_ in ids]

    def replies(self, rows: Sequence[Row]) -> dict[bytes, Message]:
        """The replies of these exchanges, whole, by id."""
        ids = {row.reply_messages[:MESSAGE_ID_BYTES] for row in rows if row.reply_messages}
        return dict(self._messages(sorted(ids)))

    def _find(self, missing: set[bytes]) -> None:
        for id_ in missing & self._older.keys():
            self._recent[id_] = self._older[id_]
        for id_, message in self._messages(sorted(missing - self._recent.keys())):
            self._recent[id_] = read(message)

    def _messages(self, ids: Sequence[bytes]) -> Iterator[tuple[bytes, Message]]:
        for at in range(0, len(ids), _ROWS_AT_ONCE):
            some = ids[at : at + _ROWS_AT_ONCE]
            for id_, body in self._connection.execute(_MESSAGES, {"ids": some}):
                yield id_, message_of(body)
