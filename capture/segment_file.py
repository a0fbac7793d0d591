"""The segment being written, and what happens to one that was left half written.

A `SegmentFile` is append-only and never holds half a record that it will go on after: a write that
fails is cut back to the last whole record, and where even that fails the file is given up.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from capture.clock import now
from capture.framing import Gap, Kind, Position, Segment, encode, read, segment_name

FORMAT = 1
_PROBE_BYTES = 256 * 1024


class SegmentFile:
    """One open segment. Not thread-safe: the journal's lock guards it."""

    def __init__(self, directory: Path, number: int, epoch: str) -> None:
        """Create it on disk, readable by its owner alone, with its first record in it.

        Raises OSError, and leaves no file, when it cannot be written.
        """
        self.segment = Segment(number, epoch, directory / segment_name(number, epoch))
        self.seed = self.segment.seed
        self.size = 0
        """Bytes of whole records."""
        self.usable = True
        """False once something failed that further records must not follow."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self.fd = os.open(self.segment.path, flags, 0o600)
        try:
            os.fchmod(self.fd, 0o600)
            said = {"format": FORMAT, "epoch": epoch, "at": now(), "pid": os.getpid()}
            self.append(Kind.SEGMENT, "", orjson.dumps(said), ())
        except OSError:
            self.close()
            self.segment.path.unlink(missing_ok=True)
            raise

    @property
    def end(self) -> Position:
        """Just past the last whole record."""
        return Position(self.segment.number, self.size)

    def append(self, kind: Kind, exchange_id: str, meta: bytes, body: Sequence[bytes]) -> None:
        """Write one record whole, or raise OSError and leave none of it."""
        pieces, size = encode(kind, exchange_id, meta, body, self.seed)
        try:
            written = os.writev(self.fd, pieces)
            if written != size:
                self._write_rest(b"".join(pieces), written)
        except OSError:
            self._cut_back()
            raise
        self.size += size

    def probe(self) -> None:
        """Raise OSError unless there is room to write again; leaves the file as it was."""
        try:
            self._write_rest(bytes(_PROBE_BYTES), 0)
        finally:
            self._cut_back()

    def sync(self, *, full: bool) -> None:
        """Have the system put it on disk. Raises OSError; then it must never be tried again, as
        the system may have dropped the pages it could not write and call the next try a success.

        `full` also empties the drive's own cache where the system has a call for that (macOS);
        elsewhere fdatasync does so already.
        """
        if full and hasattr(fcntl, "F_FULLFSYNC"):
            fcntl.fcntl(self.fd, fcntl.F_FULLFSYNC)
        elif hasattr(os, "fdatasync"):
            os.fdatasync(self.fd)
        else:
            os.fsync(self.fd)

    def close(self) -> None:
        """Close the file; does nothing the second time."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _write_rest(self, data: bytes, start: int) -> None:
        with memoryview(data) as view:
            while start < len(data):
                start += os.write(self.fd, view[start:])

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self.fd, self.size)
        except OSError:
            self.usable = False


@dataclass(frozen=True, slots=True)
class Torn:
    """What was cut from a segment whose writer died in the middle of a record."""

    position: Position
    """Where whole records end."""
    bytes: int
    """How many were cut; they lie beside the segment, in a file named `.torn`."""


def cut_torn_tail(segment: Segment) -> Torn | None:
    """Cut a segment after its last whole record and keep the cut bytes aside; None: it was whole.

    Damage before the last whole record stays where it is, for the reader to report.
    Raises OSError.
    """
    fd = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        last = deque(read(fd, 0, size, segment.seed), maxlen=1)
        if not last or not isinstance(last[0], Gap):
            return None
        at = last[0].start
        _keep_aside(segment.path.with_suffix(".torn"), os.pread(fd, size - at, at))
        os.ftruncate(fd, at)
        os.fsync(fd)
    finally:
        os.close(fd)
    return Torn(Position(segment.number, at), size - at)


def _keep_aside(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable. Raises OSError."""
    fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
