"""Raw bodies as the store keeps them: as they came, or packed once they are old.

A transcript is said again with every request, and stored again with each. Once it is old, a request
is packed against the last one of its conversation, which says nearly all of it (`capture.packing`);
that one, and every reply, is packed alone. So a body needs one other at most to be read, and what
others need is packed against nothing. What needs a body that goes is packed anew before it goes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from capture.batch import unpack
from capture.packing import ENCODING, packed, unpacked
from capture.store import tables as t

COLUMNS = (t.bodies.c.encoding, t.bodies.c.data, t.bodies.c.reference)
"""What `read_body` needs of a row."""
AnyRow = sa.Row[*tuple[Any, ...]]
_IDS_AT_ONCE = 500

_b = t.bodies.c
_REQUEST = (
    sa.select(*COLUMNS)
    .where(_b.exchange_id == sa.bindparam("id"), _b.kind == "request")
    .order_by(_b.id)
)
_LAST = (
    sa.select(sa.func.max(t.turns.c.exchange_id))
    .where(
        t.turns.c.conversation
        == sa.select(t.turns.c.conversation)
        .where(t.turns.c.exchange_id == sa.bindparam("id"))
        .scalar_subquery()
    )
    .where(sa.exists().where(_b.exchange_id == t.turns.c.exchange_id, _b.kind == "request"))
)
_IS_REFERENCE = sa.select(sa.exists().where(_b.reference == sa.bindparam("id")))
_OLD = (
    sa.select(_b.exchange_id)
    .where(_b.exchange_id > sa.bindparam("after"), _b.exchange_id < sa.bindparam("before"))
    .distinct()
    .order_by(_b.exchange_id)
    .limit(sa.bindparam("most"))
)
_OF = sa.select(_b.id, _b.kind, *COLUMNS).where(_b.exchange_id == sa.bindparam("id"))


def read_body(connection: sa.Connection, row: AnyRow) -> bytes:
    """The body in a row with `COLUMNS`. Raises ValueError when it cannot be unpacked."""
    if row.encoding != ENCODING:
        return unpack(row.encoding, row.data)
    needed = None if row.reference is None else request_body(connection, row.reference)
    return unpacked(row.data, needed)


def request_body(connection: sa.Connection, id_: str) -> bytes | None:
    """The request of an exchange; None when it is not there."""
    row = connection.execute(_REQUEST, {"id": id_}).first()
    return None if row is None else read_body(connection, row)


def pack_old(connection: sa.Connection, before: str, most: int) -> int:
    """Pack the bodies of the oldest exchanges that were not packed yet and are older than the id
    `before`; how many exchanges were looked at: `most` while there may be more."""
    after = connection.scalar(sa.select(t.packing_position.c.after)) or ""
    asked = {"after": after, "before": before, "most": most}
    ids = list(connection.scalars(_OLD, asked))
    for id_ in ids:
        _pack(connection, id_)
    if ids:
        connection.execute(t.packing_position.delete())
        connection.execute(t.packing_position.insert().values(id=1, after=ids[-1]))
    return len(ids)


def release(connection: sa.Connection, ids: Collection[str]) -> None:
    """Have nothing need the bodies of these exchanges, which are about to go."""
    gone = sorted(ids)
    for at in range(0, len(gone), _IDS_AT_ONCE):
        some = gone[at : at + _IDS_AT_ONCE]
        needing = sa.select(_b.id, _b.exchange_id, *COLUMNS).where(_b.reference.in_(some))
        for row in connection.execute(needing).all():
            if row.exchange_id not in ids:
                _save(connection, row.id, read_body(connection, row), None, None)


def _pack(connection: sa.Connection, id_: str) -> None:
    rows: Sequence[AnyRow] = connection.execute(_OF, {"id": id_}).all()
    reference = _reference(connection, id_)
    against = None if reference is None else request_body(connection, reference)
    for row in rows:
        if row.encoding == ENCODING:
            continue
        data = unpack(row.encoding, row.data)
        if row.kind == "request":
            _save(connection, row.id, data, reference, against)
        else:
            _save(connection, row.id, data, None, None)


def _reference(connection: sa.Connection, id_: str) -> str | None:
    """The exchange to pack this one's request against; None for one that stands alone."""
    if connection.scalar(_IS_REFERENCE, {"id": id_}):
        return None
    last = connection.scalar(_LAST, {"id": id_})
    return None if last is None or last == id_ else last


def _save(
    connection: sa.Connection, row: int, data: bytes, reference: str | None, against: bytes | None
) -> None:
    """Keep a body packed; as it is where that saves nothing."""
    small = packed(data, against)
    values = (
        {"encoding": None, "data": data, "reference": None}
        if small is None
        else {"encoding": ENCODING, "data": small, "reference": reference}
    )
    connection.execute(t.bodies.update().where(_b.id == row).values(values))
