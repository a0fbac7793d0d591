"""Writing a backup, whether or not a gateway serves the home.

The store first, as it is at one moment; it must be whole. While that moment is held, the journal's
segments are opened: between them they have everything that was acknowledged before the backup
began. Then the rest. Everything is hashed before it is written and once more while it is, so a file
that changes in between fails the backup instead of spoiling it. The file is 0600 from its first
byte, and has its name once it is whole and on disk.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from capture.clock import now
from capture.framing import Position, Record, Segment, read, segments
from capture.segment_file import sync_directory
from capture.store.copying import held_copy
from capture.store.still import Facts, damage, facts
from gateway.archive.contents import contents
from gateway.archive.manifest import MANIFEST, STORE, BackupError, Manifest, Member
from gateway.home import Home
from gateway.version import VERSION

Told = Callable[[str, int, int], None]
"""Hears what is being done, and how far it is: bytes or pages done, of how many."""


def untold(what: str, done: int, of: int) -> None:
    """Nobody is told."""


LEVEL = 1
"""Of gzip: bodies that are large are compressed already."""
_PIECE = 1 << 20
_BEGINNING = Position(0, 0)


@dataclass(frozen=True, slots=True)
class _Source:
    """A file to be written, as long as it was when it was looked at."""

    name: str
    path: Path
    size: int
    file: IO[bytes] | None = None
    """Held open, where the path may be gone by the time it is read; None: opened then."""


def write_backup(home: Home, out: Path, told: Told = untold) -> Manifest:
    """Write the backup of `home` to the new file `out`. Raises BackupError, StoreError, OSError;
    nothing is left behind then."""
    if out.exists():
        raise BackupError(f"{out} is there already; choose another name with `--out`")
    at = now()
    with ExitStack() as stack:
        scratch = stack.enter_context(
            tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent)
        )
        held, journal = _store_and_journal(home, Path(scratch), stack, told)
        rest, left_out = _rest(home)
        sources = [*journal, *rest]
        total = sum(source.size for source in sources)
        members = _hashed(sources, lambda done: told("reading", done, total))
        manifest = Manifest(
            version=VERSION,
            at=at,
            schema_version=held and held.schema,
            rows={} if held is None else held.rows,
            newest=held and held.newest,
            left_out=tuple(left_out),
            members=tuple(members),
        )
        draft = Path(scratch) / "draft"
        _pack(manifest, sources, draft, lambda done: told("writing", done, total))
        draft.replace(out)
    sync_directory(out.parent)
    return manifest


def _store_and_journal(
    home: Home, scratch: Path, stack: ExitStack, told: Told
) -> tuple[Facts | None, list[_Source]]:
    if not home.database.exists():
        return None, _segments(home, _BEGINNING, _opened(home, stack))
    copy = scratch / STORE
    with held_copy(home.database, copy, lambda done, of: told("copying the store", done, of)):
        opened = _opened(home, stack)
    broken = damage(copy, still=True)
    if broken is not None:
        raise BackupError(
            f"the store is damaged, and so would its backup be: {broken}. `majordomo doctor "
            "--deep` says what to do; earlier backups may be whole"
        )
    held = facts(copy)
    store = _Source(STORE, copy, copy.stat().st_size)
    return held, [store, *_segments(home, held.position or _BEGINNING, opened)]


def _opened(home: Home, stack: ExitStack) -> list[tuple[Segment, IO[bytes]]]:
    """Every segment, held open: removing it takes nothing away now."""
    found: list[tuple[Segment, IO[bytes]]] = []
    for segment in segments(home.journal):
        try:
            found.append((segment, stack.enter_context(segment.path.open("rb"))))
        except FileNotFoundError:
            continue  # wholly in the store long ago
    return found


def _segments(
    home: Home, position: Position, opened: list[tuple[Segment, IO[bytes]]]
) -> list[_Source]:
    """Those of which the store has not taken all; each up to its last whole record, as the writer
    may be in the middle of one."""
    return [
        _Source(
            f"{home.journal.name}/{segment.path.name}",
            segment.path,
            _whole(file, segment, position),
            file,
        )
        for segment, file in opened
        if segment.number >= position.segment
    ]


def _whole(file: IO[bytes], segment: Segment, position: Position) -> int:
    size = os.fstat(file.fileno()).st_size
    start = position.offset if segment.number == position.segment else 0
    end = min(start, size)
    for found in read(file.fileno(), start, size, segment.seed):
        if isinstance(found, Record):
            end = found.end
    return end


def _rest(home: Home) -> tuple[list[_Source], list[str]]:
    kept: list[_Source] = []
    left_out: list[str] = []
    for found in contents(home):
        if found.kept:
            kept.append(_Source(found.name, found.path, found.path.stat().st_size))
        else:
            left_out.append(found.name)
    return kept, left_out


def _hashed(sources: list[_Source], done: Callable[[int], None]) -> list[Member]:
    members: list[Member] = []
    read_bytes = 0
    for source in sources:
        digest, size = hashlib.sha256(), 0
        for piece in _pieces(source):
            digest.update(piece)
            size += len(piece)
            done(read_bytes + size)
        read_bytes += size
        if size != source.size:
            raise _changed(source)
        members.append(Member(name=source.name, size=size, sha256=digest.hexdigest()))
    return members


def _pack(
    manifest: Manifest, sources: list[_Source], draft: Path, done: Callable[[int], None]
) -> None:
    written = 0
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed:
            said = manifest.model_dump_json(indent=1).encode() + b"\n"
            _write_member(packed, MANIFEST, len(said), manifest.at, iter([said]))
            for source, member in zip(sources, manifest.members, strict=True):
                digest = hashlib.sha256()
                pieces = _told_of(
                    _pieces(source), digest.update, lambda n, at=written: done(at + n)
                )
                size = _write_member(packed, source.name, source.size, manifest.at, pieces)
                if size != member.size or digest.hexdigest() != member.sha256:
                    raise _changed(source)
                written += size
            packed.write(bytes(2 * tarfile.BLOCKSIZE))
        file.flush()
        os.fsync(file.fileno())


def _write_member(
    packed: gzip.GzipFile, name: str, size: int, at: float, pieces: Iterator[bytes]
) -> int:
    """One tar header and its file; how many bytes the file turned out to have."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(at)
    # both are one block, which is all that `read` takes: GNU's has room for any size, the old one
    # for longer names
    short = len(name.encode()) <= tarfile.LENGTH_NAME
    packed.write(info.tobuf(tarfile.GNU_FORMAT if short else tarfile.USTAR_FORMAT))
    written = 0
    for piece in pieces:
        packed.write(piece)
        written += len(piece)
    packed.write(bytes(-written % tarfile.BLOCKSIZE))
    return written


def _pieces(source: _Source) -> Iterator[bytes]:
    """The file's bytes, no more than it had."""
    with ExitStack() as stack:
        file = source.file or stack.enter_context(source.path.open("rb"))
        file.seek(0)
        left = source.size
        while left and (piece := file.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece


def _told_of(
    pieces: Iterator[bytes], update: Callable[[bytes], None], done: Callable[[int], None]
) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        update(piece)
        size += len(piece)
        done(size)
        yield piece


def _changed(source: _Source) -> BackupError:
    return BackupError(f"{source.path} changed while it was read; run the backup again")
