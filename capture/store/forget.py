"""Taking things out of the store: a conversation, as if it had never been; old bodies.

Every row of its exchanges goes, with the messages that no other exchange says, and what was
counted of it is taken back. What only loses its raw bytes stays as a row, with its messages. All in
one transaction of the caller's. Portable SQL but for `secure_delete` and `VACUUM`, which are
SQLite's: deleted bytes are overwritten, and the file is written anew without what earlier changes
left in its free space.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import sqlalchemy as sa

from capture.outcomes import UNKNOWN
from capture.store import tables as t
from capture.store.bodies import release
from capture.store.links import Links
from capture.store.rows import Conversation
from capture.store.said_messages import split
from capture.store.vetted import Kept

_AT_ONCE = 500
_BREATHE_EVERY = 64
_NOTHING = 1e-9
"""What adding and taking away again may leave of a sum."""


def find_conversation(connection: sa.Connection, id_: str) -> Conversation | None:
    """The whole conversation that this exchange is part of, with those that were begun on its
    behalf (titles, summaries, reviews, sub-agents, copies of it): they hold what it said. None when
    there is no such exchange. One that is not linked yet stands alone."""
    named = connection.scalar(
        sa.select(sa.func.coalesce(t.turns.c.conversation, t.exchanges.c.id))
        .select_from(t.exchanges.outerjoin(t.turns, t.turns.c.exchange_id == t.exchanges.c.id))
        .where(t.exchanges.c.id == id_)
    )
    if named is None:
        return None
    family = _family(connection, named)
    linked = sa.select(t.turns.c.exchange_id).where(t.turns.c.conversation.in_(family))
    select = sa.select(
        *(t.exchanges.c[name] for name in ("id", "key", "status", "began_at", "asked")),
        t.exchanges.c.reply_messages,
    ).where(sa.or_(t.exchanges.c.id.in_(linked), t.exchanges.c.id == id_))
    rows = connection.execute(select.order_by(t.exchanges.c.id)).all()
    replies = frozenset(each for row in rows for each in split(row.reply_messages))
    ids = tuple(row.id for row in rows)
    return Conversation(
        id=named,
        exchanges=ids,
        feedback=tuple(connection.scalars(sa.select(t.feedback.c.id).where(_speaks_of(ids)))),
        keys=frozenset(row.key for row in rows),
        began_at=rows[0].began_at,
        last_at=rows[-1].began_at,
        asked=rows[0].asked,
        in_flight=any(row.status == "open" for row in rows) or _goes_on(connection, ids, replies),
    )


def forget(
    connection: sa.Connection, links: Links, ids: Sequence[str], breathe: Callable[[], None]
) -> int:
    """Remove these exchanges, all of which have ended. Returns how many messages went with them."""
    kept = Kept(connection)
    akin = kept.akin_to(ids)
    _take_back(connection, links, ids)
    connection.execute(t.week_counts.delete())
    release(connection, set(ids))
    said: set[bytes] = set()
    for row in _among(connection, _said(), t.exchanges.c.id, ids):
        said.update(split(row.request_messages), split(row.reply_messages))
    for some in _some(ids):
        connection.execute(t.feedback.delete().where(_speaks_of(some)))
    for table in named_by_exchange():
        _delete(connection, table, table.c.exchange_id, ids)
    _delete(connection, t.exchanges, t.exchanges.c.id, ids)
    kept.carry(akin)
    unused = sorted(_unused(connection, said, breathe))
    _delete(connection, t.messages, t.messages.c.id, unused)
    return len(unused)


def drop_bodies(
    connection: sa.Connection, before: str, after: str, spared: AbstractSet[str], most: int
) -> tuple[int, str | None]:
    """Remove the raw bytes of exchanges that have ended, older than the id `before`, but for those
    `spared`: of the first `most` after the id `after`. Returns how many lost them, and the last of
    those looked at; None when there are no more."""
    bodies = t.bodies.c
    select = (
        sa.select(bodies.exchange_id)
        .where(bodies.exchange_id > after, bodies.exchange_id < before)
        .distinct()
        .order_by(bodies.exchange_id)
        .limit(most)
    )
    seen = [row.exchange_id for row in connection.execute(select)]
    statuses = sa.select(t.exchanges.c.id, t.exchanges.c.status)
    found = _among(connection, statuses, t.exchanges.c.id, seen)
    gone = [row.id for row in found if row.status != "open" and row.id not in spared]
    release(connection, set(gone))
    _delete(connection, t.bodies, bodies.exchange_id, gone)
    return len(gone), seen[-1] if seen else None


def named_by_exchange() -> list[sa.Table]:
    """Every table with rows that belong to one exchange."""
    return [table for table in t.metadata.sorted_tables if "exchange_id" in table.c]


def secure(driver: sqlite3.Connection, *, on: bool) -> None:
    """Whether what is deleted from now on is overwritten."""
    driver.execute(f"PRAGMA secure_delete={'ON' if on else 'OFF'}").fetchall()


def write_anew(driver: sqlite3.Connection) -> None:
    """Write the whole file anew, with nothing in it but what is there. Needs as much room again;
    raises sqlite3.Error, and then nothing is changed."""
    driver.execute("VACUUM")


def _family(connection: sa.Connection, conversation: str) -> set[str]:
    """This conversation and all that were begun on behalf of one of them."""
    found: set[str] = set()
    new = {conversation}
    while new:
        found |= new
        members = sa.select(t.turns.c.exchange_id).where(t.turns.c.conversation.in_(new))
        begun = sa.select(t.turns.c.conversation).where(t.turns.c.parent.in_(members)).distinct()
        new = set(connection.scalars(begun)) - found
    return found


def _speaks_of(ids: Sequence[str]) -> sa.ColumnElement[bool]:
    """Feedback about these exchanges, or that counts for one of them."""
    said = t.feedback.c
    return sa.or_(said.exchange_id.in_(ids), said.conversation.in_(ids), said.counted_for.in_(ids))


def _goes_on(connection: sa.Connection, ids: Sequence[str], replies: frozenset[bytes]) -> bool:
    """Whether some request in flight repeats what this conversation was answered."""
    select = sa.select(t.exchanges.c.request_messages).where(
        t.exchanges.c.status == "open", t.exchanges.c.id.not_in(ids[:_AT_ONCE])
    )
    return any(
        not replies.isdisjoint(split(row.request_messages)) for row in connection.execute(select)
    )


def _take_back(connection: sa.Connection, links: Links, ids: Sequence[str]) -> None:
    """Count these exchanges out of whatever they were counted into."""
    linked = [id_ for id_ in ids if links.turn(id_) is not None]
    ended = links.ended(linked)
    known = [(each, links.outcome(id_)) for id_, each in ended.items()]
    links.add_up([(each, outcome, UNKNOWN) for each, outcome in known if outcome is not None])
    links.take_back_unfit([id_ for id_, each in ended.items() if each.attempts > 1])
    tallies = t.skill_tallies
    connection.execute(
        tallies.delete().where(
            sa.func.abs(tallies.c.successes) < _NOTHING, sa.func.abs(tallies.c.failures) < _NOTHING
        )
    )
    statuses = sa.select(t.exchanges.c.status, t.exchanges.c.mode).where(t.served)
    counted = Counter(
        (row.status, row.mode or "")
        for row in _among(connection, statuses, t.exchanges.c.id, ids)
        if row.status != "open"
    )
    for (status, mode), number in counted.items():
        here = sa.and_(t.tallies.c.status == status, t.tallies.c.mode == mode)
        fewer = t.tallies.c.exchanges - number
        connection.execute(t.tallies.update().where(here).values(exchanges=fewer))
    connection.execute(t.tallies.delete().where(t.tallies.c.exchanges <= 0))


def _unused(
    connection: sa.Connection, candidates: set[bytes], breathe: Callable[[], None]
) -> set[bytes]:
    """Those of these messages that no exchange says. No index knows who says a message, so every
    exchange is looked at, the newest first, for as long as some message is unaccounted for."""
    left = set(candidates)
    rows = connection.execute(_said().order_by(t.exchanges.c.id.desc()))
    for number, row in enumerate(rows):
        if not left:
            break
        left.difference_update(split(row.request_messages), split(row.reply_messages))
        if number % _BREATHE_EVERY == _BREATHE_EVERY - 1:
            breathe()
    rows.close()
    return left


def _said() -> sa.Select[Any, Any]:
    return sa.select(t.exchanges.c.request_messages, t.exchanges.c.reply_messages)


def _among(
    connection: sa.Connection, select: sa.Select[Any, Any], column: sa.ColumnElement[Any], ids: Any
) -> Iterator[Any]:
    for some in _some(ids):
        yield from connection.execute(select.where(column.in_(some))).all()


def _delete(
    connection: sa.Connection, table: sa.Table, column: sa.ColumnElement[Any], ids: Any
) -> None:
    for some in _some(ids):
        connection.execute(table.delete().where(column.in_(some)))


def _some(ids: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """So many at a time: a statement takes a limited number of parameters."""
    return (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))
