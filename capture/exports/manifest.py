"""An export on disk: a data file, mostly of JSON lines, then the manifest that says what is in it.

    DIR/
      train.jsonl      the rows (`trajectories.jsonl` for sharegpt)
      manifest.json    how they were chosen, how many, the file's SHA-256, each row's exchanges
      compression.jsonl  where rows were to fit a budget: what that did to each, a line per row

The manifest is written last, and an older one is taken away first: one that is there tells the
truth about the file beside it. There is no time in it, so the same store gives the same bytes.
Files are their owner's alone.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import orjson

from capture.compression import Metrics
from capture.exports.compressing import Compressor, Totals
from capture.private import make_private_directory
from capture.redact import Level
from capture.soul import SoulMark

TrustLevel = Literal["any", "trusted", "approved"]
"""`trusted`: what nothing holds (`capture.vetting`); `approved`: of that, what a person approved or
praised; `any`: all but what a person refused."""

MANIFEST = "manifest.json"
COMPRESSION = "compression.jsonl"
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
    trust: TrustLevel = "trusted"


@dataclass(frozen=True, slots=True)
class Made:
    """One row."""

    exchanges: tuple[str, ...]
    """Ids of the exchanges whose replies it holds for training, in order."""
    line: bytes
    """JSON, without a line's end."""
    why: str | None = None
    """A word for what makes it one, where a format's rows come about in several ways."""
    compressed: Metrics | None = None
    """What making it fit a budget did to it; None where there is no budget."""


@dataclass(frozen=True, slots=True)
class Left:
    """A turn that makes no row."""

    exchange: str
    why: str
    """A word for machines: `private` (it stays home), `review` (of a conversation, by its agent),
    `secret` (its row still held something that is redacted), `damaged` (a body of it cannot be read
    any more); `messages`, `tools`, `content`,
    `arguments`, `results`, `template` name what no row can hold; `over_budget` is too long; `same`,
    `even` and `unknown` say that there is nothing to learn from it; the codes of `capture.holds`
    say why it is held."""


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
    soul: SoulMark | None
    """What stands in the system prompt of the rows; None where nothing does."""
    compression: dict[str, Any] | None
    """The budget that rows were to fit into, and what that did to them all; None for no budget."""
    left_out: dict[str, int]
    """Turns that make no row, by why."""
    made_of: dict[str, int]
    """Rows by what makes them one; empty for formats whose rows all come about in one way."""


class Written(Protocol):
    """Where a data file's bytes go, first to last."""

    def write(self, data: bytes, /) -> int: ...


class Encoder(Protocol):
    """Makes a data file of rows."""

    def add(self, line: bytes) -> None:
        """Take one row, as JSON."""
        ...

    def finish(self) -> None:
        """Write what is still to be written."""
        ...


class Lines:
    """JSON lines: a row is written as it comes."""

    def __init__(self, file: Written) -> None:
        self._file = file

    def add(self, line: bytes) -> None:
        self._file.write(line + b"\n")

    def finish(self) -> None:
        pass


def write(
    rows: Iterable[Made | Left],
    *,
    directory: Path,
    format: str,
    file: str,
    filters: Filters,
    redact: Level,
    version: str,
    encode: Callable[[Written], Encoder] = Lines,
    soul: SoulMark | None = None,
    compressor: Compressor | None = None,
) -> Export:
    """Write rows and manifest; both are whole or not there. Raises OSError."""
    if not directory.is_dir():  # one that is there is somebody's, with a mode of their choice
        make_private_directory(directory)
    manifest, beside = directory / MANIFEST, directory / COMPRESSION
    with (
        tempfile.TemporaryFile(dir=directory) as named,
        _draft(directory / file) as data,
        _draft(beside) as compressions,
    ):
        written = _Counted(data)
        taken = _Taken(encode(written), named, compressions)
        for row in rows:
            taken.add(row)
        taken.encoder.finish()
        export = Export(
            majordomo=version,
            format=format,
            file=file,
            sha256=written.digest.hexdigest(),
            bytes=written.size,
            rows=taken.count,
            filters=filters,
            redact=redact,
            soul=soul,
            compression=None if compressor is None else taken.totals.plain(compressor),
            left_out=dict(sorted(taken.left.items())),
            made_of=dict(sorted(taken.why.items())),
        )
        manifest.unlink(missing_ok=True)  # it speaks of the files that go now
        beside.unlink(missing_ok=True)
        _finish(data, directory / file)
        if compressor is not None:
            _finish(compressions, beside)
        _write_manifest(manifest, export, named)
    return export


def plain_export(export: Export) -> dict[str, Any]:
    """What was written, as JSON says it."""
    return asdict(export)


class _Taken:
    """Rows on their way to where they are written, and what became of them all."""

    def __init__(self, encoder: Encoder, named: IO[bytes], compressions: IO[bytes]) -> None:
        self.encoder = encoder
        self.count = 0
        self.left, self.why = Counter[str](), Counter[str]()
        self.totals = Totals()
        self._named = named
        self._compressions = compressions

    def add(self, row: Made | Left) -> None:
        """Write a row, or count what is none."""
        if isinstance(row, Left):
            self.left[row.why] += 1
            return
        self.encoder.add(row.line)
        self._named.write((b"," if self.count else b"") + b"\n  " + orjson.dumps(row.exchanges))
        self.count += 1
        if row.why is not None:
            self.why[row.why] += 1
        if row.compressed is not None:
            self.totals.add(row.compressed)
            self._compressions.write(orjson.dumps(row.compressed) + b"\n")


class _Counted:
    """A file's bytes, counted and hashed on their way."""

    closed = False
    """As files have it: pyarrow asks."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self.digest.update(data)
        number = self._file.write(data)
        self.size += number
        return number

    def flush(self) -> None:
        pass


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
