from __future__ import annotations

import asyncio
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.framing import Gap, Kind, Record, read, segments
from capture.ids import new_id
from capture.journal import SECRET_HEADERS, Journal, JournalError, JournalLocked, new_epoch
from capture.segment_file import SegmentFile
from tests.support.journals import REPLY, REQUEST, begin, end, make_journal


def found(directory: Path) -> list[Record | Gap]:
    """All that is in a journal, first records of segments left out."""
    said: list[Record | Gap] = []
    for segment in segments(directory):
        fd = os.open(segment.path, os.O_RDONLY)
        said += read(fd, 0, os.fstat(fd).st_size, segment.seed)
        os.close(fd)
    return [each for each in said if isinstance(each, Gap) or each.kind != Kind.SEGMENT]


def kinds(directory: Path) -> list[int | str]:
    return ["gap" if isinstance(each, Gap) else each.kind for each in found(directory)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = make_journal(tmp_path / "journal")
    yield journal
    journal.close()


def test_a_record_is_in_the_file_when_its_call_returns(journal: Journal) -> None:
    id_ = new_id()
    journal.begin(begin(id_))
    journal.part(id_, b"half")
    position = journal.end(id_, end(), [REPLY], None)
    records = [each for each in found(journal.directory) if isinstance(each, Record)]
    assert [(each.kind, each.id) for each in records] == [
        (Kind.BEGIN, id_),
        (Kind.PART, id_),
        (Kind.END, id_),
    ]
    assert records[0].body.endswith(REQUEST)
    assert records[2].body == REPLY
    assert position == journal.written
    assert position.offset == records[2].end


@pytest.mark.parametrize("mask", [0o000, 0o777])
def test_files_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        journal = make_journal(tmp_path / "journal")
        journal.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(journal.directory.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(file.stat().st_mode) for file in journal.directory.iterdir()}
    assert modes == {0o600}


def test_credentials_do_not_get_in_whoever_hands_them_over(journal: Journal) -> None:
    headers = dict.fromkeys(SECRET_HEADERS, "sk-canary") | {"Cookie": "sk-canary", "x-a": "b"}
    journal.begin(begin(headers=headers))
    (record,) = found(journal.directory)
    assert isinstance(record, Record)
    assert b"canary" not in record.body + record.meta
    assert b"x-a" in record.body


def test_a_second_journal_on_the_directory_is_refused_with_the_holders_pid(
    journal: Journal,
) -> None:
    other = Journal(journal.directory, segment_bytes=1 << 20, sync_ms=5, epoch=new_epoch())
    with pytest.raises(JournalLocked, match=str(os.getpid())) as refused:
        other.open()
    assert refused.value.pid == os.getpid()


def test_another_process_is_refused_with_the_holders_pid(journal: Journal) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.support.journals import make_journal\n"
        "make_journal(Path(sys.argv[1]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(journal.directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert f"in use by process {os.getpid()}" in ended.stderr


def test_a_closed_journal_frees_its_directory_and_refuses_to_write(tmp_path: Path) -> None:
    first = make_journal(tmp_path)
    first.close()
    second = make_journal(tmp_path)
    second.begin(begin())
    second.close()
    with pytest.raises(JournalError, match="closed"):
        first.begin(begin())


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    journal = make_journal(tmp_path, segment_bytes=2000)
    positions = [journal.begin(begin()) for _ in range(12)]
    journal.close()
    assert positions == sorted(positions)
    assert len(segments(tmp_path)) > 3
    assert kinds(tmp_path) == [Kind.BEGIN] * 12


def test_each_start_begins_a_segment_of_its_own(tmp_path: Path) -> None:
    for _ in range(3):
        make_journal(tmp_path).close()
    numbers = [segment.number for segment in segments(tmp_path)]
    assert len(set(numbers)) == 3


def test_numbers_go_on_rising_when_the_directory_was_emptied(tmp_path: Path) -> None:
    make_journal(tmp_path, segment_bytes=100).close()
    (before,) = segments(tmp_path)
    before.path.unlink()
    make_journal(tmp_path).close()
    (after,) = segments(tmp_path)
    assert after.number >= before.number
    assert after.path != before.path


@pytest.mark.parametrize("lost", [1, 30, 500])
def test_a_torn_tail_is_cut_and_kept_aside(tmp_path: Path, lost: int) -> None:
    journal = make_journal(tmp_path)
    for _ in range(3):
        journal.begin(begin())
    journal.close()
    (segment,) = segments(tmp_path)
    whole = segment.path.read_bytes()
    segment.path.write_bytes(whole[:-lost])
    again = make_journal(tmp_path)
    again.close()
    assert again.torn is not None
    assert kinds(tmp_path) == [Kind.BEGIN] * 2
    aside = segment.path.with_suffix(".torn")
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    kept = segment.path.read_bytes() + aside.read_bytes()
    assert kept == whole[:-lost]
    assert again.torn.bytes == len(aside.read_bytes())


def test_damage_with_whole_records_after_it_is_left_for_the_reader(tmp_path: Path) -> None:
    journal = make_journal(tmp_path)
    positions = [journal.begin(begin()) for _ in range(3)]
    journal.close()
    (segment,) = segments(tmp_path)
    data = bytearray(segment.path.read_bytes())
    data[positions[0].offset + 5] ^= 1
    segment.path.write_bytes(data)
    again = make_journal(tmp_path)
    again.close()
    assert again.torn is None
    assert kinds(tmp_path) == [Kind.BEGIN, "gap", Kind.BEGIN]


async def test_synced_returns_once_the_disk_has_the_record(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = SegmentFile.sync

    def counted(file: SegmentFile, *, full: bool) -> None:
        size = file.size
        sync(file, full=full)
        synced.append(size)

    monkeypatch.setattr(SegmentFile, "sync", counted)
    position = journal.begin(begin())
    await journal.synced(position)
    assert max(synced) >= position.offset
    assert journal.durable >= position
    await journal.synced(position)


async def test_synced_covers_records_in_segments_already_full(tmp_path: Path) -> None:
    journal = make_journal(tmp_path, segment_bytes=1000)
    positions = [journal.begin(begin()) for _ in range(10)]
    await asyncio.gather(*(journal.synced(position) for position in positions))
    assert journal.durable == journal.written
    journal.close()


async def test_a_sync_that_failed_is_never_taken_for_a_success_later(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = SegmentFile.sync
    broken: list[int] = []

    def fails_once(file: SegmentFile, *, full: bool) -> None:
        if not broken or file.segment.number == broken[0]:
            broken.append(file.segment.number)
            raise OSError(errno.EIO, "Input/output error")
        sync(file, full=full)

    monkeypatch.setattr(SegmentFile, "sync", fails_once)
    lost = journal.begin(begin())
    with pytest.raises(JournalError, match="Input/output error"):
        await journal.synced(lost)
    kept = journal.begin(begin())
    assert kept.segment > lost.segment
    await journal.synced(kept)
    assert journal.failure is None
    with pytest.raises(JournalError):
        await journal.synced(lost)
    assert len(broken) == 1
    assert journal.doubtful == 1


async def test_closing_answers_whoever_waits(journal: Journal) -> None:
    position = journal.begin(begin())
    waiting = asyncio.create_task(journal.synced(position))
    await asyncio.to_thread(journal.close)
    await waiting
    assert journal.durable >= position


def test_a_write_that_fails_leaves_nothing_and_is_told(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.begin(begin())

    def full(fd: int, pieces: list[bytes]) -> int:
        os.write(fd, pieces[0][:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(JournalError, match="No space left"):
        journal.begin(begin())
    assert "No space left" in (journal.failure or "")
    monkeypatch.undo()
    journal.begin(begin())
    assert journal.failure is None
    assert kinds(journal.directory) == [Kind.BEGIN, Kind.BEGIN]


_FULL_DISK = """
import resource, signal, sys, threading
from pathlib import Path
from tests.support.journals import begin, make_journal
from capture.journal import JournalError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = make_journal(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
kept = 0
while True:
    try:
        journal.begin(begin(request=b"x" * 10_000))
        kept += 1
    except JournalError as error:
        break
assert journal.failure is not None, "the failure is visible"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
mended = threading.Event()
journal.subscribe(lambda: mended.set() if journal.failure is None else None)
assert mended.wait(10), "it recovers by itself"
journal.begin(begin())
journal.close()
print(kept + 1)
"""


def test_a_full_disk_is_told_recovers_by_itself_and_loses_nothing(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert kinds(tmp_path) == [Kind.BEGIN] * int(ended.stdout)


def test_a_directory_that_cannot_be_made_is_a_journal_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot open the journal"):
        make_journal(tmp_path / "file" / "journal")
