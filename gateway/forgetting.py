"""Forgetting a conversation everywhere in a home: journal, datasets, the store, its copies, words.

The store is last, so that a death on the way leaves the conversation findable and `forget` can be
asked again; every step may be done twice. All of it runs in the thread that writes the store.
What is not reached, and said so: backups and exports, which are the user's, and adapters that were
trained on it, which have no rows to take out.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from capture import datasets
from capture.blanking import blank
from capture.datasets import CycleRuns, Flagged, no_cycle
from capture.ingest import Ingester
from capture.store import Store, StoreError
from capture.store.rows import Conversation
from capture.store.writer import Writer
from gateway.errors import ClientError
from gateway.home import Home
from gateway.own_key import NAME as OWN_KEY

_OLD_COPIES = ".before-*"
"""What the store's copies from before a migration end in."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What went, and what is left that only the user can see to."""

    conversation: str
    """Id of its first exchange."""
    exchanges: tuple[str, ...]
    """Ids, oldest first."""
    messages: int
    """Messages that no other conversation says, and that went with it."""
    records: int
    """Records of the journal that say nothing any more."""
    erased: bool
    """The store's file was written anew, and no byte is left in it; False: it was overwritten
    where it stood, but the file could not be written anew (its readers, or too little room)."""
    copies: tuple[str, ...]
    """Copies of the store from before a migration that held it, and were removed: file names."""
    datasets: tuple[Flagged, ...]
    """Cycles whose dataset held some of it, and is flagged."""
    exports: tuple[str, ...]
    """Directories of exports that hold some of it, below HOME/exports; they are left alone."""


async def forget(
    home: Home,
    store: Store,
    ingester: Ingester,
    id_: str,
    flying: Sequence[str],
    words: Callable[[Sequence[str]], None],
) -> Forgotten | None:
    """Forget the conversation of this exchange; None when there is no such exchange. `flying` are
    the exchanges in flight; `words` takes exchanges out of what is searched.

    Raises ClientError 409 while something of it is being answered, or a training cycle runs;
    StoreError or OSError when it cannot be done now.
    """
    try:
        gone = await ingester.do(lambda writer: _forget(home, store, writer, id_, flying))
    except SQLAlchemyError as error:
        raise StoreError(f"the store: {getattr(error, 'orig', None) or error}") from error
    if gone is not None:
        await asyncio.to_thread(words, gone.exchanges)
    return gone


def allowed(conversation: Conversation, key: str | None, *, keys: bool) -> bool:
    """Whether who presented `key` may have it forgotten: whoever held it, and the household's own
    command line; where the home has no keys (`keys` false), anybody who gets in."""
    return not keys or key == OWN_KEY or conversation.keys == frozenset((key,))


def _forget(
    home: Home, store: Store, writer: Writer, id_: str, flying: Sequence[str]
) -> Forgotten | None:
    found = store.conversation(id_)
    if found is None:
        return None
    if found.in_flight or not set(flying).isdisjoint(found.exchanges):
        raise ClientError(
            "something of this conversation is being answered now; try again when it is over",
            status=409,
            code="in_flight",
        )
    ids = frozenset(found.exchanges)
    try:
        with no_cycle(home.training):
            flagged = datasets.forget(home.training, ids)
            return _erase(home, writer, found, ids, flagged)
    except CycleRuns as error:
        raise ClientError(
            f"{error}, and may be reading it; try again when it is over",
            status=409,
            code="cycle_running",
        ) from error


def _erase(
    home: Home,
    writer: Writer,
    found: Conversation,
    ids: frozenset[str],
    flagged: Sequence[Flagged],
) -> Forgotten:
    records = blank(home.journal, ids.union(found.feedback))
    copies = _drop_copies(home, found.exchanges)
    messages = writer.forget(found.exchanges)
    return Forgotten(
        conversation=found.id,
        exchanges=found.exchanges,
        messages=messages,
        records=records,
        erased=writer.write_anew(),
        copies=tuple(copies),
        datasets=tuple(flagged),
        exports=tuple(path.name for path in datasets.holding(home.exports, ids)),
    )


def _drop_copies(home: Home, ids: Sequence[str]) -> list[str]:
    """Remove older copies of the store that hold some of it."""
    gone: list[str] = []
    for copy in sorted(home.root.glob(f"{home.database.name}{_OLD_COPIES}")):
        if _holds(copy, ids):
            copy.unlink()
            gone.append(copy.name)
    return gone


def _holds(copy: Path, ids: Sequence[str]) -> bool:
    """Whether a copy has one of these exchanges; one that cannot be asked may."""
    uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            asked = "SELECT 1 FROM exchanges WHERE id = ?"
            return any(connection.execute(asked, (id_,)).fetchone() for id_ in ids)
    except sqlite3.Error:
        return True
