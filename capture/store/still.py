"""A store's file looked at from outside: is it whole, is all of it ours, and what is in it.

For checks, backups and restores. Everything is asked through SQLite's own driver, read-only and
with `trusted_schema` off: a file that came from elsewhere executes nothing here.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.framing import Position
from capture.store.migrate import KNOWN, StoreError
from capture.store.open import Store

_BUSY_SECONDS = 5.0
_SHOWN = 3
_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
_EXECUTES = ("trigger", "view")
"""Kinds of objects that act when others are asked: they must be ours to the letter."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a store holds."""

    schema: str
    rows: Mapping[str, int]
    """By table."""
    newest: float | None
    """When the newest exchange began, Unix seconds; None when there is none."""
    position: Position | None
    """How far the journal is in it; None before anything was."""


def facts(path: Path) -> Facts:
    """What the store in this file holds. Nobody may be writing it. Raises StoreError."""
    with _looking(path, still=True) as connection:
        (schema,) = _one(connection, "SELECT version_num FROM alembic_version")
        tables = [name for (name,) in connection.execute(_TABLES)]
        rows = {name: _one(connection, f'SELECT count(*) FROM "{name}"')[0] for name in tables}  # noqa: S608 - SQLite's own word for its tables
        (newest,) = _one(connection, "SELECT max(began_at) FROM exchanges")
        found = connection.execute('SELECT segment, "offset" FROM journal_position').fetchone()
        position = None if found is None else Position(*found)
        return Facts(str(schema), dict(sorted(rows.items())), newest, position)


def damage(path: Path, *, still: bool = False, quick: bool = False) -> str | None:
    """What is broken in the file, in SQLite's words; None when all of it is whole. Reads all of it.
    `still`: nobody writes it. `quick` leaves out whether indexes agree with their tables."""
    try:
        with _looking(path, still=still) as connection:
            check = "quick_check" if quick else "integrity_check"
            said = [str(line) for (line,) in connection.execute(f"PRAGMA {check}({_SHOWN})")]
    except StoreError as error:
        return str(error)
    return None if said == ["ok"] else "; ".join(said)


def foreign(path: Path) -> list[str]:
    """What is in the file's schema and is not ours, as `type name`: a table, an index, and above
    all what would run by itself. Raises StoreError, also for a schema this version does not know.
    """
    with _looking(path, still=True) as connection:
        (schema,) = _one(connection, "SELECT version_num FROM alembic_version")
        found = list(connection.execute(_OBJECTS))
    if schema not in KNOWN:
        raise StoreError(
            f"the store has schema {schema}, this Majordomo knows schemas up to {KNOWN[-1]}: "
            "a newer one wrote it; update Majordomo"
        )
    ours = _ours()
    return [
        f"{kind} {name}"
        for kind, name, sql in found
        if (kind, name) not in ours or (_acts(kind, sql) and ours[kind, name] != sql)
    ]


def _acts(kind: str, sql: str | None) -> bool:
    return kind in _EXECUTES or (sql or "").lstrip().upper().startswith("CREATE VIRTUAL")


def _ours() -> dict[tuple[str, str], str | None]:
    """Everything in the schema of a store that this version makes."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "ours.db"
        Store.open(path).close()
        with closing(sqlite3.connect(path)) as connection:
            return {(kind, name): sql for kind, name, sql in connection.execute(_OBJECTS)}


@contextmanager
def _looking(path: Path, *, still: bool) -> Generator[sqlite3.Connection]:
    """A connection that only looks. Raises StoreError for whatever SQLite objects to."""
    how = "mode=ro&immutable=1" if still else "mode=ro"
    try:
        with closing(
            sqlite3.connect(
                f"{path.absolute().as_uri()}?{how}",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
            )
        ) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            yield connection
    except sqlite3.Error as error:
        raise StoreError(f"{path.name} is no store, or a damaged one: {error}") from error


def _one(connection: sqlite3.Connection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    if row is None:
        raise StoreError("the store says nothing where it must")
    return row
