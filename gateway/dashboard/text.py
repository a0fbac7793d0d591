"""Untrusted text, made safe and honest to look at.

Everything a client, a model or a tool wrote passes through `visible` or `Shown` on its way to a
page. Markup is escaped; characters that are invisible, move the cursor or turn the reading
direction are shown as what they are; what is longer than a page should hold is cut, and says so.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass

from markupsafe import Markup, escape

_ODD = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, but for tab and line feed
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0"  # blanks that look like nothing
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, direction
    "\ud800-\udfff"  # half characters
    "\U000e0000-\U000e0fff"  # tags and variation selectors that can smuggle text
    "]"
    "|\r(?!\n)"
)
_TICKS = re.compile(r"`([^`<>]{1,200})`")
_CONTROLS = (
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR",
    "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC",
    "FS", "GS", "RS", "US",
)  # fmt: skip
"""ASCII's own names of its control characters, in order."""


def visible(text: str) -> Markup:
    """`text` as HTML: escaped, and with every odd character replaced by a labelled mark."""
    pieces: list[Markup] = []
    end = 0
    for match in _ODD.finditer(text):
        pieces += (escape(text[end : match.start()]), _mark(match[0]))
        end = match.end()
    pieces.append(escape(text[end:]))
    return Markup("").join(pieces)


def _mark(character: str) -> Markup:
    title = unicodedata.name(character, "control character")
    return Markup('<span class="odd" title="U+{:04X} {}">{}</span>').format(
        ord(character), title, _name(character)
    )


def _name(character: str) -> str:
    code = ord(character)
    return _CONTROLS[code] if code < len(_CONTROLS) else f"U+{code:04X}"


def plain(text: str) -> str:
    """The same as bare text, for titles, attributes and short fields; still to be escaped."""
    return _ODD.sub(lambda match: f"<{_name(match[0])}>", text)


def ticked(text: str) -> Markup:
    """A sentence of ours: visible, and what stands between backticks as code."""
    return Markup(_TICKS.sub(r"<code>\1</code>", str(visible(text))))  # noqa: S704  # escaped before


@dataclass(frozen=True, slots=True)
class Shown:
    """A piece of text as a page shows it."""

    html: Markup
    """Safe to put into a page as it is."""
    characters: int
    """Length of the whole text."""
    cut: int
    """Characters left out at its end; 0 when it is whole."""


def shown(text: str, limit: int) -> Shown:
    """The first `limit` characters of `text`."""
    return Shown(visible(text[:limit]), len(text), max(0, len(text) - limit))


_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def shown_json(text: str, limit: int) -> Shown:
    """JSON text laid out over lines where it is JSON and short enough, else as it is."""
    return shown(_laid_out(text) if len(text) <= limit else text, limit)


def _laid_out(text: str) -> str:
    """The same words in the same order, with new white space; `text` itself when not JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text  # a model may write anything; then it is shown exactly as written
    pieces: list[str] = []
    depth = 0
    words = _WORD.findall(text)
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in "}]":
            depth -= 1
            if pieces[-1] not in "{[":
                pieces.append("\n" + "  " * depth)
        pieces.append(": " if word == ":" else word)
        if word in "{[":
            depth += 1
        if word == "," or (word in "{[" and following not in ("}", "]")):
            pieces.append("\n" + "  " * depth)
    return "".join(pieces)


def one_line(text: str, limit: int = 120) -> str:
    """The beginning of a text on one line, for lists and titles."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}\u2026"
