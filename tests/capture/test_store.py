from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from capture.ids import new_id
from capture.store import Store, StoreError, StoreTooNew, migrate
from capture.store.tables import metadata
from tests.support.journals import REPLY, begin, capturing, end


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "majordomo.db"


def set_schema(path: Path, version: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()


def test_a_new_store_has_the_tables_the_code_knows(path: Path) -> None:
    Store.open(path).close()
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == migrate.HEAD
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_schema_this_version_writes() -> None:
    config = Config()
    folder = Path(migrate.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == migrate.HEAD
    assert [each.revision for each in scripts.walk_revisions()][::-1] == list(migrate.KNOWN)


def test_a_store_that_a_newer_version_migrated_is_refused_and_left_alone(path: Path) -> None:
    Store.open(path).close()
    set_schema(path, "9999")
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match=r"schema 9999.*Update Majordomo"):
        Store.open(path)
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match="schema 9999"):
        Store.open_reader(path)


def test_an_older_store_is_copied_aside_before_it_is_migrated(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(path).close()
    set_schema(path, "0000")
    monkeypatch.setattr(migrate, "KNOWN", ("0000", *migrate.KNOWN))
    with pytest.raises(StoreError, match="cannot migrate"):  # no script leads on from 0000
        Store.open(path)
    copy = path.with_name(f"majordomo.db.before-{migrate.HEAD}")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0000",)
    connection.close()


async def test_a_store_of_the_first_schema_keeps_its_exchanges_and_has_them_linked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "HEAD", "0001")
        Store.open(path).close()
    with sqlite3.connect(path) as connection:
        columns = connection.execute("PRAGMA table_info(exchanges)").fetchall()
        for id_ in ("0" * 26, "1" * 26):
            numbers = ("DOUBLE", "INTEGER", "BOOLEAN")
            row: dict[str, Any] = {of[1]: 0 if of[2] in numbers else "" for of in columns}
            row |= {"id": id_, "status": "ok", "began_at": 1.0}
            row |= dict.fromkeys(("headers", "decision"), "{}")
            row |= dict.fromkeys(("tools", "notes", "called"), "[]")
            row |= dict.fromkeys(("request_messages", "reply_messages"), b"")
            row |= dict.fromkeys(("mode", "upstream", "error"))
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"INSERT INTO exchanges ({', '.join(row)}) VALUES ({marks})", list(row.values())
            )
    connection.close()
    with capturing(path.parent) as (_, ingester, store):
        assert await ingester.catch_up(30)
        found = store.exchanges()
    assert [(each.id, each.conversation, each.skill) for each in found] == [
        ("1" * 26, "1" * 26, None),
        ("0" * 26, "0" * 26, None),
    ]


def test_a_migration_that_fails_half_way_leaves_the_database_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tool_calls (mine TEXT)")  # in the migration's way
    connection.close()
    with pytest.raises(StoreError, match="cannot migrate"):
        Store.open(path)
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
    connection.close()
    assert tables == [("tool_calls",)]


@pytest.mark.parametrize("mask", [0o000, 0o777])
async def test_store_files_are_for_their_owner_alone_whatever_the_umask(
    tmp_path: Path, mask: int
) -> None:
    home = tmp_path / "home"
    before = os.umask(mask)
    try:
        with capturing(home) as (journal, ingester, _):
            journal.begin(begin())
            assert await ingester.catch_up(30)
            files = [file for file in home.rglob("*") if file.is_file()]
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in files}
    finally:
        os.umask(before)
    assert {"majordomo.db", "majordomo.db-wal", "majordomo.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 500])
def test_a_file_that_is_no_database_is_refused_with_its_path(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"majordomo\.db"):
        Store.open(path)
    assert path.read_bytes() == content


def test_a_reader_of_a_store_that_is_not_there_makes_none(path: Path) -> None:
    with pytest.raises(StoreError, match="no store"):
        Store.open_reader(path)
    assert not path.exists()


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        journal.begin(begin())
        assert await ingester.catch_up(30)
        reader = Store.open_reader(store.path)
        assert len(reader.exchanges()) == 1
        assert reader.writer is None
        reader.close()
    engine = Store.open_reader(tmp_path / "majordomo.db")
    with (
        engine._readers.connect() as connection,  # pyright: ignore[reportPrivateUsage]
        pytest.raises(OperationalError, match="readonly"),
    ):
        connection.exec_driver_sql("DELETE FROM exchanges")
    engine.close()


async def test_exchanges_are_listed_newest_first_and_page_by_page(tmp_path: Path) -> None:
    ids = [new_id() for _ in range(7)]
    with capturing(tmp_path) as (journal, ingester, store):
        for id_ in ids:
            journal.begin(begin(id_))
        assert await ingester.catch_up(30)
        first = [each.id for each in store.exchanges(3)]
        second = [each.id for each in store.exchanges(3, before=first[-1])]
        third = [each.id for each in store.exchanges(3, before=second[-1])]
    assert first + second + third == ids[::-1]


async def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    with capturing(tmp_path) as (_, ingester, store):
        assert await ingester.catch_up(30)
        assert store.exchange("0" * 26) is None
        assert store.exchange("'; DROP TABLE exchanges; --") is None
        assert store.exchanges(before="") == []
        assert store.spent(0) == 0.0
        assert store.counts() == {"total": 0, "by_status": {}, "by_mode": {}, "lost_bytes": 0}


async def test_errors_of_the_database_hold_nothing_of_what_was_said(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        journal.begin(begin())
        journal.end(new_id(), end(), [REPLY], None)
        assert await ingester.catch_up(30)
        with (
            pytest.raises(OperationalError) as failed,
            store._readers.connect() as connection,  # pyright: ignore[reportPrivateUsage]
        ):
            connection.exec_driver_sql("INSERT INTO none VALUES (?)", ("canary",))
    assert "canary" not in str(failed.value)
