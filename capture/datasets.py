"""Datasets as they lie on disk, as far as forgetting goes: the trainer's, and exports.

    training/
      .lock             held while a cycle runs
      CYCLE/
        dataset/        `manifest.json` names every row's exchange; the rows are in `*.jsonl`
        forgotten.json  which of them have been forgotten since (`Forgotten`)
        result.json     which adapter came of it
      answers/          what models answered to rows that are held out
      judgements/       what judges said (`capture.judged`)

This is the seam between forgetting and `trainer.dataset`, which writes the rest. A row that is
forgotten leaves the files and is named in the cycle's `forgotten.json`: its manifest stays true to
what was trained, and the dataset cannot be made again. No later cycle can have the row: rows come
from the store. Exports are the user's: they are only named.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Generator, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from capture import judged
from capture.clock import now
from capture.narrowing import Json, list_of, object_of
from capture.segment_file import sync_directory

FORGOTTEN = "forgotten.json"
_PARTS = ("train", "valid", "held_out")


class Forgotten(BaseModel):
    """What has been forgotten of a dataset."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    at: float
    """When the latest was, Unix seconds."""
    exchanges: tuple[str, ...]
    """Ids, sorted."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """A dataset that held some of what was forgotten."""

    cycle: str
    exchanges: tuple[str, ...]
    """Ids of those that were in it, sorted."""
    trained: bool
    """Some of them were trained, not only held out to judge."""
    adapter: str | None
    """What was made of it, and may still know them; None when nothing was."""


class CycleRuns(Exception):
    """A cycle is training now."""


@contextmanager
def no_cycle(training: Path) -> Generator[None]:
    """Keep cycles from beginning. Raises CycleRuns while one runs."""
    if not training.is_dir():
        yield
        return
    fd = os.open(training / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CycleRuns("a training cycle is running") from None
        yield
    finally:
        os.close(fd)


def read_forgotten(cycle: Path) -> Forgotten | None:
    """What has been forgotten of a cycle's dataset; None when nothing was."""
    try:
        return Forgotten.model_validate_json((cycle / FORGOTTEN).read_bytes())
    except (OSError, ValidationError):
        return None


def forget(training: Path, ids: AbstractSet[str]) -> list[Flagged]:
    """Take the rows of these exchanges out of every dataset, and flag it; and what judges said of
    them. Doing it again does no more. Raises OSError."""
    flagged = [found for cycle in _cycles(training) if (found := _forget(cycle, ids)) is not None]
    if flagged:
        for answers in (training / "answers").glob("*.jsonl"):
            answers.unlink()  # models say what they were asked; they can be asked again
    judged.forget(training, ids, _replace)
    return flagged


def members(training: Path) -> set[str]:
    """Ids of all that is in some dataset: what it takes to make it again must be kept."""
    manifests = (_read(cycle / "dataset" / "manifest.json") for cycle in _cycles(training))
    return {
        str(name.get("id"))
        for manifest in manifests
        for part in _PARTS
        for name in map(object_of, list_of(manifest.get(part)))
        if name is not None
    }


def holding(exports: Path, ids: AbstractSet[str]) -> list[Path]:
    """The exports below `exports` with some of these exchanges in them."""
    return sorted(
        manifest.parent
        for manifest in exports.rglob("manifest.json")
        if not ids.isdisjoint(_exported(manifest))
    )


def _cycles(training: Path) -> Iterator[Path]:
    return (path.parents[1] for path in sorted(training.glob("*/dataset/manifest.json")))


def _forget(cycle: Path, ids: AbstractSet[str]) -> Flagged | None:
    manifest = _read(cycle / "dataset" / "manifest.json")
    hashes: dict[str, set[str]] = {part: set() for part in _PARTS}
    found: set[str] = set()
    for part in _PARTS:
        for name in map(object_of, list_of(manifest.get(part))):
            if name is not None and name.get("id") in ids:
                hashes[part].add(str(name.get("sha256")))
                found.add(str(name.get("id")))
    if not found:
        return None
    for part in ("train", "valid"):
        _take_out(cycle / "dataset" / f"{part}.jsonl", hashes[part])
    before = read_forgotten(cycle)
    gone = tuple(sorted(found | set(before.exchanges if before else ())))
    kept = Forgotten(at=now(), exchanges=gone)
    _replace(cycle / FORGOTTEN, kept.model_dump_json(indent=1).encode() + b"\n")
    adapter = _read(cycle / "result.json").get("adapter")
    return Flagged(
        cycle=cycle.name,
        exchanges=tuple(sorted(found)),
        trained=bool(hashes["train"]),
        adapter=adapter if isinstance(adapter, str) else None,
    )


def _take_out(file: Path, hashes: AbstractSet[str]) -> None:
    """Leave out the lines with these SHA-256."""
    if not hashes or not file.exists():
        return
    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if _sha256(line.rstrip(b"\n")) not in hashes]
    if len(kept) < len(lines):
        _replace(file, b"".join(kept))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _exported(manifest: Path) -> set[str]:
    rows = list_of(_read(manifest).get("exchanges"))
    return {str(id_) for row in rows for id_ in list_of(row)}


def _read(path: Path) -> Json:
    try:
        found: Any = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return object_of(found) or {}


def _replace(path: Path, data: bytes) -> None:
    """Put `data` at `path`, 0600, whole or not at all."""
    draft = path.with_name(f".{path.name}.part")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)
