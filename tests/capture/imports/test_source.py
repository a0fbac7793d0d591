"""Files that somebody made to do harm, or that change: refused, or read as they were."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import zipfile
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.imports import Format, NotThisFormat, conversations, detect
from capture.imports.replay import replayed
from capture.imports.source import opened
from tests.support.imports import FILES, SAMPLES, hermes_state, read, said

EXPORT = (SAMPLES / FILES[Format.CLAUDE_EXPORT]).read_bytes()


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def refused(path: Path) -> str:
    with pytest.raises(NotThisFormat) as refusal, opened(path) as source:
        list(conversations(source, detect(source) or Format.OPENAI))
    return str(refusal.value)


def test_an_export_of_claude_ai_is_read_inside_its_zip_file(tmp_path: Path) -> None:
    file = zipped(tmp_path / "x", ("users.json", b"[]"), ("conversations.json", EXPORT))
    found, skipped = read(file, Format.CLAUDE_EXPORT)
    assert found == read(SAMPLES / FILES[Format.CLAUDE_EXPORT], Format.CLAUDE_EXPORT)[0]
    assert not skipped
    assert list(tmp_path.iterdir()) == [file]
    with opened(file) as source:
        assert detect(source) is Format.CLAUDE_EXPORT


@pytest.mark.parametrize(
    "name", ["../conversations.json", "/etc/x", "a/../../b", "..\\x", "C:\\x", "C:/x"]
)
def test_a_zip_file_with_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    file = zipped(tmp_path / "x", ("conversations.json", EXPORT), (name, b"x"))
    assert "leads elsewhere" in refused(file)


def test_a_zip_file_with_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("conversations.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "a link" in refused(zipped(tmp_path / "x", (link, b"/etc/passwd")))


def test_a_zip_file_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path) -> None:
    bomb = b"[" + b" " * (8 << 20) + b"]"
    assert "far more" in refused(zipped(tmp_path / "x", ("conversations.json", bomb)))
    beside = zipped(tmp_path / "y", ("conversations.json", EXPORT), ("z", b"0" * (8 << 20)))
    assert "far more" in refused(beside)


def test_a_zip_file_that_lies_of_its_size_is_refused(tmp_path: Path) -> None:
    file = zipped(tmp_path / "x", ("conversations.json", EXPORT))
    content = file.read_bytes()
    size, less = (n.to_bytes(4, "little") for n in (len(EXPORT), 100))
    assert content.count(size) == 2
    file.write_bytes(content.replace(size, less))
    assert "broken" in refused(file)


@pytest.mark.parametrize("cut", [5, 30, 200])
def test_a_zip_file_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    file = zipped(tmp_path / "x", ("conversations.json", EXPORT))
    file.write_bytes(file.read_bytes()[:-cut])
    assert "broken" in refused(file)


def test_a_zip_file_of_something_else_is_refused(tmp_path: Path) -> None:
    assert "no conversations.json" in refused(
        zipped(tmp_path / "x", ("a/b/conversations.json", b"[]"))
    )


def test_only_a_file_is_read(tmp_path: Path) -> None:
    assert "not a file" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "not a file" in refused(tmp_path / "pipe")


def test_what_is_appended_while_a_file_is_read_waits(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b'{"a": 1}\n')
    with opened(file) as source:
        file.write_bytes(b'{"a": 1}\n{"a": 2}\n')
        assert [each.value for each in source.values()] == [{"a": 1}]
        assert [each.value for each in source.values()] == [{"a": 1}]


def test_a_database_that_is_written_is_read_with_its_log_and_left_as_it_was(tmp_path: Path) -> None:
    file = hermes_state(tmp_path / "state.db")
    with closing(sqlite3.connect(file)) as live:
        live.execute("PRAGMA journal_mode=WAL")
        live.execute("PRAGMA wal_autocheckpoint=0")
        live.execute("UPDATE messages SET content = 'It says hello!' WHERE role = 'assistant'")
        live.commit()
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert "state.db-wal" in before
        found, _ = read(file, Format.HERMES_STATE)
        assert said(found[0])[-1] == ("assistant", "It says hello!")
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_nothing_is_left_of_a_databases_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    file = hermes_state(tmp_path / "state.db")
    with opened(file, tmp_path / "scratch") as source:
        assert stat.S_IMODE(source.path.parent.stat().st_mode) == 0o700
        assert len(list(conversations(source, Format.HERMES_STATE))) == 1
    assert not list((tmp_path / "scratch").iterdir())


def changed(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(hermes_state(path))) as db, db:
        for each in statements:
            db.execute(each)
    return path


def test_a_database_of_another_schema_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x")) as db, db:
        db.execute("CREATE TABLE sessions (id)")
    assert "no column model" in refused(tmp_path / "x")
    assert "no column" in refused(
        changed(tmp_path / "y", "ALTER TABLE messages RENAME COLUMN role TO r")
    )
    assert "no table messages" in refused(changed(tmp_path / "z", "DROP TABLE messages"))


@pytest.mark.parametrize(
    "trap",
    [
        "CREATE VIEW sessions AS SELECT * FROM sessions_",
        "CREATE VIRTUAL TABLE sessions USING fts5(id, model, started_at)",
    ],
)
def test_a_view_or_a_virtual_table_in_place_of_a_table_is_refused(
    tmp_path: Path, trap: str
) -> None:
    renamed = "ALTER TABLE sessions RENAME TO sessions_"
    assert "no table sessions" in refused(changed(tmp_path / "x", renamed, trap))


def test_a_made_up_column_is_not_believed(tmp_path: Path) -> None:
    made = "ALTER TABLE sessions ADD COLUMN billed TEXT AS (upper(id)) VIRTUAL"
    found, _ = read(changed(tmp_path / "x", made), Format.HERMES_STATE)
    assert len(found) == 1
    renamed = "ALTER TABLE sessions RENAME COLUMN model TO m"
    again = "ALTER TABLE sessions ADD COLUMN model TEXT AS (upper(id)) VIRTUAL"
    assert "no column model" in refused(changed(tmp_path / "y", renamed, again))


def test_triggers_of_a_database_never_run(tmp_path: Path) -> None:
    trap = "CREATE TRIGGER trap AFTER INSERT ON messages BEGIN UPDATE sessions SET model = 'x'; END"
    found, _ = read(changed(tmp_path / "x", trap), Format.HERMES_STATE)
    assert found[0].model == "claude-opus-4-5"


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    file = hermes_state(tmp_path / "x")
    content = bytearray(file.read_bytes())
    content[100:3000] = os.urandom(2900)
    file.write_bytes(content)
    assert "not a whole SQLite database" in refused(file)


@settings(max_examples=30, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(16, 40_000), st.binary(min_size=1)), min_size=1))
def test_no_damage_to_a_database_makes_reading_it_raise_anything_else(
    damage: list[tuple[int, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.getbasetemp()
    if not (base / "whole.db").exists():
        hermes_state(base / "whole.db")
    content = bytearray((base / "whole.db").read_bytes())
    for at, data in damage:
        at %= len(content)
        content[at : at + len(data)] = data
    (base / "damaged.db").write_bytes(b"SQLite format 3\x00" + content[16:])
    with contextlib.suppress(NotThisFormat):
        for found in read(base / "damaged.db", Format.HERMES_STATE)[0]:
            list(replayed(found, "hermes-state"))


def test_text_that_is_no_text_is_not_told(tmp_path: Path) -> None:
    file = changed(tmp_path / "x", "UPDATE messages SET content = CAST(x'73656372ff6574' AS TEXT)")
    found, skipped = read(file, Format.HERMES_STATE)
    assert said(found[0])[1] == ("user", "secr\ufffdet")
    assert not skipped


def test_a_value_that_is_no_text_where_text_should_be_spoils_its_session_alone(
    tmp_path: Path,
) -> None:
    file = changed(tmp_path / "x", "UPDATE messages SET content = x'00ff' WHERE role = 'tool'")
    found, skipped = read(file, Format.HERMES_STATE)
    assert not found
    assert "content is not text" in skipped[0].why


def test_a_database_and_a_text_are_not_taken_for_each_other(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(orjson.dumps({"a": 1}))
    for file, kind in (
        (tmp_path / "text", Format.HERMES_STATE),
        (hermes_state(tmp_path / "x"), Format.OPENAI),
    ):
        with pytest.raises(NotThisFormat):
            read(file, kind)
