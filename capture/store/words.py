"""What was said in an exchange, as far as it is searched: last question, answer, calls, tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from capture.narrowing import Malformed, object_of, read_object
from capture.plain import message_of
from capture.said import MESSAGE_ID_BYTES
from capture.store import tables as t
from capture.store.bodies import BodyDamaged, request_body
from capture.tags import tags_of

_LOOKED_AT = 32
"""Messages of a request, from the last one back, among which the last user message is sought."""
_METADATA = b'"metadata"'


class Words(NamedTuple):
    """Texts of one exchange; empty where there is none."""

    asked: str
    """Of the last user message."""
    answered: str
    """Of the first choice."""
    calls: tuple[tuple[str, str], ...]
    """Names and arguments, in order."""
    skill: str | None
    """The kind of task; None when nothing about the request said."""
    tags: tuple[str, ...]
    """The client's own."""


# made once: SQLAlchemy takes longer to make a statement than SQLite to answer it
_SAID = sa.select(
    t.exchanges.c.request_messages,
    t.exchanges.c.reply_messages,
    t.exchanges.c.headers,
    t.exchanges.c.skill,
).where(t.exchanges.c.id == sa.bindparam("id"))
_MESSAGES = sa.select(t.messages.c.id, t.messages.c.role, t.messages.c.body).where(
    t.messages.c.id.in_(sa.bindparam("ids", expanding=True))
)
_CALLS = (
    sa.select(t.tool_calls.c.name, t.tool_calls.c.arguments)
    .where(t.tool_calls.c.exchange_id == sa.bindparam("id"))
    .order_by(t.tool_calls.c.position)
)


def words_of(connection: sa.Connection, id_: str) -> Words:
    """The words of one exchange; all empty for one that is not there."""
    row = connection.execute(_SAID, {"id": id_}).first()
    if row is None:
        return Words("", "", (), None, ())
    size = MESSAGE_ID_BYTES
    asked, reply = row.request_messages, row.reply_messages[:size]
    recent = [asked[at : at + size] for at in range(0, len(asked), size)][-_LOOKED_AT:]
    found = connection.execute(_MESSAGES, {"ids": [*recent, reply]})
    said = {each.id: each for each in found}
    question = next(
        (said[each] for each in reversed(recent) if each in said and said[each].role == "user"),
        None,
    )
    return Words(
        _text(question),
        _text(said.get(reply)),
        tuple((call.name, call.arguments) for call in connection.execute(_CALLS, {"id": id_})),
        row.skill,
        tags_of(row.headers, _metadata(connection, id_)),
    )


def _text(row: sa.Row[Any, Any, Any] | None) -> str:
    return "" if row is None else message_of(row.body).text


def _metadata(connection: sa.Connection, id_: str) -> Mapping[str, Any] | None:
    """The body's `metadata`; None when it has none, or the body is damaged or no longer kept."""
    try:
        body = request_body(connection, id_) or b""
        return object_of(read_object(body).get("metadata")) if _METADATA in body else None
    except (BodyDamaged, Malformed):
        return None
