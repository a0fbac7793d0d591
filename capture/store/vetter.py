"""Vetting what is new: each exchange once, a page at a time, in whatever order they come.

What is found of an exchange by itself stays right whatever comes later, since nothing of it ever
changes. What conversations carry goes by the order of ids: an exchange that brings a reason into
it, or brings it in earlier than was known, has all that is akin found anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from capture.provenance import Said, Trust, read, reply_keys
from capture.said import MESSAGE_ID_BYTES
from capture.store import tables as t
from capture.store.linked import WHOLE
from capture.store.said_messages import messages_of, split
from capture.store.vetted import Given, Kept
from capture.vetting import Carried, Facts, Place, facts_of, rules_of

Row = sa.Row[Any]
_REMEMBERED = 10_000
_LOST = Said("tool")
"""What is known of a message that is not there: nothing that could be trusted."""
_PAGE = 200
_exchanges = t.exchanges.c

_SEEN = (
    sa.select(
        *(_exchanges[name] for name in ("id", "key", "headers")),
        *(_exchanges[name] for name in ("request_messages", "reply_messages")),
        *(t.turns.c[name] for name in ("conversation", "purpose")),
        sa.case((sa.and_(*WHOLE), 1), else_=0).label("whole"),
    )
    .select_from(t.exchanges.join(t.turns, t.turns.c.exchange_id == _exchanges.id))
    .where(_exchanges.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_exchanges.id)
)
_RULES = sa.select(t.vetting_rules.c.rules)
_linked, _queued = t.turns.c.exchange_id, t.to_vet.c.exchange_id


class Vetter:
    """Takes exchanges that are linked, under these rules, into what is kept."""

    def __init__(self, connection: sa.Connection, kept: Kept, trust: Trust) -> None:
        self._connection = connection
        self._kept = kept
        self._trust = trust
        self._memory = _Memory(connection)

    def take(self, ids: Sequence[str]) -> None:
        """Vet a page of exchanges."""
        rows = self._connection.execute(_SEEN, {"ids": ids}).all()
        if not rows:
            return
        self._memory.learn([row.request_messages for row in rows])
        facts = {row.id: self._facts(row) for row in rows}
        self._kept.save(facts, list(self._given(rows)))
        if changed := self._changed(rows, facts):
            self._kept.carry(changed)

    def _facts(self, row: Row) -> Facts:
        ids = split(row.request_messages)
        said = self._memory.known(ids)
        return facts_of(ids, said, row.key, row.headers, self._trust)

    def _given(self, rows: Sequence[Row]) -> Iterator[Given]:
        ids = {row.id: row.reply_messages[:MESSAGE_ID_BYTES] for row in rows if row.whole}
        replies = dict(messages_of(self._connection, sorted(set(ids.values()))))
        for row in rows:
            if (reply := replies.get(ids.get(row.id, b""))) is not None:
                for key in reply_keys(reply):
                    yield Given(row.id, key, row.conversation)

    def _changed(self, rows: Sequence[Row], facts: dict[str, Facts]) -> set[str]:
        """Conversations with which something came that was not known to come by then."""
        own = {row.conversation for row in rows}
        parents = self._kept.parents(own)
        carried = Carried(self._kept.carried(own.union(parents.values())))
        changed = self._kept.begun_for([row.id for row in rows])
        for row in rows:
            parent = parents.get(row.conversation)
            place = Place(row.id, row.conversation, parent, row.purpose is not None)
            changed.update(name for name, _ in carried.new(place, facts[row.id].holds))
        return changed


def kept_for(connection: sa.Connection, trust: Trust) -> Kept:
    """What was found of all that is linked under these rules, for a reader: what the store does not
    have is found now."""
    usual = connection.scalar(_RULES) == rules_of(trust)
    missing = _queued if usual else _linked
    if usual and connection.scalar(sa.select(missing).limit(1)) is None:
        return Kept(connection)
    kept = Kept.beside(connection, over=usual)
    vetter = Vetter(connection, kept, trust)
    for page in _pages(connection, missing):
        vetter.take(page)
    return kept


def keep_up(connection: sa.Connection, trust: Trust, most: int) -> int:
    """For the one who writes: vet some of what was linked since, the oldest first; how many were
    looked at. What was found under other rules goes, and all is to be vetted again."""
    rules = rules_of(trust)
    if connection.scalar(_RULES) != rules:
        _begin_anew(connection, rules)
    ids = connection.scalars(sa.select(_queued).order_by(_queued).limit(most)).all()
    if ids:
        Vetter(connection, Kept(connection), trust).take(ids)
        connection.execute(t.to_vet.delete().where(_queued.in_(ids)))
    return len(ids)


def _begin_anew(connection: sa.Connection, rules: str) -> None:
    for table in (t.vetted, t.given, t.carried, t.to_vet):
        connection.execute(table.delete())
    connection.execute(t.to_vet.insert().from_select(["exchange_id"], sa.select(_linked)))
    row = {"id": 1, "rules": rules}
    keep = insert(t.vetting_rules).values(row)
    connection.execute(keep.on_conflict_do_update(index_elements=["id"], set_=row))


def _pages(connection: sa.Connection, column: sa.ColumnElement[str]) -> Iterator[Sequence[str]]:
    select = sa.select(column).where(column > sa.bindparam("after")).order_by(column).limit(_PAGE)
    after = ""
    while page := connection.scalars(select, {"after": after}).all():
        yield page
        after = page[-1]


class _Memory:
    """What is known of messages, by id: a long conversation says them with every turn. Of what was
    not asked for lately, half is forgotten at a time."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._recent: dict[bytes, Said] = {}
        self._older: dict[bytes, Said] = {}

    def learn(self, joined: Sequence[bytes]) -> None:
        """Read whatever is not known of the messages of these requests."""
        if len(self._recent) > _REMEMBERED:
            self._older, self._recent = self._recent, {}
        wanted = {id_ for each in joined for id_ in split(each)} - self._recent.keys()
        for id_ in wanted & self._older.keys():
            self._recent[id_] = self._older[id_]
        for id_, message in messages_of(self._connection, sorted(wanted - self._recent.keys())):
            self._recent[id_] = read(message)

    def known(self, ids: Sequence[bytes]) -> list[Said]:
        """What is known of these messages, in this order, of requests that were learned last."""
        return [self._recent.get(id_, _LOST) for id_ in ids]
