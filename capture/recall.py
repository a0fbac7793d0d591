"""Finding exchanges again, by the words in them and by what they ask.

What was asked last and what was answered, redacted, in a database of its own beside the store,
which is its truth: it is derived, and made anew when it is missing, damaged, or of another version
or level of redaction. Words are found in any case, with or without accents; `"several words"`
together, `wor*` by their beginning, `-word` left out. Beside the words lies a vector of what was
asked, with who made it (`capture.recall_models`): those of one embedder are compared, and no
others. They are read into memory when somebody first searches by them. The store is attached
read-only, so that a search can be narrowed by what is known of an exchange now.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from capture import recall_statements as statements
from capture.private import make_private_directory
from capture.recall_models import BUILT_IN, Embedder
from capture.recall_vectors import Transaction, Vectors
from capture.redact import Level
from capture.sought import (
    MARKS,
    Found,
    Hit,
    NoMeaning,
    Sought,
    fused,
    left_out,
    match,
    narrowed,
    said_plainly,
)

VERSION = 3
"""Of the tables here and of the built-in embedder's vectors; another one's are dropped."""
LEVELS: tuple[Level, ...] = ("off", "secrets", "all")
MOST_CHARACTERS = 20_000
"""Of one text that are looked at, about."""
EXTRACTED = "extraction"
"""Who distilled what no model did."""

_TAIL = 1000
"""Of them, from its end."""
_BUSY_SECONDS = 5.0
_EXCERPT_WORDS = 24
_EXCERPT_CHARACTERS = 200
_CANDIDATES = 2000
"""Alike exchanges that are looked at for one that fits the filters."""
_FUSED = 100
"""Places of either order that count, at least."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is kept of one exchange."""

    exchange: str
    asked: str
    """Of the last user message."""
    answered: str
    called: str
    """Names and arguments of the calls."""
    tags: tuple[str, ...] = ()
    """The client's own (`capture.tags`)."""
    distilled: str | None = None
    """What it comes down to, as JSON (`capture.distill`); None for a short one."""


@dataclass(frozen=True, slots=True)
class Undistilled:
    """A document of which no model was asked what it comes down to."""

    number: int
    asked: str
    answered: str
    called: str


class Recall:
    """One process's view of the words. Any thread may use it; all of it blocks."""

    def __init__(self, connection: sqlite3.Connection, embedder: Embedder = BUILT_IN) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.vectors = Vectors(connection, self._lock, embedder)
        """Of what was asked."""

    @classmethod
    def open(cls, path: Path, store: Path, level: Level, embedder: Embedder = BUILT_IN) -> Self:
        """Open, and make it where there is none. `store` is the database that it is derived from;
        `level` is how far its words are redacted, `embedder` whose vectors are compared. Raises
        sqlite3.Error or OSError."""
        try:
            return cls._open(path, store, level, embedder)
        except sqlite3.OperationalError:
            raise  # locked, or no room: it may be whole
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            return cls._open(path, store, level, embedder)

    @classmethod
    def _open(cls, path: Path, store: Path, level: Level, embedder: Embedder) -> Self:
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
        return cls(connection, embedder)

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
        with self._lock, Transaction(self._connection):
            for each in documents:
                self._add(each)

    def _add(self, document: Document) -> None:
        row = self._connection.execute(
            "INSERT INTO documents (exchange_id, distilled) VALUES (?, ?) "
            "ON CONFLICT DO NOTHING RETURNING number",
            (document.exchange, document.distilled),
        ).fetchone()
        if row is None:
            return
        texts = (document.asked, document.answered, document.called)
        self._connection.execute(
            "INSERT INTO words (rowid, asked, answered, called) VALUES (?, ?, ?, ?)",
            (row[0], *map(_both_ends, texts)),
        )
        self._connection.executemany(
            "INSERT INTO tags (tag, number) VALUES (?, ?)", [(tag, row[0]) for tag in document.tags]
        )

    def forget(self, exchanges: Iterable[str]) -> None:
        """Take out all of these exchanges, from the file too: it is written anew."""
        with self._lock:
            self.vectors.let_go()
            with Transaction(self._connection):
                for id_ in exchanges:
                    row = self._connection.execute(
                        "DELETE FROM documents WHERE exchange_id = ? RETURNING number", (id_,)
                    ).fetchone()
                    if row is not None:
                        self._connection.execute("DELETE FROM words WHERE rowid = ?", row)
                        self._connection.execute("DELETE FROM vectors WHERE number = ?", row)
                        self._connection.execute("DELETE FROM tags WHERE number = ?", row)
                # until then the index keeps a deleted row's words, with a note that it is gone
                self._connection.execute("INSERT INTO words (words) VALUES ('optimize')")
            self._connection.execute("VACUUM main")

    def undistilled(self) -> Undistilled | None:
        """The newest document that no model was asked about; None when there is none."""
        with self._lock:
            row = self._connection.execute(statements.UNDISTILLED).fetchone()
        return None if row is None else Undistilled(*row)

    def distilled(self, number: int, told: str | None, by: str) -> None:
        """Keep what a document comes down to, as JSON; None keeps what was extracted."""
        with self._lock:
            self._connection.execute(statements.DISTILLED, (told, by, number))

    def find(self, sought: Sought) -> Found:
        """What is found, the closest first: exchanges that hold all the words, and exchanges that
        ask alike. Where nothing can be compared the words alone count and a note says so, unless
        meaning alone is asked for. Raises Nothing, and NoMeaning."""
        places = max(_FUSED, sought.limit)
        held = [] if sought.by == "meaning" else self._held(sought, places)
        alike: list[Hit] = []
        note = None
        if sought.by != "words":
            try:
                alike = self._alike(sought, places)
                note = self.vectors.incomplete()
            except NoMeaning as error:
                if sought.by == "meaning":
                    raise
                note = str(error)
        hits = {hit.exchange: hit for hit in alike}
        for hit in held:
            also = hits.get(hit.exchange)
            hits[hit.exchange] = hit if also is None else replace(hit, alike=also.alike)
        order = fused([[hit.exchange for hit in each] for each in (held, alike)])
        return Found(tuple(hits[id_] for id_ in order[: sought.limit]), note)

    def _held(self, sought: Sought, limit: int) -> list[Hit]:
        """By words."""
        filters, values = narrowed(sought)
        given = (*MARKS, _EXCERPT_WORDS, match(sought.words), *values, limit)
        with self._lock:
            rows = self._connection.execute(
                statements.HELD.format(narrowed=filters), given
            ).fetchall()
        return [Hit(id_, excerpt, True, None, *_told(told)) for id_, excerpt, *told in rows]

    def _alike(self, sought: Sought, limit: int) -> list[Hit]:
        """By meaning."""
        plainly = said_plainly(sought.words)
        filters, values = narrowed(sought)
        if (unwanted := left_out(sought.words)) is not None:
            filters, values = filters + statements.WITHOUT, [*values, unwanted]
        self.vectors.refresh()  # another process may have made some
        candidates = self.vectors.like(plainly, max(_CANDIDATES, limit) if values else limit)
        ids = orjson.dumps([each.exchange for each in candidates]).decode()
        given = (_EXCERPT_CHARACTERS, ids, *values)
        with self._lock:
            rows = self._connection.execute(
                statements.ALIKE.format(narrowed=filters), given
            ).fetchall()
        found = {id_: (excerpt, told) for id_, excerpt, *told in rows}
        return [
            Hit(each.exchange, excerpt, False, each.cosine, *_told(told))
            for each in candidates
            if each.exchange in found
            for excerpt, told in (found[each.exchange],)
        ][:limit]


def _both_ends(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[: MOST_CHARACTERS - _TAIL]}\n{text[-_TAIL:]}"


def _told(columns: Sequence[str | None]) -> tuple[dict[str, object] | None, str | None]:
    """What an exchange comes down to, and who says so."""
    told, by = columns
    return (None, None) if told is None else (orjson.loads(told), by or EXTRACTED)
