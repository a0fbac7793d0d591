"""Vectors of what was asked, in search.db and in memory: who lacks one, and which are alike.

Each is kept with the embedder that made it, and only those of the embedder of now are compared. One
that another made is made anew, the newest exchanges first, by whoever asks `unembedded` and tells
`embedded`. Shares connection and lock with `capture.recall`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING

from capture import recall_statements as statements
from capture.embedding import packed
from capture.recall_models import BUILT_IN, Embedder, ModelTrouble
from capture.sought import Alike, NoMeaning

if TYPE_CHECKING:  # it needs numpy
    from capture.likeness import Likeness

MOST_EMBEDDED = 200_000
"""Documents that get a vector, the newest: no more are compared."""
QUERY_SECONDS = 2.0
"""How long a search waits for the vector of what is looked for."""

_AT_ONCE = 2000
"""Vectors that are read at once."""


def no_meaning() -> str | None:
    """Why nothing is searched by meaning here; None when it is."""
    if find_spec("numpy") is None:
        return "searching by meaning needs numpy, which is not installed here"
    return None


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A document that the embedder has not seen."""

    number: int
    asked: str


class Vectors:
    """One process's view of the vectors. Any thread may use it; all of it blocks."""

    def __init__(
        self, connection: sqlite3.Connection, lock: threading.Lock, embedder: Embedder
    ) -> None:
        self.embedder = embedder
        """Whose vectors are compared; may be replaced at any time."""
        self._connection = connection
        self._lock = lock
        self._likeness: Likeness | None = None
        """None until somebody searches by meaning."""
        self._likeness_of = ""
        """Name of the embedder whose vectors those are."""
        self._read_to = 0
        """The last vector that was read."""
        self._whole = ("", 0)
        """The embedder that has seen all documents, and the last document then."""

    def unembedded(self, limit: int) -> list[Unembedded]:
        """The newest documents that the embedder has not seen."""
        with self._lock:
            last = self._last()
            if self._whole == (self.embedder.name, last):
                return []
            wanted = {**self._lacking(last), "limit": limit}
            rows = self._connection.execute(statements.UNEMBEDDED, wanted).fetchall()
            if not rows:
                self._whole = (self.embedder.name, last)
            return [Unembedded(number, asked or "") for number, asked in rows]

    def embedded(
        self, vectors: Sequence[tuple[int, Sequence[float] | None]], embedder: Embedder
    ) -> None:
        """Keep its vectors of documents, by their numbers, in place of another embedder's; None for
        one that has none. When they are of another width than its own before, it is not what it
        was, and those go."""
        width = next((len(vector) for _, vector in vectors if vector is not None), None)
        with self._lock, Transaction(self._connection):
            before = self._width(embedder)
            if None not in (width, before) and width != before:
                self._connection.execute(statements.OTHERS, (embedder.name, width))
                self.let_go()
            if self._whole[0] != embedder.name:
                self._whole = ("", 0)  # what is replaced is to be made again
            for number, vector in vectors:
                kept = None if vector is None else packed(vector)
                self._connection.execute(statements.EMBEDDED, (embedder.name, kept, number))
        self.refresh()

    def let_go(self) -> None:
        """Forget what is in memory: what lies on the disk is not what it was."""
        self._likeness, self._whole = None, ("", 0)

    def refresh(self) -> None:
        """Have in memory what was made meanwhile, once anything is in memory."""
        if self._likeness is not None:
            self._compared(self.embedder)

    def like(self, text: str, limit: int = 20, least: float | None = None) -> list[Alike]:
        """Which past requests are like this one, the closest first: what a router asks. But for the
        first time nothing is read from the disk, and nobody is waited for but a model that embeds.
        `least` is a cosine; None: what counts as alike. Raises NoMeaning."""
        embedder = self.embedder
        likeness = self._likeness if self._likeness_of == embedder.name else None
        if likeness is None:
            if (why := no_meaning()) is not None:
                raise NoMeaning(why)
            likeness = self._compared(embedder)
        try:
            (vector,) = embedder.embed([text], QUERY_SECONDS)
        except ModelTrouble as error:
            raise NoMeaning(f"nothing was searched by meaning: {error}") from None
        if likeness is None or vector is None:
            return []
        if len(vector) != likeness.dimensions:
            why = f"{embedder.name} makes vectors of another width than before"
            raise NoMeaning(f"nothing was searched by meaning: {why}; all are made anew")
        return likeness.closest(vector, limit, embedder.alike if least is None else least)

    def incomplete(self) -> str | None:
        """That some exchanges have no vector yet, for a model takes its time; None when all
        have."""
        if self.embedder is BUILT_IN:
            return None
        with self._lock:
            last = self._last()
            if self._whole == (self.embedder.name, last):
                return None
            (lacking,) = self._connection.execute(
                statements.LACKING, self._lacking(last)
            ).fetchone()
        if not lacking:
            return None
        return (
            f"exchanges without a vector by {self.embedder.name} yet: {lacking:,}; "
            "these were searched by words alone"
        )

    def _compared(self, embedder: Embedder) -> Likeness | None:
        """All of its vectors in memory; None while it has none."""
        from capture.likeness import Likeness

        with self._lock:
            likeness = self._likeness if self._likeness_of == embedder.name else None
            if likeness is None:
                width = self._width(embedder)
                if width is None:
                    return None
                (number,) = self._connection.execute(
                    statements.VECTORS_OF, (embedder.name,)
                ).fetchone()
                likeness, self._read_to = Likeness(width, number), 0
            while rows := self._connection.execute(
                statements.VECTORS, (self._read_to, embedder.name, _AT_ONCE)
            ).fetchall():
                likeness.add([(id_, vector) for _, id_, vector in rows])
                self._read_to = rows[-1][0]
            likeness.settle()
            self._likeness, self._likeness_of = likeness, embedder.name
            return likeness

    def _lacking(self, last: int) -> dict[str, object]:
        return {"after": last - MOST_EMBEDDED, "embedder": self.embedder.name}

    def _last(self) -> int:
        return self._connection.execute(statements.LAST).fetchone()[0]

    def _width(self, embedder: Embedder) -> int | None:
        row = self._connection.execute(statements.WIDTH, (embedder.name,)).fetchone()
        return None if row is None else row[0]


class Transaction:
    """All or nothing of what is done inside."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")
