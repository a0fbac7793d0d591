"""Finding exchanges again by the words in them.

What was asked last and what was answered, redacted, in a database of its own beside the store,
which is its truth: it is derived, and made anew when it is missing, damaged, or of another version
or level of redaction. Words are found in any case, with or without accents; `"several words"`
together, `wor*` by their beginning, `-word` left out. The store is attached read-only, so that a
search can be narrowed by what is known of an exchange now.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from capture.exchange import Mode
from capture.outcomes import OutcomeName
from capture.private import make_private_directory
from capture.redact import Level

VERSION = 1
"""Of the tables here; another one's are dropped."""
LEVELS: tuple[Level, ...] = ("off", "secrets", "all")
MARKS = ("\x02", "\x03")
"""Stand around what was found in an excerpt."""
MOST_CHARACTERS = 20_000
"""Of one text that are looked at."""
MOST_WORDS = 32
"""In one search."""

_BUSY_SECONDS = 5.0
_EXCERPT_WORDS = 24
_SCHEMA = """
BEGIN IMMEDIATE;
DROP TABLE IF EXISTS documents;
DROP TABLE IF EXISTS words;
CREATE TABLE documents (number INTEGER PRIMARY KEY, exchange_id TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE words USING fts5 (
  asked, answered, called, tokenize = 'unicode61 remove_diacritics 2'
);
PRAGMA user_version = {};
COMMIT;
"""
_UNREAD = """
SELECT exchange_id FROM store.turns WHERE exchange_id > :since
EXCEPT SELECT exchange_id FROM documents WHERE exchange_id > :since
ORDER BY exchange_id LIMIT :limit
"""
_ORPHANS = "SELECT exchange_id FROM documents EXCEPT SELECT id FROM store.exchanges"
_FOUND = """
SELECT d.exchange_id, snippet(words, -1, ?, ?, '…', ?)
FROM words JOIN documents AS d ON d.number = words.rowid
JOIN store.exchanges AS e ON e.id = d.exchange_id
LEFT JOIN store.outcomes AS o ON o.exchange_id = d.exchange_id
WHERE words MATCH ?{narrowed}
ORDER BY rank, d.exchange_id DESC LIMIT ?
"""
_TOKEN = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')
_LETTERS = re.compile(r"\w")


class Nothing(ValueError):
    """A search that asks for nothing; its text says what to write."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for."""

    words: str
    """As a person types it."""
    skill: str | None = None
    """None is no filter, here and below."""
    mode: Mode | None = None
    outcome: OutcomeName | None = None
    since: float | None = None
    """Unix seconds, included."""
    until: float | None = None
    """Unix seconds, excluded."""
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """An exchange that was found."""

    exchange: str
    excerpt: str
    """Some words around what was found, that between `MARKS`."""


@dataclass(frozen=True, slots=True)
class Document:
    """The words of one exchange."""

    exchange: str
    asked: str
    """Of the last user message."""
    answered: str
    called: str
    """Names and arguments of the calls."""


class Recall:
    """One process's view of the words. Any thread may use it; all of it blocks."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

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
                connection.executescript(_SCHEMA.format(version))
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
            return [row[0] for row in self._connection.execute(_UNREAD, values)]

    def orphans(self) -> list[str]:
        """Exchanges whose words are in here, and that are in the store no more."""
        with self._lock:
            return [row[0] for row in self._connection.execute(_ORPHANS)]

    def add(self, documents: Iterable[Document]) -> None:
        """Take words in, all or none. Those of an exchange that is in here stay as they are."""
        with self._lock, self._transaction():
            for each in documents:
                row = self._connection.execute(
                    "INSERT INTO documents (exchange_id) VALUES (?) ON CONFLICT DO NOTHING "
                    "RETURNING number",
                    (each.exchange,),
                ).fetchone()
                if row is not None:
                    texts = (each.asked, each.answered, each.called)
                    self._connection.execute(
                        "INSERT INTO words (rowid, asked, answered, called) VALUES (?, ?, ?, ?)",
                        (row[0], *(text[:MOST_CHARACTERS] for text in texts)),
                    )

    def forget(self, exchanges: Iterable[str]) -> None:
        """Take out every word of these exchanges, from the file too: it is written anew."""
        with self._lock:
            with self._transaction():
                for id_ in exchanges:
                    row = self._connection.execute(
                        "DELETE FROM documents WHERE exchange_id = ? RETURNING number", (id_,)
                    ).fetchone()
                    if row is not None:
                        self._connection.execute("DELETE FROM words WHERE rowid = ?", row)
                # until then the index keeps a deleted row's words, with a note that it is gone
                self._connection.execute("INSERT INTO words (words) VALUES ('optimize')")
            self._connection.execute("VACUUM main")

    def find(self, sought: Sought) -> list[Hit]:
        """The exchanges that hold all the words, the closest first. Raises Nothing."""
        narrowed, values = _narrowed(sought)
        statement = _FOUND.format(narrowed=narrowed)
        marks = (*MARKS, _EXCERPT_WORDS)
        with self._lock:
            rows = self._connection.execute(
                statement, (*marks, match(sought.words), *values, sought.limit)
            ).fetchall()
        return [Hit(id_, excerpt) for id_, excerpt in rows]

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


def match(words: str) -> str:
    """A person's words in FTS5's language, each quoted, so that none of it is a command. Raises
    Nothing."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, phrase, word in _TOKEN.findall(words):
        text: str = phrase or word
        if not _LETTERS.search(text):
            continue
        beginning = not phrase and text.endswith("*")
        quoted = '"' + text.rstrip("*").replace('"', "").replace("\0", " ") + '"'
        (unwanted if minus else wanted).append(quoted + "*" * beginning)
    if not wanted:
        raise Nothing("say what to look for: at least one word that is not left out")
    if len(wanted) + len(unwanted) > MOST_WORDS:
        raise Nothing(f"look for {MOST_WORDS} words at most")
    return " ".join(["(" + " AND ".join(wanted) + ")", *(f"NOT {word}" for word in unwanted)])


def _narrowed(sought: Sought) -> tuple[str, Sequence[Any]]:
    """SQL for the filters, and its values."""
    filters: tuple[tuple[str, Any, Callable[[Any], Any]], ...] = (
        ("e.skill = ?", sought.skill, str),
        ("e.mode = ?", sought.mode, lambda mode: mode.value),
        ("coalesce(o.outcome, 'unknown') = ?", sought.outcome, str),
        ("e.began_at >= ?", sought.since, float),
        ("e.began_at < ?", sought.until, float),
    )
    held = [(sql, plain(value)) for sql, value, plain in filters if value is not None]
    return "".join(f" AND {sql}" for sql, _ in held), [value for _, value in held]
