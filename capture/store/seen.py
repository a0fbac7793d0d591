"""What of an import is here already: by the ids of exchanges, and by what was said in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

import sqlalchemy as sa

from capture.store import tables as t

_AT_ONCE = 500

T = TypeVar("T")


def known(connection: sa.Connection, ids: Collection[str]) -> set[str]:
    """Those of these exchanges that there are."""
    column = t.exchanges.c.id
    found = (connection.scalars(sa.select(column).where(column.in_(s))) for s in _some(sorted(ids)))
    return {id_ for each in found for id_ in each}


def endings(connection: sa.Connection, tails: Collection[bytes]) -> set[bytes]:
    """Those of these names of transcripts (`capture.conversations.names`) that some exchange ends
    in."""
    column = t.turns.c.tail
    found = (
        connection.scalars(sa.select(column).where(column.in_(s))) for s in _some(sorted(tails))
    )
    return {tail for each in found for tail in each if tail is not None}


def keys(connection: sa.Connection) -> list[str | None]:
    """Every API key's name that exchanges have; None for those without. Reads all of them."""
    return list(connection.scalars(sa.select(t.exchanges.c.key).distinct()))


def _some(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """So many at a time: a statement takes a limited number of parameters."""
    return (values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE))
