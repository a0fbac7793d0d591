"""Raw bodies as the store keeps them: as they came, or packed once they are old.

A transcript is said again with every request, and stored again with each. Once it is old, a request
is packed against the last one of its conversation, which says nearly all of it (`capture.packing`);
that one, and every reply, is packed alone. So a body needs one other at most to be read, and what
others need is packed against nothing. What needs a body that goes is packed anew before it goes.

Disks go wrong: a body that is damaged is `BodyDamaged` for whoever reads that one, and nobody else.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from capture.batch import unpack
from capture.packing import ENCODING, packed, unpacked
from capture.store import tables as t

COLUMNS = tuple(t.bodies.c[name] for name in ("exchange_id", "encoding", "data", "reference"))
"""What `read_body` needs of a row."""
AnyRow = sa.Row[*tuple[Any, ...]]
_IDS_AT_ONCE = 500


class BodyDamaged(ValueError):
    """A body of one exchange cannot be unpacked; everything else can be read."""

    def __init__(self, exchange: str, why: str) -> None:
        super().__init__(f"a body of exchange {exchange} is damaged in the store: {why}")
        self.exchange = exchange
        """Id of the exchange."""


REMEDY = (
    "everything else can be read; a backup from before has it whole (`majordomo restore`), and "
    "`majordomo forget` takes its conversation out (docs/keeping.md)"
)
"""What to do about one."""

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
    """The body in a row with `COLUMNS`. Raises BodyDamaged."""
    try:
        if row.encoding != ENCODING:
            return unpack(row.encoding, row.data)
        return unpacked(row.data, _needed(connection, row.reference))
    except (ValueError, zlib.error) as error:
        raise BodyDamaged(row.exchange_id, str(error)) from error


def request_body(connection: sa.Connection, id_: str) -> bytes | None:
    """The request of an exchange; None when it is not there. Raises BodyDamaged."""
    row = connection.execute(_REQUEST, {"id": id_}).first()
    return None if row is None else read_body(connection, row)


def pack_old(
    connection: sa.Connection, before: str, most: int, damaged: Callable[[BodyDamaged], None]
) -> int:
    """Pack the bodies of the oldest exchanges that were not packed yet and are older than the id
    `before`; how many exchanges were looked at: `most` while there may be more. `damaged` is told
    what cannot be packed, and it goes on."""
    after = connection.scalar(sa.select(t.packing_position.c.after)) or ""
    asked = {"after": after, "before": before, "most": most}
    ids = list(connection.scalars(_OLD, asked))
    for id_ in ids:
        _pack(connection, id_, damaged)
    if ids:
        connection.execute(t.packing_position.delete())
        connection.execute(t.packing_position.insert().values(id=1, after=ids[-1]))
    return len(ids)


def release(connection: sa.Connection, ids: Collection[str]) -> None:
    """Have nothing need the bodies of these exchanges, which are about to go."""
    gone = sorted(ids)
    for at in range(0, len(gone), _IDS_AT_ONCE):
        some = gone[at : at + _IDS_AT_ONCE]
        needing = sa.select(_b.id, *COLUMNS).where(_b.reference.in_(some))
        for row in connection.execute(needing).all():
            if row.exchange_id not in ids:
                _release(connection, row)


def _release(connection: sa.Connection, row: AnyRow) -> None:
    """Pack a body alone. What is damaged stays as it is: nobody can read it without, either."""
    with suppress(BodyDamaged):
        _save(connection, row.id, read_body(connection, row), None, None)


def _pack(connection: sa.Connection, id_: str, damaged: Callable[[BodyDamaged], None]) -> None:
    rows: Sequence[AnyRow] = connection.execute(_OF, {"id": id_}).all()
    reference, against = _reference(connection, id_), None
    try:
        against = None if reference is None else request_body(connection, reference)
    except BodyDamaged as error:
        damaged(error)
        reference = None
    for row in rows:
        if row.encoding == ENCODING:
            continue
        try:
            data = read_body(connection, row)
        except BodyDamaged as error:
            damaged(error)
        else:
            asked = row.kind == "request"
            _save(connection, row.id, data, *((reference, against) if asked else (None, None)))


def _needed(connection: sa.Connection, reference: str | None) -> bytes | None:
    """What a body is packed against; None for nothing. Raises ValueError when that is not there."""
    if reference is None:
        return None
    try:
        needed = request_body(connection, reference)
    except BodyDamaged as error:
        raise ValueError(f"it is packed against another, and {error}") from error
    if needed is None:
        raise ValueError(f"it is packed against that of exchange {reference}, which is gone")
    return needed


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
