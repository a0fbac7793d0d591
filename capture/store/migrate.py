"""Brings a database to this version's schema, once, before anything else uses it.

A database that is new is made; one that is older is copied aside first, then migrated in one
transaction; one that a newer Majordomo has migrated is refused, untouched. Alembic is loaded only
when there is something to do.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

HEAD = "0008"
"""The schema this version reads and writes: the newest of `migrations/versions`."""
KNOWN: Sequence[str] = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every schema this version can start from, oldest first."""


class StoreError(Exception):
    """The database cannot be used; its text says why and what to do."""


class StoreDamaged(StoreError):
    """The file is no database, or parts of it are broken."""


class StoreTooNew(StoreError):
    """A newer Majordomo has migrated the database."""


def migrate(connection: sa.Connection, path: Path) -> None:
    """Migrate the database behind `connection`, which lies at `path`, to HEAD.

    Raises StoreTooNew, or StoreError when a migration fails: the database is then as it was.
    """
    current = schema_of(connection)
    if current == HEAD:
        return
    if current is not None and current not in KNOWN:
        raise StoreTooNew(
            f"{path} has schema {current}, this Majordomo knows schemas up to {HEAD}: a newer one "
            f"has used it. Update Majordomo, or put back a copy ({path.name}.before-*)"
        )
    if current is not None:
        copy_aside(path, path.with_name(f"{path.name}.before-{HEAD}"))
    _upgrade(connection, path)


def schema_of(connection: sa.Connection) -> str | None:
    """The schema's version; None for a database without one."""
    with connection.begin():
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])


def copy_aside(path: Path, copy: Path) -> None:
    """A consistent copy of a live SQLite database, for its owner's eyes; whole or not there.

    Raises StoreError.
    """
    draft = copy.with_name(f"{copy.name}.part")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    source = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    target = sqlite3.connect(draft)
    try:
        source.backup(target)
    except sqlite3.Error as error:
        raise StoreError(f"cannot copy {path} aside before migrating it: {error}") from error
    finally:
        target.close()
        source.close()
    draft.replace(copy)


def _upgrade(connection: sa.Connection, path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except (CommandError, SQLAlchemyError) as error:
        raise StoreError(f"cannot migrate {path} to schema {HEAD}: {error}") from error
