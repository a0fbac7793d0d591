"""Reading messages out of the store by their ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from capture.messages import Message
from capture.plain import message_of
from capture.said import MESSAGE_ID_BYTES
from capture.store import tables as t

_AT_ONCE = 500
_MESSAGES = sa.select(t.messages.c.id, t.messages.c.body).where(
    t.messages.c.id.in_(sa.bindparam("ids", expanding=True))
)


def messages_of(connection: sa.Connection, ids: Sequence[bytes]) -> Iterator[tuple[bytes, Message]]:
    """Those of these messages that there are, in any order."""
    for at in range(0, len(ids), _AT_ONCE):
        for id_, body in connection.execute(_MESSAGES, {"ids": ids[at : at + _AT_ONCE]}):
            yield id_, message_of(body)


def split(joined: bytes) -> list[bytes]:
    """Message ids, one by one, as exchanges have them."""
    size = MESSAGE_ID_BYTES
    return [joined[at : at + size] for at in range(0, len(joined), size)]
