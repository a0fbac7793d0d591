"""What vetting found, as it is kept: of each exchange by itself, of conversations what they carry.

    vetted    the facts of each exchange (`capture.vetting.Facts`)
    given     the replies that were served, by conversation, as clients may repeat them
    carried   what conversations have read, and since which exchange

The store's own tables hold what was found under the rules in `vetting_rules`, by the one who writes
it. A reader that asks under other rules, or before all is vetted, notes what is missing in tables
of its own (`Beside`): temporary ones, on disk where they are large, gone with its transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import Any, NamedTuple

import sqlalchemy as sa

from capture.holds import Hold
from capture.store import tables as t
from capture.store.said_messages import split
from capture.vetting import Carried, Facts, Place, Since

_AT_ONCE = 500
_ANCESTORS = 8
"""Conversations that a reply is looked for in, each begun on behalf of the next."""
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_first, _above = t.turns.alias("first"), t.turns.alias("above")

CONVERSATIONS = t.turns.outerjoin(_first, _first.c.exchange_id == t.turns.c.conversation).outerjoin(
    _above, _above.c.exchange_id == _first.c.parent
)
"""Turns, with the conversation on whose behalf theirs was begun (`PARENT`)."""
PARENT = _above.c.conversation

_PARENTS = (
    sa.select(_first.c.exchange_id, PARENT)
    .select_from(_first.join(_above, _above.c.exchange_id == _first.c.parent))
    .where(_first.c.exchange_id.in_(_IDS))
)
_MEMBERS = sa.select(t.turns.c.exchange_id).where(t.turns.c.conversation.in_(_IDS))
_BEGUN = sa.select(_first.c.conversation).where(_first.c.parent.in_(_MEMBERS)).distinct()
_CONVERSATIONS_OF = (
    sa.select(t.turns.c.conversation).where(t.turns.c.exchange_id.in_(_IDS)).distinct()
)


class Layer:
    """Two of the tables, in the store or beside it, and what is asked of them."""

    def __init__(self, vetted: sa.Table, given: sa.Table) -> None:
        self.vetted = vetted
        self.given = given
        self.facts = sa.select(vetted).where(vetted.c.exchange_id.in_(_IDS))
        self.places = (
            sa.select(t.turns.c.exchange_id, t.turns.c.conversation, t.turns.c.purpose, vetted)
            .join(vetted, vetted.c.exchange_id == t.turns.c.exchange_id)
            .where(t.turns.c.conversation.in_(_IDS))
            .order_by(t.turns.c.exchange_id)
        )
        self.begun = (
            sa.select(t.turns.c.conversation)
            .join(vetted, vetted.c.exchange_id == t.turns.c.exchange_id)
            .where(t.turns.c.parent.in_(_IDS))
        )
        self.find = (
            sa.select(given.c.key, sa.func.max(given.c.exchange_id))
            .where(given.c.conversation == sa.bindparam("conversation"), given.c.key.in_(_IDS))
            .group_by(given.c.key)
        )
        self.forget_facts = vetted.delete().where(vetted.c.exchange_id.in_(_IDS))
        self.forget_given = given.delete().where(given.c.exchange_id.in_(_IDS))


_BESIDE = sa.MetaData()


def _beside(table: sa.Table) -> sa.Table:
    """A temporary table like this one. It has a name of its own: SQLite would take it for the other
    wherever that is named."""
    return table.to_metadata(_BESIDE, schema="temp", name=f"{table.name}_beside")


STORED = Layer(t.vetted, t.given)
BESIDE = Layer(_beside(t.vetted), _beside(t.given))
_carried_beside = _beside(t.carried)


class Given(NamedTuple):
    """A reply that was served, as a client may repeat it."""

    exchange_id: str
    key: bytes
    conversation: str


class Kept:
    """What was found, on one connection, within its transaction."""

    def __init__(
        self,
        connection: sa.Connection,
        layers: Sequence[Layer] = (STORED,),
        carried: sa.Table = t.carried,
    ) -> None:
        """Of all `layers` together, each exchange in one of them; what is saved goes into the
        last."""
        self._connection = connection
        self._layers = layers
        self._carried = carried
        self._carried_of = sa.select(carried).where(carried.c.conversation.in_(_IDS))

    @classmethod
    def beside(cls, connection: sa.Connection, *, over: bool) -> Kept:
        """A reader's own, empty; `over` what the store has, or without it. Once in a
        transaction."""
        _BESIDE.create_all(connection, checkfirst=False)
        if over:
            connection.execute(
                _carried_beside.insert().from_select(t.carried.c.keys(), t.carried.select())
            )
        return cls(connection, (STORED, BESIDE) if over else (BESIDE,), _carried_beside)

    def save(self, facts: Mapping[str, Facts], given: Collection[Given]) -> None:
        """Keep what was found of exchanges by themselves, in place of what was."""
        into = self._layers[-1]
        found = {"ids": [*facts]}
        self._connection.execute(into.forget_facts, found)
        self._connection.execute(into.forget_given, found)
        rows = [
            each._asdict() | {"exchange_id": id_, "brought": b"".join(each.brought)}
            for id_, each in facts.items()
        ]
        self._connection.execute(into.vetted.insert(), rows)
        if given:
            self._connection.execute(into.given.insert(), [each._asdict() for each in given])

    def facts(self, ids: Sequence[str]) -> dict[str, Facts]:
        """Those of these exchanges that were vetted."""
        return {
            row.exchange_id: _facts(row)
            for layer in self._layers
            for row in self._among(layer.facts, ids)
        }

    def carried(self, conversations: Collection[str]) -> dict[str, list[Since]]:
        """What these conversations have read, each in the order it came."""
        found: dict[str, list[Since]] = {}
        rows = self._among(self._carried_of, sorted(conversations))
        for row in sorted(rows, key=lambda row: row.position):
            since = Since(Hold(row.code, row.text), row.since)
            found.setdefault(row.conversation, []).append(since)
        return found

    def parents(self, conversations: Collection[str]) -> dict[str, str]:
        """On whose behalf conversations were begun; without those that are nobody's."""
        return dict(tuple(row) for row in self._among(_PARENTS, sorted(conversations)))

    def begun_for(self, ids: Sequence[str]) -> set[str]:
        """Conversations that were begun on behalf of one of these exchanges, and are vetted."""
        return {row[0] for layer in self._layers for row in self._among(layer.begun, ids)}

    def givers(self, conversation: str, keys: Collection[bytes]) -> dict[bytes, str]:
        """By what it says: the last exchange that gave a reply in this conversation, or in one on
        whose behalf it was begun. Without those that none gave."""
        found: dict[bytes, str] = {}
        at: str | None = conversation
        for _ in range(_ANCESTORS):
            left = sorted(set(keys) - found.keys())
            if at is None or not left:
                break
            here: dict[bytes, str] = {}
            for layer in self._layers:
                for key, id_ in self._among(layer.find, left, conversation=at):
                    here[key] = max(id_, here.get(key, ""))
            found |= here
            at = self.parents([at]).get(at)
        return found

    def carry(self, conversations: Collection[str]) -> None:
        """Find anew what these and all that are akin to them have read."""
        akin, parents = self._akin(conversations)
        carried = Carried()
        for row in self._places(sorted(akin)):
            parent = parents.get(row.conversation)
            place = Place(row.exchange_id, row.conversation, parent, row.purpose is not None)
            carried.take(place, _facts(row).holds)
        gone = self._carried.delete().where(self._carried.c.conversation.in_(_IDS))
        for some in _some(sorted(akin)):
            self._connection.execute(gone, {"ids": some})
        if rows := list(_rows(carried)):
            self._connection.execute(self._carried.insert(), rows)

    def akin_to(self, ids: Sequence[str]) -> set[str]:
        """The conversations of these exchanges, and all that are akin to them."""
        return self._akin({row[0] for row in self._among(_CONVERSATIONS_OF, ids)})[0]

    def spoken_against(self) -> Iterator[str]:
        """Ids of exchanges that they or their conversations give a reason to hold, the newest
        first, and maybe of some more."""
        tainted = sa.select(self._carried.c.conversation)
        return merge(*(self._against(layer, tainted) for layer in self._layers), reverse=True)

    def _against(self, layer: Layer, tainted: sa.Select[Any]) -> Iterator[str]:
        found = layer.vetted.c
        select = (
            sa.select(found.exchange_id)
            .join(t.turns, t.turns.c.exchange_id == found.exchange_id)
            .where(
                found.exchange_id < sa.bindparam("before"),
                sa.or_(
                    found.outside.is_not(None),
                    found.source.is_not(None),
                    t.turns.c.conversation.in_(tainted),
                ),
            )
            .order_by(found.exchange_id.desc())
            .limit(_AT_ONCE)
        )
        before = "~"  # after every id
        while page := self._connection.scalars(select, {"before": before}).all():
            yield from page
            before = page[-1]

    def _akin(self, conversations: Collection[str]) -> tuple[set[str], dict[str, str]]:
        """All conversations that what these have read can come from or go to, and their parents."""
        found: set[str] = set()
        parents: dict[str, str] = {}
        new = set(conversations)
        while new:
            found |= new
            some = sorted(new)
            above = self.parents(some)
            parents |= above
            begun = {row[0] for row in self._among(_BEGUN, some)}
            new = begun.union(above.values()) - found
        return found, parents

    def _places(self, conversations: Sequence[str]) -> Iterator[Any]:
        """The exchanges of these conversations that were vetted, in the order of their ids."""
        rows = [
            self._connection.execute(layer.places, {"ids": some})
            for layer in self._layers
            for some in _some(conversations)
        ]
        return merge(*rows, key=lambda row: row.exchange_id)

    def _among(
        self,
        select: sa.Select[*tuple[Any, ...]],
        ids: Sequence[str] | Sequence[bytes],
        **values: object,
    ) -> Iterator[Any]:
        for some in _some(ids):
            yield from self._connection.execute(select, {"ids": some, **values}).all()


def _facts(row: Any) -> Facts:
    return Facts(row.outside, row.source, row.asked, tuple(split(row.brought)))


def _rows(carried: Carried) -> Iterable[dict[str, object]]:
    for conversation, known in carried.known.items():
        for position, (hold, id_) in enumerate(known):
            yield {
                "conversation": conversation,
                "position": position,
                "code": hold.code,
                "text": hold.text,
                "since": id_,
            }


def _some(ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """So many at a time: a statement takes a limited number of parameters."""
    return (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))
