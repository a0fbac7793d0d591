"""Server-sent events as bytes: where events end, which one is terminal, what one says.

Nothing here decodes an event it does not have to. Line ends may be LF, CRLF or CR (WHATWG HTML,
section 9.2); a server keeps to one kind, and that is what makes the boundary search cheap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

DONE = b"data: [DONE]\n\n"
"""OpenAI's terminal event."""

_BOUNDARIES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE = re.compile(rb"\r\n|\n|\r")
_DONE_LINE = re.compile(rb"(?:\A|(?<=[\r\n]))data:[ ]?\[DONE\][ \t]*(?=[\r\n])")


def end_of_events(buffer: bytes | bytearray, start: int = 0) -> int:
    """Index just past the last whole event in `buffer`; 0 when there is none.

    Only what comes from `start` on is searched: what a caller knows to hold no boundary.
    """
    return max(
        (at + len(mark) for mark in _BOUNDARIES if (at := buffer.rfind(mark, start)) >= 0),
        default=0,
    )


def find_done(events: bytes) -> int:
    """Index at which the terminal `data: [DONE]` event begins in whole `events`; -1 for none."""
    match = _DONE_LINE.search(events)
    return match.start() if match else -1


def payloads(events: bytes) -> Iterator[bytes]:
    """The data of each event that has any, in order; several data lines are joined by LF."""
    for event in _BOUNDARY.split(events):
        lines = [
            line[6:] if line.startswith(b"data: ") else line[5:]
            for line in _LINE.split(event)
            if line.startswith(b"data:")
        ]
        if lines:
            yield b"\n".join(lines)
