"""Backups: what is in one, and that nothing but a true one becomes a home."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.framing import segments
from capture.ids import new_id
from gateway.archive import BackupError
from gateway.archive.manifest import Manifest, is_safe
from gateway.archive.place import check_target, drafted, put
from gateway.archive.read import Verified, extract
from gateway.archive.write import write_backup
from gateway.home import Home
from tests.support.command import Majordomo
from tests.support.journals import REPLY, begin, capturing, end, make_journal

SECRET = "sk-canary-in-a-dot-env-file"


@dataclass(frozen=True)
class Backup:
    """A home and its backup, with its parts to build others from."""

    home: Home
    file: Path
    manifest: Manifest
    ids: tuple[str, ...]

    def parts(self) -> dict[str, bytes]:
        """Every file in it by name, in order."""
        with tarfile.open(self.file) as tar:
            return {info.name: _bytes_of(tar, info) for info in tar}


def _bytes_of(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    assert file is not None
    return file.read()


def furnish(home: Home) -> tuple[str, ...]:
    """A home with some of everything."""
    home.create()
    ids = tuple(new_id() for _ in range(5))
    with capturing(home.root) as (journal, _, _store):
        for id_ in ids:
            journal.begin(begin(id_))
            journal.end(id_, end(), [REPLY], None)
    for name, text in {
        "majordomo.yaml": "version: 1\n",
        "keys.json": '{"version": 1, "keys": []}',
        "redaction.salt": "00" * 32,
        "SOUL.md": "Be kind.",
        "skills/cook/SKILL.md": "Salt the water.",
        "skills/.env": SECRET,
        "skills/cook/api.key": SECRET,
        "memories/2026.md": "It rained.",
        "adapters/incumbent.json": "{}",
        "adapters/20261121-010203-abcdef/adapters.safetensors": "weights",
        "adapters/.incoming-x/adapters.safetensors": "half",
        "training/20261121-010203/plan.json": "{}",
        "training/20261121-010203/result.json": "{}",
        "training/20261121-010203/dataset/train.jsonl": "{}\n",
        "training/20261121-010203/adapter/adapters.safetensors": "again",
        "training/20261122-010203/plan.json": "{}",
        "training/answers/base.jsonl": "{}\n",
        "logs/gateway.jsonl": "{}\n",
        "cache/thing": "made again",
        "run/cli.key": SECRET,
    }.items():
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (home.root / "skills" / "link.md").symlink_to("/etc/passwd")
    return ids


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Backup:
    scratch = tmp_path_factory.mktemp("backup")
    home = Home(scratch / "home")
    ids = furnish(home)
    file = scratch / "backup.tar.gz"
    return Backup(home, file, write_backup(home, file), ids)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """An empty private directory; whatever is refused leaves nothing outside it."""
    draft = tmp_path / "place" / "draft"
    draft.mkdir(parents=True, mode=0o700)
    yield draft
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["draft"]


def test_a_backup_holds_what_is_the_households_and_nothing_secret_or_passing(
    backup: Backup,
) -> None:
    names = [member.name for member in backup.manifest.members]
    journal = [name for name in names if name.startswith("journal/")]
    assert sorted(set(names) - set(journal)) == [
        "SOUL.md",
        "adapters/20261121-010203-abcdef/adapters.safetensors",
        "adapters/incumbent.json",
        "keys.json",
        "majordomo.db",
        "majordomo.yaml",
        "memories/2026.md",
        "redaction.salt",
        "skills/cook/SKILL.md",
        "training/20261121-010203/dataset/train.jsonl",
        "training/20261121-010203/plan.json",
        "training/20261121-010203/result.json",
        "training/answers/base.jsonl",
    ]
    assert backup.manifest.left_out == ("skills/cook/api.key", "skills/link.md")
    assert SECRET.encode() not in b"".join(backup.parts().values())
    assert stat.S_IMODE(backup.file.stat().st_mode) == 0o600
    assert list(backup.parts()) == ["manifest.json", *names], "any tar reads it"
    assert backup.manifest.rows["exchanges"] == 5
    assert sorted(path.name for path in backup.file.parent.iterdir()) == ["backup.tar.gz", "home"]


def test_what_is_restored_is_the_same_and_its_owners_alone_whatever_the_umask(
    backup: Backup, tmp_path: Path
) -> None:
    target = Home(tmp_path / "house" / "again")
    before = os.umask(0)
    try:
        with drafted(target) as draft:
            found = extract(backup.file, draft)
            assert put(draft, target) is None
    finally:
        os.umask(before)
    assert found.manifest == backup.manifest
    assert found.newest == backup.manifest.newest
    for member in backup.manifest.members:
        path = target.root / member.name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == member.sha256
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in target.root.rglob("*"):
        assert not path.is_symlink()
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077
    assert [path.name for path in target.root.parent.iterdir()] == ["again"]


async def test_what_the_journal_has_beyond_the_store_is_kept_counted_and_taken_in(
    tmp_path: Path,
) -> None:
    home, again = Home(tmp_path / "home"), Home(tmp_path / "again")
    furnish(home)
    journal = make_journal(home.journal)
    late = [new_id() for _ in range(3)]
    for id_ in late:
        journal.begin(begin(id_, at=1_790_000_100.0))
        journal.end(id_, end(), [REPLY], None)
    journal.begin(begin(new_id(), at=1_790_000_200.0))
    live = segments(home.journal)[-1].path
    whole = live.stat().st_size
    with live.open("ab") as file:
        file.write(b"\xf5MJ1 half a record")  # as a backup may find the writer at work
    write_backup(home, tmp_path / "b.tar.gz")
    journal.close()
    with drafted(again) as draft:
        found = extract(tmp_path / "b.tar.gz", draft)
        put(draft, again)
    assert found.manifest.rows["exchanges"] == 5
    assert found.manifest.newest == 1_790_000_000.25
    assert (found.waiting, found.newest) == (3, 1_790_000_200.0)
    assert (again.journal / live.name).stat().st_size == whole
    with capturing(again.root) as (restored, ingester, store):
        assert await ingester.catch_up(20)
        assert restored.torn is None
        statuses = [row.status for row in store.exchanges()]
        assert statuses == ["interrupted", *["ok"] * 8]


def test_a_home_that_is_there_is_moved_aside_and_only_when_asked(
    backup: Backup, tmp_path: Path
) -> None:
    target = Home(tmp_path / "home")
    target.create()
    with pytest.raises(BackupError, match="not empty"):
        check_target(target, force=False)
    check_target(target, force=True)
    with drafted(target) as draft:
        extract(backup.file, draft)
        aside = put(draft, target)
    assert aside is not None
    assert aside.name.startswith("home.before-")
    assert (aside / "journal").is_dir()
    assert target.database.exists()


def test_a_directory_that_is_there_and_empty_is_filled(backup: Backup, tmp_path: Path) -> None:
    target = Home(tmp_path / "volume")
    target.root.mkdir(mode=0o755)
    inode = target.root.stat().st_ino
    with drafted(target) as draft:
        extract(backup.file, draft)
        put(draft, target)
    assert target.root.stat().st_ino == inode
    assert stat.S_IMODE(target.root.stat().st_mode) == 0o700
    assert target.database.exists()
    assert not [path for path in target.root.iterdir() if path.name.startswith(".")]


# ---------------------------------------------------------------- what is refused


Entry = tuple[str, bytes, dict[str, Any]]
"""A tar member: name, bytes, and what its header says beside."""


def build(file: Path, entries: list[Entry]) -> Path:
    with tarfile.open(file, "w:gz", format=tarfile.GNU_FORMAT) as tar:
        for name, data, said in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in said.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return file


def forged(
    backup: Backup, file: Path, change: Callable[[dict[str, Any], list[Entry]], None]
) -> Path:
    """The backup with its manifest (plain) and members changed."""
    parts = backup.parts()
    manifest = orjson.loads(parts.pop("manifest.json"))
    entries: list[Entry] = [(name, data, {}) for name, data in parts.items()]
    change(manifest, entries)
    return build(file, [("manifest.json", orjson.dumps(manifest), {}), *entries])


def listed(manifest: dict[str, Any], name: str, data: bytes = b"x", **said: Any) -> None:
    member = {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest["members"].append(member | said)


def named(name: str) -> Callable[[dict[str, Any], list[Entry]], None]:
    """A further file of that name, in manifest and archive."""

    def change(manifest: dict[str, Any], entries: list[Entry]) -> None:
        listed(manifest, name)
        entries.append((name, b"x", {}))

    return change


def posing(**said: Any) -> Callable[[dict[str, Any], list[Entry]], None]:
    """SOUL.md, listed as the file it was, is something else."""

    def change(_: dict[str, Any], entries: list[Entry]) -> None:
        at = next(n for n, entry in enumerate(entries) if entry[0] == "SOUL.md")
        entries[at] = ("SOUL.md", entries[at][1], said)

    return change


def _unlisted(_: dict[str, Any], entries: list[Entry]) -> None:
    entries.insert(1, ("SOUL.md", b"x", {}))


def _missing(_: dict[str, Any], entries: list[Entry]) -> None:
    del entries[-1]


def _longer(_: dict[str, Any], entries: list[Entry]) -> None:
    name, data, said = entries[-1]
    entries[-1] = (name, data + b"more", said)


def _altered(_: dict[str, Any], entries: list[Entry]) -> None:
    name, data, said = entries[-1]
    entries[-1] = (name, bytes(len(data)), said)


def _vast(manifest: dict[str, Any], _: list[Entry]) -> None:
    manifest["members"][-1]["size"] = 1 << 60


def _twice(manifest: dict[str, Any], entries: list[Entry]) -> None:
    manifest["members"].append(manifest["members"][-1])
    entries.append(entries[-1])


def _newer(manifest: dict[str, Any], _: list[Entry]) -> None:
    manifest["schema_version"] = "9999"


def _unknown_field(manifest: dict[str, Any], _: list[Entry]) -> None:
    manifest["run_after"] = "rm -rf /"


def _miscounted(manifest: dict[str, Any], _: list[Entry]) -> None:
    manifest["rows"]["exchanges"] += 1


def _storeless(manifest: dict[str, Any], entries: list[Entry]) -> None:
    manifest["members"] = [m for m in manifest["members"] if m["name"] != "majordomo.db"]
    entries[:] = [entry for entry in entries if entry[0] != "majordomo.db"]


def _below_a_file(manifest: dict[str, Any], entries: list[Entry]) -> None:
    named("SOUL.md/x")(manifest, entries)


ATTACKS: dict[str, Callable[[dict[str, Any], list[Entry]], None]] = {
    "up and out": named("skills/../../evil"),
    "at the root": named("/etc/evil"),
    "elsewhere in the home": named("run/gateway.json"),
    "hidden": named("skills/.ssh"),
    "backslashes": named("skills\\..\\..\\evil"),
    "control characters": named("skills/a\nb"),
    "nothing": named("skills//x"),
    "a directory below a file": _below_a_file,
    "a link": posing(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": posing(type=tarfile.LNKTYPE, linkname="keys.json"),
    "a device": posing(type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "a pipe": posing(type=tarfile.FIFOTYPE),
    "a directory": posing(type=tarfile.DIRTYPE),
    "a long name that says more": posing(type=tarfile.GNUTYPE_LONGNAME),
    "a header of any length": posing(type=tarfile.XHDTYPE),
    "what the manifest does not list": _unlisted,
    "what the manifest lists is not there": _missing,
    "longer than it says": _longer,
    "other bytes": _altered,
    "larger than the disk": _vast,
    "one name twice": _twice,
    "a newer schema": _newer,
    "words of another version": _unknown_field,
    "other counts": _miscounted,
    "no store": _storeless,
}


def test_a_backup_taken_apart_and_put_together_again_is_still_one(
    backup: Backup, tmp_path: Path, place: Path
) -> None:
    """So that what is refused below is refused for what was changed."""
    file = forged(backup, tmp_path / "same.tar.gz", lambda _manifest, _entries: None)
    assert extract(file, place).manifest == backup.manifest


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_backup_is_refused(
    backup: Backup, tmp_path: Path, place: Path, attack: str
) -> None:
    file = forged(backup, tmp_path / "forged.tar.gz", ATTACKS[attack])
    with pytest.raises(BackupError):
        extract(file, place)


SQL = {
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON exchanges BEGIN DELETE FROM messages; END",
    "a view": "CREATE VIEW v AS SELECT * FROM exchanges",
    "a table": "CREATE TABLE more (x)",
    "a newer schema": "UPDATE alembic_version SET version_num = '9999'",
    "no schema": "DROP TABLE alembic_version",
}


@pytest.mark.parametrize("change", SQL)
def test_a_store_with_something_foreign_in_it_is_refused(
    backup: Backup, tmp_path: Path, place: Path, change: str
) -> None:
    store = tmp_path / "store.db"
    store.write_bytes(backup.parts()["majordomo.db"])
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        connection.execute(SQL[change])
        connection.commit()

    def swap(manifest: dict[str, Any], entries: list[Entry]) -> None:
        replace_store(manifest, entries, store.read_bytes())

    with pytest.raises(BackupError, match="store"):
        extract(forged(backup, tmp_path / "forged.tar.gz", swap), place)


def test_a_damaged_store_is_refused_though_every_hash_is_right(
    backup: Backup, tmp_path: Path, place: Path
) -> None:
    def spoil(manifest: dict[str, Any], entries: list[Entry]) -> None:
        data = bytearray(entries[0][1])
        middle = len(data) // 2 // 4096 * 4096
        data[middle : middle + 4096] = b"\xff" * 4096
        replace_store(manifest, entries, bytes(data))

    with pytest.raises(BackupError, match="store"):
        extract(forged(backup, tmp_path / "forged.tar.gz", spoil), place)


def replace_store(manifest: dict[str, Any], entries: list[Entry], data: bytes) -> None:
    assert entries[0][0] == "majordomo.db"
    entries[0] = ("majordomo.db", data, {})
    manifest["members"][0] |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, place: Path) -> None:
    file = tmp_path / "bomb.tar.gz"
    info = tarfile.TarInfo("manifest.json")
    info.size = 1 << 33
    with gzip.open(file, "wb") as bomb:
        bomb.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(64):
            bomb.write(bytes(1 << 20))
    with pytest.raises(BackupError, match="larger than any"):
        extract(file, place)
    assert list(place.iterdir()) == []


def test_what_is_no_backup_is_refused(backup: Backup, tmp_path: Path, place: Path) -> None:
    whole = backup.file.read_bytes()
    for data in (b"", b"PK\x03\x04", whole[: len(whole) // 2], gzip.compress(b"no tar")):
        file = tmp_path / "none.tar.gz"
        file.write_bytes(data)
        with pytest.raises(BackupError):
            extract(file, Path(tempfile.mkdtemp(dir=place)))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_backup_with_one_byte_changed_is_refused_or_restores_the_same(
    backup: Backup, data: st.DataObject
) -> None:
    whole = bytearray(backup.file.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as scratch:
        file, place = Path(scratch) / "b.tar.gz", Path(scratch) / "place"
        file.write_bytes(whole)
        place.mkdir()
        try:
            found: Verified = extract(file, place)
        except BackupError:
            return
        assert found.manifest == backup.manifest
        for member in found.manifest.members:
            restored = (place / member.name).read_bytes()
            assert hashlib.sha256(restored).hexdigest() == member.sha256


@pytest.mark.parametrize("at", [-8, -1], ids=["checksum", "length"])
def test_a_backup_is_read_to_its_end_and_held_against_its_checksum(
    backup: Backup, tmp_path: Path, at: int
) -> None:
    changed = bytearray(backup.file.read_bytes())
    changed[at] ^= 1
    file, place = tmp_path / "b.tar.gz", tmp_path / "place"
    file.write_bytes(changed)
    place.mkdir()
    with pytest.raises(BackupError, match="no whole backup"):
        extract(file, place)


@given(st.text(max_size=40))
def test_no_name_that_is_taken_leads_out_of_the_home(name: str) -> None:
    for tried in (name, f"skills/{name}", f"skills/{name}/x"):
        if is_safe(tried):
            path = Path("/home/me") / tried
            assert path.is_relative_to("/home/me")
            assert Path(os.path.normpath(path)) == path


# ---------------------------------------------------------------- the commands


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


def test_the_commands_write_verify_and_restore(majordomo: Majordomo, tmp_path: Path) -> None:
    furnish(majordomo.home)
    file = str(tmp_path / "b.tar.gz")
    ran = majordomo("backup", "--out", file)
    assert ran.status == 0, ran.err
    assert "5 exchanges" in ran.out
    assert "left out: skills/cook/api.key" in ran.out
    assert majordomo("backup", "--out", file).status == 1, "nothing is written over"
    ran = majordomo("backup", "--out", str(majordomo.home.root / "b.tar.gz"))
    assert "inside the home" in ran.err
    ran = majordomo("restore", file, "--check", "--json")
    said = orjson.loads(ran.out)
    assert said["rows"]["exchanges"] == 5
    assert said["hashes_ok"] == said["files"] > 10
    assert said["newest_age_s"] is not None
    assert said["home"] is None
    assert "not empty" in majordomo("restore", file).err
    into = tmp_path / "elsewhere"
    ran = majordomo("restore", file, "--into", str(into))
    assert ran.status == 0, ran.err
    assert "every hash is right" in ran.out
    assert Home(into).mode_problems() == ()
    assert majordomo("restore", str(tmp_path / "none")).status == 1


def test_a_home_without_a_store_can_be_kept_too(majordomo: Majordomo, tmp_path: Path) -> None:
    majordomo.home.create()
    majordomo.home.settings.write_text("version: 1\n")
    file = str(tmp_path / "b.tar.gz")
    assert "no exchanges yet" in majordomo("backup", "--out", file).out
    shutil.rmtree(majordomo.home.root)
    assert majordomo("restore", file).status == 0
    assert majordomo.home.settings.read_text() == "version: 1\n"


def test_a_disk_without_room_fails_a_backup_and_nothing_is_left_of_it(
    backup: Backup, tmp_path: Path
) -> None:
    """F14, by a limit on the size of files."""
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from gateway.cli import main; main()"
    )
    file = tmp_path / "out" / "b.tar.gz"
    file.parent.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, "backup", "--out", str(file)],
        env=os.environ | {"MAJORDOMO_HOME": str(backup.home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no backup was written" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(file.parent.iterdir()) == []
