"""A cycle's dataset on disk: what mlx-lm reads, and the manifest it can be made again from.

    dataset/
      train.jsonl     rows in the order they are trained
      valid.jsonl     held-out rows whose loss is reported, never trained
      manifest.json   every row's id, conversation, kind and SHA-256; written last

Rows are the store's, redacted, and the golden set's; the manifest only names them, and the level
they were redacted on, and the soul they were given. `rebuild` makes the files again from both, byte
for byte, or says which row is gone or changed: with another soul every row has, and with another
level or salt one that had a secret. A row whose exchange is forgotten leaves the files
(`capture.datasets`), and stays named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from capture.redact import Level
from capture.soul import SoulMark
from trainer.curate import Kind, Past, Side
from trainer.files import make_private, replace
from trainer.rows import Row

MANIFEST, TRAIN, VALID = "manifest.json", "train.jsonl", "valid.jsonl"


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class RowName(_Stored):
    """One row, named."""

    id: str
    """An exchange's id, or a golden row's."""
    conversation: str
    kind: Kind | Literal["held_out"]
    """`held_out` in `valid`, `held_out` and `tested` alone."""
    sha256: str
    """Of the row's line."""
    cloud: bool = False
    """A cloud model wrote what is trained; a manifest from before that was noted says nothing."""


class DatasetManifest(_Stored):
    """All of a dataset by name."""

    seed: int
    """Of the order and of the golden rows."""
    train: tuple[RowName, ...]
    """In the order of train.jsonl."""
    valid: tuple[RowName, ...]
    """In the order of valid.jsonl."""
    held_out: tuple[RowName, ...]
    """Captured rows held out so far, whether or not they are in valid.jsonl."""
    tested: tuple[RowName, ...] | None = None
    """Golden rows that the candidate is judged by; None in a manifest from before they were named:
    all of the golden set's tests."""
    redact: Level = "off"
    """What was taken out of captured rows; a manifest from before that was done says nothing."""
    soul: SoulMark | None = None
    """What stands in the system prompt of every row; None for nothing."""
    waiting: int = 0
    """Turns worth training on that waited for a person's word, and are not in here."""
    train_sha256: str
    """Of train.jsonl."""
    valid_sha256: str

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Ids of the exchanges that are trained here for the first time, sorted."""
        return tuple(sorted(row.id for row in self.train if row.kind == "fresh"))


class Gone(Exception):
    """A dataset cannot be made again: a row is no longer there, or no longer the same."""


def write(
    directory: Path,
    train: Sequence[tuple[Kind, Row]],
    valid: Sequence[Row],
    held_out: Sequence[Row],
    tested: Sequence[Row],
    seed: int,
    redact: Level,
    soul: SoulMark | None = None,
    waiting: int = 0,
) -> DatasetManifest:
    """Write the three files; the manifest last, so that a dataset with one is whole."""
    make_private(directory)
    trained, checked = _lines(row for _, row in train), _lines(valid)
    manifest = DatasetManifest(
        seed=seed,
        train=tuple(_name(row, kind) for kind, row in train),
        valid=tuple(_name(row, "held_out") for row in valid),
        held_out=tuple(_name(row, "held_out") for row in held_out),
        tested=tuple(_name(row, "held_out") for row in tested),
        redact=redact,
        soul=soul,
        waiting=waiting,
        train_sha256=hashlib.sha256(trained).hexdigest(),
        valid_sha256=hashlib.sha256(checked).hexdigest(),
    )
    replace(directory / TRAIN, trained)
    if valid:  # mlx-lm takes a file without rows for a broken one
        replace(directory / VALID, checked)
    replace(directory / MANIFEST, manifest.model_dump_json(indent=1).encode() + b"\n")
    return manifest


def read_manifest(directory: Path) -> DatasetManifest | None:
    """A whole dataset's manifest; None when there is none."""
    try:
        return DatasetManifest.model_validate_json((directory / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def rebuild(
    directory: Path, manifest: DatasetManifest, row_by_id: Callable[[str], Row | None]
) -> None:
    """Make train.jsonl and valid.jsonl again. Raises Gone, and then writes nothing."""
    trained = _lines(_found(name, row_by_id) for name in manifest.train)
    checked = _lines(_found(name, row_by_id) for name in manifest.valid)
    make_private(directory)
    replace(directory / TRAIN, trained)
    if checked:
        replace(directory / VALID, checked)


def past_of(manifests: Iterable[DatasetManifest]) -> Past:
    """What earlier datasets settle: who was trained, and on which side each conversation is."""
    trained: set[str] = set()
    sides: dict[str, Side] = {}
    for manifest in manifests:
        for name in manifest.train:
            if name.kind != "golden":
                trained.add(name.id)
                sides.setdefault(name.conversation, "train")
        for name in manifest.held_out:
            sides.setdefault(name.conversation, "held_out")
    return Past(trained, sides)


def _found(name: RowName, row_by_id: Callable[[str], Row | None]) -> Row:
    row = row_by_id(name.id)
    if row is None:
        raise Gone(f"row {name.id} is gone")
    if row.sha256 != name.sha256:
        raise Gone(f"row {name.id} has changed")
    return row


def _name(row: Row, kind: Kind | Literal["held_out"]) -> RowName:
    return RowName(
        id=row.id,
        conversation=row.conversation,
        kind=kind,
        sha256=row.sha256,
        cloud=row.cloud,
    )


def _lines(rows: Iterable[Row]) -> bytes:
    return b"".join(row.line + b"\n" for row in rows)
