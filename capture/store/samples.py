"""The newest exchanges that can train, as they are compared with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from capture.anomalies import Sample
from capture.feedback import Feedback
from capture.messages import Message
from capture.provenance import Trust
from capture.said import MESSAGE_ID_BYTES
from capture.store import tables as t
from capture.store.feedback import said_of
from capture.store.linked import LINKED, WHOLE
from capture.store.said_messages import messages_of
from capture.store.vetted import Kept
from capture.vetting import Facts, answered_with, heard, source_of

Row = sa.Row[Any]
COMPARED = 50_000
"""Exchanges that are compared with each other, the newest."""
END_CHARACTERS = 4_000
"""Of one message's text, so much is kept from its beginning, and from its end."""
_PAGE = 200
_exchanges = t.exchanges.c

_BEFORE = (
    sa.select(_exchanges.id)
    .select_from(LINKED)
    .where(*WHOLE)
    .order_by(_exchanges.id.desc())
    .offset(sa.bindparam("compared"))
    .limit(1)
)
_WHOLE = (
    sa.select(
        *(_exchanges[name] for name in ("id", "began_at", "key", "headers")),
        sa.func.substr(_exchanges.reply_messages, 1, MESSAGE_ID_BYTES).label("reply"),
        t.turns.c.conversation,
    )
    .select_from(LINKED)
    .where(*WHOLE, _exchanges.id > sa.bindparam("after"))
    .order_by(_exchanges.id)
    .limit(_PAGE)
)


def samples(
    connection: sa.Connection, kept: Kept, trust: Trust, redact: Callable[[str], str]
) -> Iterator[Sample]:
    """In the order of their ids, but for what is refused. `redact` takes secrets out of what is
    compared: reasons quote it."""
    after = connection.scalar(_BEFORE, {"compared": COMPARED}) or ""
    while rows := connection.execute(_WHOLE, {"after": after}).all():
        yield from _page(connection, rows, kept, trust, redact)
        after = rows[-1].id


def _page(
    connection: sa.Connection,
    rows: Sequence[Row],
    kept: Kept,
    trust: Trust,
    redact: Callable[[str], str],
) -> Iterator[Sample]:
    ids = [row.id for row in rows]
    said = said_of(connection, ids)
    facts = kept.facts(ids)
    named = {id_ for each in facts.values() for id_ in (each.asked, *each.brought) if id_}
    messages = dict(messages_of(connection, sorted(named.union(row.reply for row in rows))))
    for row in rows:
        feedback = said.get(row.id, ())
        reply = messages.get(row.reply)
        if reply is not None and not heard(feedback, trust).refused:
            yield _one(row, facts[row.id], reply, messages, feedback, trust, redact)


def _one(
    row: Row,
    facts: Facts,
    reply: Message,
    messages: dict[bytes, Message],
    feedback: Sequence[Feedback],
    trust: Trust,
    redact: Callable[[str], str],
) -> Sample:
    def text(id_: bytes | None) -> str:
        message = None if id_ is None else messages.get(id_)
        return "" if message is None else _both_ends(message.text)

    return Sample(
        id=row.id,
        source=source_of(row.key, row.headers, trust),
        conversation=row.conversation,
        began_at=row.began_at,
        said=redact(text(facts.asked)),
        outside=redact("\n".join(map(text, facts.brought))),
        answered=redact(answered_with(reply, feedback, trust)),
    )


def _both_ends(text: str) -> str:
    """A text without its middle where it is long."""
    if len(text) <= 2 * END_CHARACTERS:
        return text
    return f"{text[:END_CHARACTERS]}\n{text[-END_CHARACTERS:]}"
