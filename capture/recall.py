"""Finding exchanges again, by the words in them and by what they ask.

What was asked last and what was answered, redacted, in a database of its own beside the store,
which is its truth: it is derived, and made anew when it is missing, damaged, or of another version
or level of redaction. Words are found in any case, with or without accents; `"several words"`
together, `wor*` by their beginning, `-word` left out. Beside the words lies a vector of what was
asked (`capture.embedding`); vectors are read into memory when somebody first searches by them. The
store is attached read-only, so that a search can be narrowed by what is known of an exchange now.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import orjson

from capture import recall_statements as statements
from capture.embedding import embed
from capture.private import make_private_directory
from capture.redact import Level
from capture.sought import (
    MARKS,
    Alike,
    Hit,
    NoMeaning,
    Sought,
    fused,
    left_out,
    match,
    narrowed,
    said_plainly,
)

if TYPE_CHECKING:  # it needs numpy
    from capture.likeness import Likeness

VERSION = 2
"""Of the tables here and of the vectors; another one's are dropped."""
LEVELS: tuple[Level, ...] = ("off", "secrets", "all")
MOST_CHARACTERS = 20_000
"""Of one text that are looked at."""
ALIKE = 0.25
"""The cosine from which on two texts are alike. What shares no word comes to 0.2 by chance."""

_BUSY_SECONDS = 5.0
_EXCERPT_WORDS = 24
_EXCERPT_CHARACTERS = 200
_CANDIDATES = 2000
"""Alike exchanges that are looked at for one that fits the filters."""
_FUSED = 100
"""Places of either order that count, at least."""
_AT_ONCE = 2000
"""Vectors that are read at once."""


def no_meaning() -> str | None:
    """Why nothing is searched by meaning here; None when it is."""
    if find_spec("numpy") is None:
        return "searching by meaning needs numpy, which is not installed here"
    return None


@dataclass(frozen=True, slots=True)
class Document:
    """What is kept of one exchange."""

    exchange: str
    asked: str
    """Of the last user message."""
    answered: str
    called: str
    """Names and arguments of the calls."""
    vector: bytes | None = None
    """Of what was asked, as `capture.embedding` packs it; None when it has no word."""
    tags: tuple[str, ...] = ()
    """The client's own (`capture.tags`)."""
    distilled: str | None = None
    """What it comes down to, as JSON (`capture.distill`); None for a short one."""


class Recall:
    """One process's view of the words. Any thread may use it; all of it blocks."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._likeness: Likeness | None = None
        """None until somebody searches by meaning."""
        self._read_to = 0
        """The last document whose vector was read."""

    @classmethod
    def open(cls, path: Path, store: Path, level: Level) -> Self:
        """Open, and make it where there is none. `store` is the database that it is derived from;
        `level` is how far its words are redacted. Raises sqlite3.Error or OSError."""
        try:
            return cls._open(path, store, level)
        except sqlite3.OperationalError:
            raise  # locked, or no room: it may be whole
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            return cls._open(path, store, level)

    @classmethod
    def _open(cls, path: Path, store: Path, level: Level) -> Self:
        version = VERSION * len(LEVELS) + LEVELS.index(level)
        make_private_directory(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
        connection = sqlite3.connect(
            path.absolute().as_uri(),
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if connection.execute("PRAGMA user_version").fetchone() != (version,):
                connection.executescript(statements.SCHEMA.format(version))
            connection.execute("ATTACH ? AS store", (f"{store.absolute().as_uri()}?mode=ro",))
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of both databases."""
        with self._lock:
            self._connection.close()

    def unread(self, since: str, limit: int) -> list[str]:
        """The oldest exchanges with a greater id that ended and are not in here."""
        values = {"since": since, "limit": limit}
        with self._lock:
            return [row[0] for row in self._connection.execute(statements.UNREAD, values)]

    def orphans(self) -> list[str]:
        """Exchanges whose words are in here, and that are in the store no more."""
        with self._lock:
            return [row[0] for row in self._connection.execute(statements.ORPHANS)]

    def add(self, documents: Iterable[Document]) -> None:
        """Take words in, all or none. Those of an exchange that is in here stay as they are."""
        with self._lock, self._transaction():
            for each in documents:
                self._add(each)
        if self._likeness is not None:
            self._read_vectors()

    def _add(self, document: Document) -> None:
        row = self._connection.execute(
            "INSERT INTO documents (exchange_id, vector, distilled) VALUES (?, ?, ?) "
            "ON CONFLICT DO NOTHING RETURNING number",
            (document.exchange, document.vector, document.distilled),
        ).fetchone()
        if row is None:
            return
        texts = (document.asked, document.answered, document.called)
        self._connection.execute(
            "INSERT INTO words (rowid, asked, answered, called) VALUES (?, ?, ?, ?)",
            (row[0], *(text[:MOST_CHARACTERS] for text in texts)),
        )
        self._connection.executemany(
            "INSERT INTO tags (tag, number) VALUES (?, ?)", [(tag, row[0]) for tag in document.tags]
        )

    def forget(self, exchanges: Iterable[str]) -> None:
        """Take out all of these exchanges, from the file too: it is written anew."""
        with self._lock:
            self._likeness = None
            with self._transaction():
                for id_ in exchanges:
                    row = self._connection.execute(
                        "DELETE FROM documents WHERE exchange_id = ? RETURNING number", (id_,)
                    ).fetchone()
                    if row is not None:
                        self._connection.execute("DELETE FROM words WHERE rowid = ?", row)
                        self._connection.execute("DELETE FROM tags WHERE number = ?", row)
                # until then the index keeps a deleted row's words, with a note that it is gone
                self._connection.execute("INSERT INTO words (words) VALUES ('optimize')")
            self._connection.execute("VACUUM main")

    def find(self, sought: Sought) -> list[Hit]:
        """What is found, the closest first: exchanges that hold all the words, and exchanges that
        ask alike. Where numpy is missing the words alone count, unless meaning alone is asked for.
        Raises Nothing, and NoMeaning."""
        why = no_meaning()
        if why is not None and sought.by == "meaning":
            raise NoMeaning(why)
        places = max(_FUSED, sought.limit)
        held = [] if sought.by == "meaning" else self._held(sought, places)
        alike = [] if sought.by == "words" or why is not None else self._alike(sought, places)
        hits = {hit.exchange: hit for hit in alike}
        for hit in held:
            also = hits.get(hit.exchange)
            hits[hit.exchange] = hit if also is None else replace(hit, alike=also.alike)
        order = fused([[hit.exchange for hit in each] for each in (held, alike)])
        return [hits[id_] for id_ in order[: sought.limit]]

    def like(self, text: str, limit: int = 20, least: float = ALIKE) -> list[Alike]:
        """Which past requests are like this one, the closest first: what a router asks. But for the
        first time nothing is read from the disk, and nobody is waited for. Raises NoMeaning."""
        if self._likeness is None:
            if (why := no_meaning()) is not None:
                raise NoMeaning(why)
            self._read_vectors()
        likeness, vector = self._likeness, embed(text)
        if likeness is None or vector is None:
            return []
        return likeness.closest(vector, limit, least)

    def _held(self, sought: Sought, limit: int) -> list[Hit]:
        """By words."""
        filters, values = narrowed(sought)
        given = (*MARKS, _EXCERPT_WORDS, match(sought.words), *values, limit)
        with self._lock:
            rows = self._connection.execute(
                statements.HELD.format(narrowed=filters), given
            ).fetchall()
        return [Hit(id_, excerpt, True, None, _json(told)) for id_, excerpt, told in rows]

    def _alike(self, sought: Sought, limit: int) -> list[Hit]:
        """By meaning."""
        plainly = said_plainly(sought.words)
        filters, values = narrowed(sought)
        if (unwanted := left_out(sought.words)) is not None:
            filters, values = filters + statements.WITHOUT, [*values, unwanted]
        self._read_vectors()
        candidates = self.like(plainly, max(_CANDIDATES, limit) if values else limit)
        ids = orjson.dumps([each.exchange for each in candidates]).decode()
        given = (_EXCERPT_CHARACTERS, ids, *values)
        with self._lock:
            rows = self._connection.execute(
                statements.ALIKE.format(narrowed=filters), given
            ).fetchall()
        found = {id_: (excerpt, _json(told)) for id_, excerpt, told in rows}
        return [
            Hit(each.exchange, found[each.exchange][0], False, each.cosine, found[each.exchange][1])
            for each in candidates
            if each.exchange in found
        ][:limit]

    def _read_vectors(self) -> None:
        """Have in memory what is not there yet; another process may have added some."""
        from capture.likeness import MOST, Likeness

        with self._lock:
            likeness = self._likeness
            if likeness is None:
                (last,) = self._connection.execute(statements.LAST).fetchone()
                self._read_to = max(0, last - MOST)
                likeness = Likeness(last - self._read_to)
            while rows := self._connection.execute(
                statements.VECTORS, (self._read_to, _AT_ONCE)
            ).fetchall():
                likeness.add([(id_, vector) for _, id_, vector in rows])
                self._read_to = rows[-1][0]
            self._likeness = likeness

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)


class _Transaction:
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


def _json(text: str | None) -> dict[str, object] | None:
    return None if text is None else orjson.loads(text)
