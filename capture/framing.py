"""The journal's bytes: what one record looks like and how records are read back.

    segment file   NUMBER-EPOCH.seg, nothing but records one after the other
    record         head (28 bytes) | id | meta (JSON) | body (raw bytes)
    head           magic, kind, id length, meta length, body length, checksum of the rest of the
                   record, checksum of the head itself; little-endian

Both checksums are CRC-32 started from a seed drawn from the segment's name. The head has its own,
so a length is never believed unless it was written; and as the seed holds the process's random
epoch, bytes inside somebody's request cannot pass for a record. Damage is therefore always told
apart from data: what does not verify is given back as a `Gap`, never skipped unseen.

Pure but for `read`, which reads from a file descriptor in bounded pieces.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

_MAGIC = b"\xf5MJ1"
_HEAD = struct.Struct("<4sBBHIQI")
_CHECK = struct.Struct("<I")
_WHOLE_HEAD = struct.Struct("<4sBBHIQII")
HEAD_BYTES = _WHOLE_HEAD.size
READ_BYTES = 1 << 20
"""How much `read` takes from the file at once; a larger record is read in one piece."""

_JOINED_BYTES = 16 * 1024

_NAME = re.compile(r"(\d{10})-([0-9A-Za-z]{1,32})\.seg")


class Kind(IntEnum):
    """What a record says."""

    SEGMENT = 1
    """First in each segment: who writes it, since when."""
    BEGIN = 2
    """An exchange was decided and is about to go upstream."""
    PART = 3
    """Some of an upstream's bytes, while the exchange goes on."""
    END = 4
    """All that is known at an exchange's last byte."""
    FEEDBACK = 5
    """Somebody said something of an exchange or a conversation."""
    FORGOTTEN = 6
    """Stands where a record stood that was to be forgotten (`capture.blanking`): says nothing."""
    IMPORTED = 7
    """A whole exchange that somebody else served (`capture.imported`)."""


class Position(NamedTuple):
    """A place in the journal, just past a record. Compares in the order of writing."""

    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One journal file."""

    number: int
    epoch: str
    """Of the process that wrote it."""
    path: Path

    @property
    def seed(self) -> int:
        """What this segment's checksums start from."""
        return zlib.crc32(f"{self.number}-{self.epoch}".encode())


class Record(NamedTuple):
    """One verified record."""

    kind: int
    """A `Kind`, or a number that a newer version wrote."""
    id: str
    """The exchange's, or the feedback's own; empty for SEGMENT and FORGOTTEN."""
    meta: bytes
    body: bytes
    end: int
    """Offset just past it."""


class Gap(NamedTuple):
    """Bytes that verify as no record: damage, or a write that was cut off."""

    start: int
    end: int


def segment_name(number: int, epoch: str) -> str:
    """The file name of a segment. Raises ValueError for an epoch that cannot be part of one."""
    name = f"{number:010d}-{epoch}.seg"
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"an epoch is 1 to 32 letters and digits, not {epoch!r}")
    return name


def segments(directory: Path) -> list[Segment]:
    """All segments in a journal directory, oldest first; none when it does not exist."""
    if not directory.is_dir():
        return []
    found = ((_NAME.fullmatch(entry.name), entry) for entry in directory.iterdir())
    return sorted(
        (Segment(int(match[1]), match[2], path) for match, path in found if match is not None),
        key=lambda segment: segment.number,
    )


def encode(
    kind: Kind, exchange_id: str, meta: bytes, body: Sequence[bytes], seed: int
) -> tuple[list[bytes], int]:
    """One record as pieces to write in order, and their total length in bytes."""
    name = exchange_id.encode("ascii")
    pieces = [name, meta, *body]
    total = sum(map(len, pieces))
    if total < _JOINED_BYTES:  # copying so little costs less than a call for each piece
        pieces = [b"".join(pieces)]
    check = seed
    for piece in pieces:
        check = zlib.crc32(piece, check)
    size = total - len(name) - len(meta)
    head = _HEAD.pack(_MAGIC, kind, len(name), 0, len(meta), size, check)
    pieces[0] = b"%b%b%b" % (head, _CHECK.pack(zlib.crc32(head, seed)), pieces[0])
    return pieces, HEAD_BYTES + total


def read(fd: int, start: int, limit: int, seed: int) -> Iterator[Record | Gap]:
    """Every record between two offsets of a segment, and a Gap for every stretch that is none.

    `limit` is where writing is known to have ended: a record that would reach past it was cut off.
    Memory stays at READ_BYTES or one record, whichever is more. Raises OSError when the file cannot
    be read.
    """
    window = _Window(fd, seed)
    offset = start
    while offset < limit:
        found = window.record(offset, limit)
        if found is None:
            found = Gap(offset, _resync(window, offset + 1, limit))
        yield found
        offset = found.end


class _Window:
    """A stretch of the file in memory, moved forward as it is read."""

    def __init__(self, fd: int, seed: int) -> None:
        self._fd = fd
        self._seed = seed
        self._base = 0
        self.data = b""
        self._view = memoryview(self.data)

    def at(self, offset: int, size: int) -> int:
        """Index into `data` of a file offset, once `size` bytes from there are in memory, or as
        many as the file has."""
        index = offset - self._base
        if index < 0 or index + size > len(self.data):
            self.data = _fetch(self._fd, offset, max(READ_BYTES, size))
            self._view = memoryview(self.data)
            self._base, index = offset, 0
        return index

    def record(self, offset: int, limit: int) -> Record | Gap | None:
        """The record at `offset`; a Gap as long as it where only its head verifies; None where no
        head does, or where it would reach past `limit`."""
        at = self.at(offset, HEAD_BYTES)
        if len(self.data) - at < HEAD_BYTES or not self.data.startswith(_MAGIC, at):
            return None
        head = _WHOLE_HEAD.unpack_from(self.data, at)
        _, kind, name_bytes, _, meta_bytes, body_bytes, check, head_check = head
        if zlib.crc32(self._view[at : at + _HEAD.size], self._seed) != head_check:
            return None
        size = HEAD_BYTES + name_bytes + meta_bytes + body_bytes
        if offset + size > limit:
            return None
        at = self.at(offset, size)
        data, end = self.data, at + size
        name = at + HEAD_BYTES
        if end > len(data) or zlib.crc32(self._view[name:end], self._seed) != check:
            return Gap(offset, offset + size)
        meta = name + name_bytes
        body = meta + meta_bytes
        name_text = data[name:meta].decode("ascii", "replace")
        return Record(kind, name_text, data[meta:body], data[body:end], offset + size)


def _resync(window: _Window, start: int, limit: int) -> int:
    """Offset of the next verified head at or after `start`, or `limit` when there is none."""
    offset = start
    while limit - offset >= HEAD_BYTES:
        at = window.at(offset, HEAD_BYTES)
        base = offset - at
        found = window.data.find(_MAGIC, at)
        if found < 0:
            if base + len(window.data) >= limit or len(window.data) - at < HEAD_BYTES:
                break
            offset = base + len(window.data) - len(_MAGIC) + 1
            continue
        offset = base + found
        if window.record(offset, limit) is not None:
            return offset
        offset += 1
    return limit


def _fetch(fd: int, start: int, size: int) -> bytes:
    """That many bytes of the file, fewer where it ends."""
    data = os.pread(fd, size, start)
    if len(data) == size or not data:
        return data
    pieces, got = [data], len(data)
    while got < size and (data := os.pread(fd, size - got, start + got)):
        pieces.append(data)
        got += len(data)
    return b"".join(pieces)
