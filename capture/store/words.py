"""What was said in an exchange, as far as it is searched: last question, answer, calls."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from capture.plain import message_of
from capture.said import MESSAGE_ID_BYTES
from capture.store import tables as t

_LOOKED_AT = 64
"""Messages of a request, from the last one back, among which the last user message is sought."""


class Words(NamedTuple):
    """Texts of one exchange; empty where there is none."""

    asked: str
    """Of the last user message."""
    answered: str
    """Of the first choice."""
    called: str
    """Names and arguments of the calls, one a line."""


def words_of(connection: sa.Connection, id_: str) -> Words:
    """The words of one exchange; all empty for one that is not there."""
    row = connection.execute(
        sa.select(t.exchanges.c.request_messages, t.exchanges.c.reply_messages).where(
            t.exchanges.c.id == id_
        )
    ).first()
    if row is None:
        return Words("", "", "")
    size = MESSAGE_ID_BYTES
    asked, reply = row.request_messages, row.reply_messages[:size]
    recent = [asked[at : at + size] for at in range(0, len(asked), size)][-_LOOKED_AT:]
    said = {
        each.id: message_of(each.body).text
        for each in connection.execute(
            sa.select(t.messages.c.id, t.messages.c.body).where(
                sa.or_(
                    sa.and_(t.messages.c.id.in_(recent), t.messages.c.role == "user"),
                    t.messages.c.id == reply,
                )
            )
        )
    }
    question = next((said[each] for each in reversed(recent) if each in said and each != reply), "")
    calls = connection.execute(
        sa.select(t.tool_calls.c.name, t.tool_calls.c.arguments)
        .where(t.tool_calls.c.exchange_id == id_)
        .order_by(t.tool_calls.c.position)
    )
    called = "\n".join(f"{call.name} {call.arguments}" for call in calls)
    return Words(question, said.get(reply, ""), called)
