"""A file to import: opened with suspicion, read twice alike, never unpacked.

A plain file is read as far as it reached when it was opened, so what is appended meanwhile waits
for the next import. Of a zip file, `conversations.json` is read where it is; one with links, with
names that lead elsewhere, or that unpacks to far more than it is, is refused whole. A database is
copied into a private directory, with its log, and only the copy is ever opened.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from capture.imports.conversation import NotThisFormat
from capture.imports.reading import Read, values
from capture.private import make_private_directory

FILE_BYTES = 8 << 30
"""Largest file, packed or not."""
RATIO = 200
"""How many times its size a member of a zip file may unpack to; text does not reach a tenth."""
_MEMBERS = 10_000
_WANTED = re.compile(r"(?:[^/]+/)?conversations[^/]*\.json")
_SQLITE = b"SQLite format 3\x00"
_ZIP = b"PK\x03\x04"
_TRIES = 5
_READ = 1 << 20

Kind = Literal["text", "zip", "sqlite"]


@dataclass(frozen=True, slots=True)
class Source:
    """One file, while it is imported."""

    kind: Kind
    """By how it begins."""
    path: Path
    """Of a database, its copy."""
    size: int
    """In bytes, when it was opened."""
    members: tuple[str, ...] = ()
    """Of a zip file: what is read of it."""

    def values(self) -> Iterator[Read]:
        """Every value of it, from the beginning. Raises OSError; NotThisFormat for a zip file that
        is broken."""
        if self.kind == "text":
            with self.path.open("rb") as file:
                # a text that grew meanwhile is read as far as it went
                yield from values(io.BufferedReader(_Bounded(file, self.size)))
            return
        try:
            with zipfile.ZipFile(self.path) as archive:
                for name in self.members:
                    with archive.open(name) as member:
                        yield from values(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise NotThisFormat(f"the zip file is broken: {error}") from error


@contextmanager
def opened(path: Path, scratch: Path | None = None) -> Generator[Source]:
    """A file, as long as this lasts. `scratch` is where a copy may lie; None: where temporary files
    do. Raises NotThisFormat for what is not to be read, OSError."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise NotThisFormat("it is not a file")
    if about.st_size > FILE_BYTES:
        raise NotThisFormat(f"it is larger than {FILE_BYTES:,} bytes")
    with path.open("rb") as file:
        head = file.read(len(_SQLITE))
    if head == _SQLITE:
        with tempfile.TemporaryDirectory(prefix="majordomo-import-", dir=scratch) as directory:
            make_private_directory(Path(directory))
            yield Source("sqlite", _copied(path, Path(directory)), about.st_size)
    elif head.startswith(_ZIP):
        yield Source("zip", path, about.st_size, _members(path))
    else:
        yield Source("text", path, about.st_size)


def _members(path: Path) -> tuple[str, ...]:
    """What is read of a zip file. Raises NotThisFormat when anything about it is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise NotThisFormat(f"the zip file is broken: {error}") from error
    if len(infos) > _MEMBERS:
        raise NotThisFormat(f"the zip file has more than {_MEMBERS:,} members")
    for info in infos:
        _check(info)
    names = [info.filename for info in infos if _WANTED.fullmatch(info.filename)]
    if not names:
        raise NotThisFormat("the zip file has no conversations.json")
    if len(set(names)) < len(names):
        raise NotThisFormat("the zip file has two members of one name")
    if sum(info.file_size for info in infos if info.filename in names) > FILE_BYTES:
        raise NotThisFormat(f"the zip file unpacks to more than {FILE_BYTES:,} bytes")
    return tuple(sorted(names))


def _check(info: zipfile.ZipInfo) -> None:
    parts = re.split(r"[/\\]", info.filename)
    mode = info.external_attr >> 16
    if ".." in parts or info.filename.startswith(("/", "\\")) or ":" in parts[0]:
        raise NotThisFormat("the zip file has a member whose name leads elsewhere")
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or not stat.S_IFMT(mode)):
        raise NotThisFormat("the zip file has a link or a device in it")
    if info.flag_bits & 1:
        raise NotThisFormat("the zip file is encrypted")
    if info.file_size > RATIO * max(info.compress_size, 1024):
        raise NotThisFormat("the zip file has a member that unpacks to far more than it is")


def _copied(path: Path, directory: Path) -> Path:
    """A copy of a database and its log, taken while neither changed."""
    log = path.with_name(f"{path.name}-wal")
    copy = directory / "copy.db"
    for _ in range(_TRIES):
        before = _stamp(path), _stamp(log)
        shutil.copyfile(path, copy)
        if before[1] is None:
            copy.with_name("copy.db-wal").unlink(missing_ok=True)
        else:
            shutil.copyfile(log, copy.with_name("copy.db-wal"))
        if before == (_stamp(path), _stamp(log)):
            return copy
    raise NotThisFormat("it changes all the time: stop what writes it, and try again")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        about = os.stat(path)  # noqa: PTH116 - of a name, as it is
    except FileNotFoundError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


class _Bounded(io.RawIOBase):
    """The first so many bytes of a file."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        super().__init__()
        self._file = file
        self._size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        left = max(0, self._size - self._file.tell())
        data = self._file.read(min(len(buffer), left))
        buffer[: len(data)] = data
        return len(data)
