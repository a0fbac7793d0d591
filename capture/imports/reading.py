"""Reading JSON out of files of any size: a value at a time, each with the line it begins on.

    JSON lines      a value per line; one that is too long, or is none, is told as such
    a JSON array    its elements, found by their brackets, so that a bad one spoils no other
    one object      a file with a single value, written over many lines

Memory stays at one value. What is nested too deeply or too long is a fault of that value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple, cast

from capture.narrowing import Malformed, loads

LINE_BYTES = 64 << 20
"""Longest value."""
DEPTH = 100
"""Deepest nesting."""
_PIECE = 1 << 20
_BLANKS = b" \t\r\n\xef\xbb\xbf"
_OUTSIDE = re.compile(rb'["\[\]{},]')
_INSIDE = re.compile(rb'["\\]')


class Read(NamedTuple):
    """One value of a file."""

    line: int
    """Where it begins, counted from 1."""
    value: object
    """As JSON has it; None where there is a fault."""
    fault: str | None = None
    """Why it cannot be read; None when it can."""
    within: str = ""
    """Which of several things on this line it is, for people."""


def values(file: IO[bytes], line_bytes: int = LINE_BYTES, piece: int = _PIECE) -> Iterator[Read]:
    """Every value of a file that is read from its beginning, `piece` bytes at a time. Raises
    OSError."""
    head = file.read(piece)
    begins = head.lstrip(_BLANKS)
    skipped = len(head) - len(begins)
    line = head.count(b"\n", 0, skipped) + 1
    if begins.startswith(b"["):
        file.seek(skipped + 1)
        yield from _elements(file, line, line_bytes, piece)
    elif _spread(begins):
        file.seek(0)
        yield _read(line, file.read(line_bytes + 2), line_bytes)
    else:
        file.seek(0)
        yield from _lines(file, line_bytes)


def deeper(value: object, most: int = DEPTH) -> bool:
    """Whether a value is nested more than so many levels deep."""
    level = [value]
    for _ in range(most):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> list[Any]:
    if isinstance(value, dict):
        return [v for v in cast("dict[str, Any]", value).values() if isinstance(v, dict | list)]
    if isinstance(value, list):
        return [v for v in cast("list[Any]", value) if isinstance(v, dict | list)]
    return []


def _spread(begins: bytes) -> bool:
    """Whether a file's first value goes on past its first line, as one that was laid out does."""
    first, newline, rest = begins.partition(b"\n")
    if not newline or not first.startswith(b"{"):
        return False
    return first.strip() == b"{" or (first.rstrip()[-1:] in b"{[," and rest[:1] in b" \t")


def _lines(file: IO[bytes], line_bytes: int) -> Iterator[Read]:
    number = 0
    while line := file.readline(line_bytes + 1):
        number += 1
        if len(line) > line_bytes and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = file.readline(_PIECE)
            yield Read(number, None, f"longer than {line_bytes:,} bytes")
        elif line.strip(_BLANKS):
            yield _read(number, line, line_bytes)


def _read(line: int, data: bytes, most: int) -> Read:
    """One value's bytes, read."""
    if len(data) > most + 1:
        return Read(line, None, f"longer than {most:,} bytes")
    try:
        value = loads(data.strip(_BLANKS))
    except Malformed:
        return Read(line, None, "not JSON")
    if deeper(value):
        return Read(line, None, f"nested more than {DEPTH} levels deep")
    return Read(line, value)


def _elements(file: IO[bytes], line: int, most: int, piece: int) -> Iterator[Read]:
    """The elements of the array whose opening bracket was just read."""
    scan = _Scan(line, most)
    while chunk := file.read(piece):
        yield from scan.feed(chunk)
        if scan.over:
            return
    yield Read(scan.line, None, "the file ends in the middle of its array")


class _Scan:
    """Finds where the elements of an array end, in pieces of any size."""

    def __init__(self, line: int, most: int) -> None:
        self.over = False
        """The array has ended."""
        self.line = line
        """Where the element begins that is being read, blank lines before it included."""
        self._most = most
        self._depth = 1
        self._text = self._escaped = False
        self._held: list[bytes] = []
        self._size = 0
        self._newlines = 0

    def feed(self, data: bytes) -> Iterator[Read]:
        """Take the next bytes; gives the elements that end in them."""
        start = at = 0
        while at < len(data) and not self.over:
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            found = (_INSIDE if self._text else _OUTSIDE).search(data, at)
            if found is None:
                break
            at = found.end()
            if self._ends(found[0]):
                self._hold(data[start : at - 1])
                yield from self._element()
                start = at
        self._hold(data[start:])

    def _ends(self, token: bytes) -> bool:
        """Whether an element ends with this token."""
        if token == b"\\":
            self._escaped = True
        elif token == b'"':
            self._text = not self._text
        elif token in b"[{":
            self._depth += 1
        elif token in b"]}":
            self._depth -= 1
            self.over = self._depth == 0
            return self.over
        else:
            return self._depth == 1
        return False

    def _hold(self, data: bytes) -> None:
        self._size += len(data)
        self._newlines += data.count(b"\n")
        if self._size <= self._most:
            self._held.append(data)
        else:
            self._held.clear()

    def _element(self) -> Iterator[Read]:
        data = b"".join(self._held)
        blank = data[: len(data) - len(data.lstrip(_BLANKS))]
        line = self.line + blank.count(b"\n")
        if self._size > self._most:
            yield Read(line, None, f"longer than {self._most:,} bytes")
        elif data.strip(_BLANKS) or not self.over:
            yield _read(line, data, self._most)
        self.line += self._newlines
        self._held.clear()
        self._size = self._newlines = 0
