"""Taking what some exchanges said out of the journal, where it stands.

A record is overwritten by one of the same length that says nothing (`Kind.FORGOTTEN`): whatever
comes after it stays where it is, no position moves, and no checksum breaks. Safe beside the writer,
which only appends. Only what is in the store already may be blanked: the reader is past it.
"""

from __future__ import annotations

import os
from collections.abc import Set as AbstractSet
from pathlib import Path

from capture.framing import HEAD_BYTES, Gap, Kind, Record, Segment, encode, read, segments

TORN = "*.torn"
"""Files of bytes cut from a segment whose writer was killed."""


def blank(journal: Path, ids: AbstractSet[str]) -> int:
    """Overwrite every record of these exchanges in the journal's files. Returns how many there
    were. Raises OSError."""
    count = sum(_blank_segment(segment, ids) for segment in segments(journal))
    for torn in journal.glob(TORN):
        if _names(torn.read_bytes(), ids):
            torn.unlink()
    return count


def _blank_segment(segment: Segment, ids: AbstractSet[str]) -> int:
    try:
        fd = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0  # its time had come
    count = 0
    try:
        for found in read(fd, 0, os.fstat(fd).st_size, segment.seed):
            if isinstance(found, Gap):
                count += _blank_gap(fd, found, ids)
            elif found.id in ids:
                _blank_record(fd, found, segment.seed)
                count += 1
        if count:
            os.fsync(fd)
    finally:
        os.close(fd)
    return count


def _blank_record(fd: int, record: Record, seed: int) -> None:
    size = len(record.id) + len(record.meta) + len(record.body)
    pieces, whole = encode(Kind.FORGOTTEN, "", b"", (bytes(size),), seed)
    _write(fd, b"".join(pieces), record.end - whole)
    assert whole == HEAD_BYTES + size


def _blank_gap(fd: int, gap: Gap, ids: AbstractSet[str]) -> int:
    """What is damaged cannot be told apart: all of it goes if it names one of them."""
    size = gap.end - gap.start
    if not _names(os.pread(fd, size, gap.start), ids):
        return 0
    _write(fd, bytes(size), gap.start)
    return 1


def _names(data: bytes, ids: AbstractSet[str]) -> bool:
    return any(id_.encode() in data for id_ in ids)


def _write(fd: int, data: bytes, offset: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], offset + done)
