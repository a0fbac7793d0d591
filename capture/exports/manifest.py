"""An export on disk: a data file of JSON lines, then the manifest that says what is in it.

    DIR/
      train.jsonl      the rows (`trajectories.jsonl` for sharegpt)
      manifest.json    how they were chosen, how many, the file's SHA-256, each row's exchanges

The manifest is written last, and an older one is taken away first: one that is there tells the
truth about the file beside it. There is no time in it, so the same store gives the same bytes.
Files are their owner's alone.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from capture.private import make_private_directory
from capture.redact import Level

MANIFEST = "manifest.json"
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Filters:
    """Which turns were asked for; None is no filter."""

    outcome: str | None = None
    mode: str | None = None
    skill: str | None = None
    since: float | None = None
    """Unix seconds, included."""
    until: float | None = None
    """Unix seconds, excluded."""
    private: bool = False
    """Also what never leaves home."""


@dataclass(frozen=True, slots=True)
class Made:
    """One row."""

    exchanges: tuple[str, ...]
    """Ids of the exchanges whose replies it holds for training, in order."""
    line: bytes
    """JSON, without a line's end."""


@dataclass(frozen=True, slots=True)
class Left:
    """A turn that makes no row."""

    exchange: str
    why: str
    """A word for machines: `private` (it stays home), `review` (of a conversation, by its agent),
    `secret` (its row still held something that is redacted);
    `messages`, `tools`, `content`, `arguments` name what no row can hold."""


@dataclass(frozen=True, slots=True)
class Export:
    """What was written."""

    majordomo: str
    """Version that wrote it."""
    format: str
    file: str
    """Name of the data file."""
    sha256: str
    """Of the data file."""
    bytes: int
    rows: int
    filters: Filters
    redact: Level
    """What was taken out of the rows."""
    left_out: dict[str, int]
    """Turns that make no row, by why."""


def write(
    rows: Iterable[Made | Left],
    *,
    directory: Path,
    format: str,
    file: str,
    filters: Filters,
    redact: Level,
    version: str,
) -> Export:
    """Write rows and manifest; both are whole or not there. Raises OSError."""
    if not directory.is_dir():  # one that is there is somebody's, with a mode of their choice
        make_private_directory(directory)
    manifest = directory / MANIFEST
    with tempfile.TemporaryFile(dir=directory) as named, _draft(directory / file) as data:
        digest, left = hashlib.sha256(), Counter[str]()
        size = count = 0
        for row in rows:
            if isinstance(row, Left):
                left[row.why] += 1
                continue
            line = row.line + b"\n"
            data.write(line)
            digest.update(line)
            named.write((b"," if count else b"") + b"\n  " + orjson.dumps(row.exchanges))
            size, count = size + len(line), count + 1
        export = Export(
            majordomo=version,
            format=format,
            file=file,
            sha256=digest.hexdigest(),
            bytes=size,
            rows=count,
            filters=filters,
            redact=redact,
            left_out=dict(sorted(left.items())),
        )
        manifest.unlink(missing_ok=True)  # it speaks of the file that goes now
        _finish(data, directory / file)
        _write_manifest(manifest, export, named)
    return export


def plain_export(export: Export) -> dict[str, Any]:
    """What was written, as JSON says it."""
    return asdict(export)


def _write_manifest(path: Path, export: Export, named: IO[bytes]) -> None:
    """One line per fact and per row; rows are copied, never held."""
    facts = [
        b'  "%s": %s,\n' % (name.encode(), orjson.dumps(value))
        for name, value in plain_export(export).items()
    ]
    named.seek(0)
    with _draft(path) as file:
        file.write(b"{\n" + b"".join(facts) + b'  "exchanges": [')
        while piece := named.read(_COPY_BYTES):
            file.write(piece)
        file.write(b"\n  ]\n}\n" if export.rows else b"]\n}\n")
        _finish(file, path)


@contextmanager
def _draft(path: Path) -> Generator[IO[bytes]]:
    """A file beside `path`, gone when nobody has finished it."""
    with tempfile.NamedTemporaryFile(
        prefix=f".{path.name}.", dir=path.parent, delete=False
    ) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


def _finish(draft: IO[bytes], path: Path) -> None:
    """Put a whole draft in its place."""
    draft.flush()
    os.fsync(draft.fileno())
    Path(draft.name).replace(path)
