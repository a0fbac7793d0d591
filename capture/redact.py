"""Secrets and personal data taken out of text and JSON, before it trains or is shown. Pure.

What is found becomes `[redacted:KIND:xxxxxxxx]`. The x are a keyed hash of it (BLAKE2b): a secret
reads the same wherever it stands, so that a conversation stays coherent, and nobody without the
household's salt can try which secret it was. Redacting what is redacted changes nothing.

Text is looked at whole: assembled from its stream, with the parts of one message joined,
with JSON inside it decoded, and with base64 decoded once. Keys of JSON objects stay as they are.
What the rules are is `capture.redact_rules`.
"""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple, cast

from capture import redact_checks
from capture.linear import Pattern
from capture.narrowing import Json, Malformed, loads
from capture.redact_rules import (
    DIGITS_ONLY,
    ENCODED,
    EVERYTHING,
    NAMES,
    SECRETS,
    TELLING,
    Table,
)
from capture.said import json_text

Level = Literal["off", "secrets", "all"]
"""`off`: nothing; `secrets`: what opens something; `all`: personal data too."""

SALT_BYTES = 32
SHORTEST = 6
"""Characters of the shortest text in which anything is found: `a@b.io`."""
PASSES = 8
"""Looks at one text at most: what is taken out may uncover what it stood right beside."""
LONG = 4096
"""Base64 of this many characters is a file's, and begins where it seems to begin."""
DEEPEST = 100
"""Levels of JSON looked into; what lies deeper is taken out whole."""

_MARK = Pattern(r"\[redacted:[a-z0-9-]+:[0-9a-f]{8}\]")
_ENCODED = Pattern(
    r"(?:[A-Za-z0-9+/_-]{60,}(?:\r?\n|\\n|\\r\\n))+[A-Za-z0-9+/_-]{2,}={0,2}"
    r"|[A-Za-z0-9+/_-]{24,}={0,2}"
)
"""What may be base64, of either alphabet, on one line or wrapped."""
_LINE_ENDS = (b"\r", b"\n", b"\\r", b"\\n")
_TEXT_PARTS = frozenset(("text", "input_text", "output_text"))


class Found(NamedTuple):
    """One stretch to take out, in bytes."""

    start: int
    end: int
    rank: int
    """Place of its rule in the table; where stretches overlap the lowest names the whole."""
    kind: str
    secret: bytes
    """What its rule found: the whole stretch, or the part that tells."""


@dataclass(frozen=True, slots=True)
class Redactor:
    """Redacts on one level with one household's salt."""

    level: Level
    salt: bytes = field(repr=False)
    """Up to 64 bytes, kept in the household and never shown."""

    def text(self, text: str) -> str:
        """One text; the same object when there is nothing to take out."""
        return self.texts((text,))[0]

    def texts(self, parts: Sequence[str]) -> Sequence[str]:
        """The parts of one text: what begins in one part and ends in a later one is found, and its
        placeholder stands where it began. The same object when there is nothing to take out."""
        if self.level == "off" or sum(map(len, parts)) < SHORTEST:
            return parts
        table = EVERYTHING if self.level == "all" else SECRETS
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        changed = False
        for _ in range(PASSES):
            found = _found(b"".join(encoded), table)
            if not found:
                break
            encoded = _replaced(encoded, found, self._mark)
            changed = True
        return [part.decode("utf-8", "surrogatepass") for part in encoded] if changed else parts

    def said(self, text: str) -> str:
        """A text that may be JSON, as tool calls and their results are: what stands in it is read
        as JSON says it, and it is written anew only when something is taken out."""
        if self.level == "off":
            return text
        return self._said(text, 0)

    def json(self, value: Any) -> Any:
        """A JSON value with its strings redacted at any depth; equal when nothing is taken out."""
        return value if self.level == "off" else self._value(value, 0)

    def finds(self, value: object) -> bool:
        """Whether there is anything to take out of a JSON value."""
        return self.json(value) != value

    def _mark(self, found: Found) -> bytes:
        digest = blake2b(found.secret, digest_size=4, key=self.salt).hexdigest()
        return f"[redacted:{found.kind}:{digest}]".encode()

    def _said(self, text: str, depth: int) -> str:
        if text.lstrip()[:1] in ("{", "["):
            try:
                value = loads(text.encode("utf-8", "surrogatepass"))
            except Malformed:
                pass
            else:
                cleaned = self._value(value, depth + 1)
                text = text if cleaned == value else json_text(cleaned)
        return self.text(text)

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._said(value, depth)
        if depth > DEEPEST and isinstance(value, dict | list):
            return self._mark(Found(0, 0, 0, "too-deep", b"")).decode()
        if isinstance(value, dict):
            entries = cast("dict[str, Any]", value)
            return {name: self._field(name, each, depth + 1) for name, each in entries.items()}
        if isinstance(value, list):
            return self._entries(cast("list[Any]", value), depth + 1)
        if self.level == "all" and isinstance(value, int) and abs(value) >= 10**12:
            digits = str(value)
            return value if self.text(digits) == digits else self.text(digits)
        return value

    def _field(self, name: str, value: Any, depth: int) -> Any:
        """One field's value; one that its name alone makes a secret too."""
        cleaned = self._value(value, depth)
        if not isinstance(value, str) or cleaned != value:
            return cleaned
        if redact_checks.credential(value) and NAMES.fits(name.encode("utf-8", "surrogatepass")):
            secret = value.encode("utf-8", "surrogatepass")
            if next(_MARK.spans(secret), None) is None:
                return self._mark(Found(0, len(secret), 0, "credential", secret)).decode()
        return value

    def _entries(self, values: list[Any], depth: int) -> list[Any]:
        """A list; texts that follow one another in a message are looked at as one."""
        made = list(values)
        for start, end in _runs(values):
            cleaned = self.texts([part["text"] for part in values[start:end]])
            for at, text in zip(range(start, end), cleaned, strict=True):
                made[at] = {**values[at], "text": text}
        return [self._value(value, depth) for value in made]


def _runs(values: list[Any]) -> Iterator[tuple[int, int]]:
    """Where two or more text parts stand side by side."""
    start = 0
    for at, value in enumerate([*values, None]):
        if not _is_text_part(value):
            if at - start > 1:
                yield start, at
            start = at + 1


def _is_text_part(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    part = cast("Json", value)
    return part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str)


def _found(data: bytes, table: Table) -> list[Found]:
    """What is to be taken out, in order, no two overlapping, and never of a placeholder."""
    marks = list(_MARK.spans(data)) if b"[redacted:" in data else []
    hits = [hit for hit in _hits(data, table) if not _overlaps(marks, hit)]
    hits += (hit for hit in _encoded_hits(data) if not _overlaps(marks, hit))
    return list(_merged(hits)) if hits else []


def _hits(data: bytes, table: Table) -> Iterator[Found]:
    lowered = data.lower().decode("latin-1")  # a search in short bytes takes twenty times as long
    ranks = {rank for hint in table.hints if hint in lowered for rank in table.hints[hint]}
    for rank in sorted(ranks):
        rule = table.rules[rank]
        for start, end in rule.pattern.spans(data):
            secret = data[start:end]
            if rule.check is None or rule.check(secret.decode("utf-8", "replace")):
                yield Found(start, end, rank, rule.kind, secret)


def _encoded_hits(data: bytes) -> Iterator[Found]:
    """Base64 with a secret in it, each taken out whole. It may begin after other characters of
    its alphabet, as in a path, so all four ways to cut it are decoded."""
    pieces: list[bytes] = []
    spans: list[tuple[int, int]] = []
    for start, end in _ENCODED.spans(data):
        text = data[start:end].rstrip(b"=")
        if text.islower() or text.isupper():
            continue  # names, paths and hex: base64 of any writing has both
        for line_end in _LINE_ENDS:
            text = text.replace(line_end, b"") if line_end in text else text
        text = text.translate(_STANDARD)
        for skipped in range(4 if len(text) < LONG else 1):
            end_of_whole = len(text) - (len(text) - skipped) % 4
            pieces.append(base64.b64decode(text[skipped:end_of_whole]))
            spans.append((start, end))
    edges = [0, *accumulate(len(piece) + 1 for piece in pieces)]
    if not pieces:
        return
    whole = b"\n".join(pieces)
    table = ENCODED if TELLING.is_in(whole.lower()) else DIGITS_ONLY
    for hit in _hits(whole, table):
        start, end = spans[bisect_right(edges, hit.start) - 1]
        yield Found(start, end, len(EVERYTHING.rules) + hit.rank, hit.kind, data[start:end])


_STANDARD = bytes.maketrans(b"-_", b"+/")


def _merged(hits: list[Found]) -> Iterator[Found]:
    hits.sort()
    whole = hits[0]
    for hit in hits[1:]:
        if hit.start >= whole.end:
            yield whole
            whole = hit
        else:
            told = min(whole, hit, key=lambda each: each.rank)
            whole = told._replace(start=whole.start, end=max(whole.end, hit.end))
    yield whole


def _overlaps(marks: list[tuple[int, int]], found: Found) -> bool:
    """Whether it touches one of the placeholders, which are in order."""
    at = bisect_right(marks, (found.start, 0))
    near = marks[max(0, at - 1) : at + 1]
    return any(start < found.end and found.start < end for start, end in near)


def _replaced(
    parts: Sequence[bytes], found: Sequence[Found], mark: Callable[[Found], bytes]
) -> list[bytes]:
    """The parts without what was found in them joined."""
    data, made, number = b"".join(parts), list[bytes](), 0
    for start, end in pairwise([0, *accumulate(map(len, parts))]):
        pieces: list[bytes] = []
        at = start
        while number < len(found) and found[number].start < end:
            each = found[number]
            if each.start >= start:
                pieces += (data[at : each.start], mark(each))
            at = min(each.end, end)
            if each.end > end:
                break
            number += 1
        made.append(b"".join([*pieces, data[at:end]]))
    return made
