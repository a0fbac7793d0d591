"""Taking a backup apart. It may come from anywhere, so nothing in it is trusted.

The tar is read here block by block, and never by a library that follows what it says: only regular
files, in the manifest's order, under the manifest's names and of its sizes, which are held against
the room there is before a byte of them is written. What is extracted lies in a private directory of
the caller's until all of it has been verified: hashes, the store's integrity, that nothing in it
would run by itself, and its rows.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from capture.framing import Kind, Position, Record, read, segments
from capture.private import make_private_directory
from capture.store import StoreError
from capture.store.migrate import KNOWN
from capture.store.still import Facts, damage, facts, foreign
from gateway.archive.manifest import (
    MANIFEST,
    MOST_MANIFEST_BYTES,
    STORE,
    BackupError,
    Manifest,
    read_manifest,
)
from gateway.archive.write import Told, untold
from gateway.home import FILE_MODE

_PIECE = 1 << 20
_MOST_PADDING = 64 << 10
_SPARE_BYTES = 64 << 20
"""Room that is left free beside what a backup holds."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A backup of which everything was read and found to be as it says."""

    manifest: Manifest
    waiting: int
    """Exchanges whose end the journal has beyond the store; the first start takes them in."""
    newest: float | None
    """When the newest exchange in store or journal was recorded, Unix seconds; None without one."""


def extract(file: Path, draft: Path, told: Told = untold) -> Verified:
    """Write the backup's files below `draft`, an empty private directory, and verify all of it.
    Raises BackupError for what is not to be trusted, OSError."""
    with _unpacked(file) as packed:
        manifest = _manifest(packed)
        _check_room(manifest, draft)
        done = 0
        for member in manifest.members:
            path = draft / member.name
            make_private_directory(path.parent)
            before = done
            digest = _write(
                packed,
                path,
                _header(packed, member.name, member.size),
                lambda n, before=before: told("verifying", before + n, manifest.size),
            )
            done += member.size
            if digest != member.sha256:
                raise BackupError(f"{member.name} is not what was backed up: its hash differs")
        _end(packed)
    try:
        held = _verified_store(draft / STORE, manifest)
    except StoreError as error:
        raise BackupError(f"the store in this backup cannot be used: {error}") from error
    position = Position(0, 0) if held is None or held.position is None else held.position
    waiting, newest = _waiting(draft / "journal", position)
    known = [at for at in (manifest.newest, newest) if at is not None]
    return Verified(manifest, waiting, max(known, default=None))


@contextmanager
def _unpacked(file: Path) -> Generator[gzip.GzipFile]:
    """The backup without its compression. Raises BackupError for what is none."""
    try:
        with gzip.open(file, "rb") as packed:
            yield packed
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BackupError(f"{file} is no whole backup: {error}") from error


def _manifest(packed: gzip.GzipFile) -> Manifest:
    size = _header(packed, MANIFEST, None)
    if size > MOST_MANIFEST_BYTES:
        raise BackupError("its manifest is larger than any: refused")
    data = _exactly(packed, size)
    _exactly(packed, -size % tarfile.BLOCKSIZE)
    manifest = read_manifest(data)
    schema = manifest.schema_version
    if schema is not None and schema not in KNOWN:
        raise BackupError(
            f"its store has schema {schema}, this Majordomo knows schemas up to {KNOWN[-1]}: "
            "a newer one wrote it; update Majordomo"
        )
    if (STORE in {member.name for member in manifest.members}) != (schema is not None):
        raise BackupError("its manifest and its files disagree about the store: refused")
    return manifest


def _check_room(manifest: Manifest, draft: Path) -> None:
    free = shutil.disk_usage(draft).free
    if manifest.size + _SPARE_BYTES > free:
        raise BackupError(
            f"it holds {manifest.size:,} bytes, and there is room for {free:,} at {draft.parent}"
        )


def _end(packed: gzip.GzipFile) -> None:
    """Nothing follows the last member but what pads a tar. Reading on to the end of the compressed
    stream has its checksum verified, which covers what has no hash of its own."""
    rest = packed.read(_MOST_PADDING + 1)
    if len(rest) > _MOST_PADDING or any(rest):
        raise BackupError("something follows what its manifest names: refused")


def _header(packed: gzip.GzipFile, name: str, size: int | None) -> int:
    """The next member's size; it must be the regular file of that name, and of that size where one
    is given."""
    block = _exactly(packed, tarfile.BLOCKSIZE)
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise BackupError(f"{name} does not come where it should: {error}") from error
    if info.type != tarfile.REGTYPE or info.name != name:
        raise BackupError(f"something else comes where {name} should: refused")
    if info.size < 0 or (size is not None and info.size != size):
        raise BackupError(f"{name} is not as long as the manifest says: refused")
    return info.size


def _write(packed: gzip.GzipFile, path: Path, size: int, done: Callable[[int], None]) -> str:
    """Copy a member's bytes to a new file, 0600; their SHA-256."""
    digest = hashlib.sha256()
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, FILE_MODE), "wb") as out:
        os.fchmod(out.fileno(), FILE_MODE)
        left = size
        while left:
            piece = _exactly(packed, min(_PIECE, left))
            out.write(piece)
            digest.update(piece)
            left -= len(piece)
            done(size - left)
        out.flush()
        os.fsync(out.fileno())
    _exactly(packed, -size % tarfile.BLOCKSIZE)
    return digest.hexdigest()


def _exactly(packed: gzip.GzipFile, size: int) -> bytes:
    data = packed.read(size)
    while len(data) < size:
        more = packed.read(size - len(data))
        if not more:
            raise BackupError("it ends before all of it is there")
        data += more
    return data


def _verified_store(path: Path, manifest: Manifest) -> Facts | None:
    """What the store holds, once it is known to be whole, ours and as the manifest says."""
    if manifest.schema_version is None:
        return None
    strange = foreign(path)
    if strange:
        raise BackupError(f"its store holds what is not ours ({', '.join(strange[:3])}): refused")
    broken = damage(path, still=True)
    if broken is not None:
        raise BackupError(f"its store is damaged: {broken}")
    held = facts(path)
    if (held.schema, dict(held.rows), held.newest) != (
        manifest.schema_version,
        dict(manifest.rows),
        manifest.newest,
    ):
        raise BackupError("its store does not hold what its manifest says")
    return held


def _waiting(journal: Path, position: Position) -> tuple[int, float | None]:
    """How many exchanges end in the journal past a position, and when the newest there began."""
    ended, newest = 0, None
    for segment in segments(journal):
        start = position.offset if segment.number == position.segment else 0
        with segment.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            for found in read(file.fileno(), start, size, segment.seed):
                if isinstance(found, Record):
                    ended += found.kind in (Kind.END, Kind.IMPORTED)
                    newest = (_began(found) if found.kind == Kind.BEGIN else None) or newest
    return ended, newest


def _began(record: Record) -> float | None:
    try:
        return float(orjson.loads(record.meta)["at"])
    except (KeyError, TypeError, ValueError):
        return None  # ingesting will say so
