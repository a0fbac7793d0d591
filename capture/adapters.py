"""The adapter registry as it lies on disk: what the trainer publishes and the gateway serves.

    adapters/
      ID/                      one adapter; never changed once its manifest is there
        adapters.safetensors   the LoRA weights, as mlx-lm writes them
        adapter_config.json    mlx-lm's own
        manifest.json          what they were made of (`Manifest`); written last
        gate.json              the gate's figures and verdict (`GateResult`)
      incumbent.json           which adapter is live (`Pointer`); replaced whole, never edited

This is the seam between the two: the trainer writes through `trainer.registry`, everybody reads
here. Reading never raises for what lies there: an adapter that does not verify is not listed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

WEIGHTS = "adapters.safetensors"
CONFIG = "adapter_config.json"
MANIFEST = "manifest.json"
GATE = "gate.json"
POINTER = "incumbent.json"
BASE_WEIGHTS = "model*.safetensors"
"""The files of a base that mlx-lm loads."""

_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


class _Stored(BaseModel):
    """Base of what is kept as JSON: unknown fields of newer versions are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


_T = TypeVar("_T", bound=_Stored)


class Manifest(_Stored):
    """What an adapter was made of."""

    id: str
    """`YYYYMMDD-HHMMSS-xxxxxx`: when it was made (UTC) and the first digits of `weights_sha256`."""
    created_at: float
    """Unix seconds."""
    base: str
    """Name of the base model."""
    base_sha256: str
    """Of the base's weights, by `base_sha256`; an adapter fits no other base."""
    weights_sha256: str
    """Of `adapters.safetensors`."""
    dataset_sha256: str
    """Of the dataset's manifest, which names every row."""
    dataset_exchanges: tuple[str, ...]
    """Ids of the exchanges it was trained on, sorted; held-out and replayed ones are not here."""
    parent: str | None = None
    """The adapter training went on from; None when it began at the base."""
    settings: Mapping[str, Any] = {}
    """mlx-lm's own, under its own names (iters, num_layers, rank, scale, ...)."""
    losses: tuple[tuple[int, float], ...] = ()
    """(iteration, training loss) as mlx-lm reported them."""
    val_losses: tuple[tuple[int, float], ...] = ()
    """(iteration, validation loss)."""
    seconds: float | None = None
    """What training took; None when unknown."""


class SkillFigure(_Stored):
    """One skill's held-out requests, answered by candidate and incumbent."""

    skill: str
    of: int
    """How many held-out requests."""
    candidate: int
    """How many the candidate got right."""
    incumbent: int
    """How many the incumbent got right."""
    base_skill: bool = False
    """A skill of the base's own, from the golden set: it must not be forgotten."""


class GateResult(_Stored):
    """The gate's verdict on one candidate."""

    at: float
    """Unix seconds."""
    passed: bool
    reasons: tuple[str, ...]
    """Why, one clause each; never empty."""
    incumbent: str | None
    """The adapter it was held against; None for the base alone."""
    live_since: float | None = None
    """`since` of the pointer it was held against: a pointer with another has been changed
    meanwhile. None in verdicts from before this was recorded."""
    skills: tuple[SkillFigure, ...]


class Pointer(_Stored):
    """Which adapter is live, and what was before it."""

    adapter: str | None = None
    """None: the base alone."""
    since: float = 0.0
    """Unix seconds."""
    by: str = "nobody"
    """`gate`, `user` or `rollback`; `nobody` before the first adapter."""
    past: tuple[str | None, ...] = ()
    """Incumbents before this one, the latest first; what `rollback` goes back to."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter whose files verify."""

    path: Path
    manifest: Manifest
    gate: GateResult | None
    """None while no gate has judged it."""

    @property
    def id(self) -> str:
        return self.manifest.id


@dataclass(frozen=True, slots=True)
class Servable:
    """What the pointer asks for, and what can be given."""

    incumbent: str | None
    """The adapter the pointer names; None for the base alone."""
    adapter: Adapter | None
    """What can be served: the incumbent, and for a refused one the latest before it; None for the
    base alone."""
    refusal: str | None
    """Why the incumbent is not served; None when it is."""


def is_adapter_id(text: str) -> bool:
    """Whether `text` has the form of an adapter's id, and so is safe as a directory's name."""
    return _ID.fullmatch(text) is not None


def read_adapters(directory: Path) -> list[Adapter]:
    """Every adapter whose manifest and weights verify, oldest first."""
    if not directory.is_dir():
        return []
    found = (read_adapter(directory, entry.name) for entry in sorted(directory.iterdir()))
    return [adapter for adapter in found if adapter is not None]


def told_adapters(directory: Path) -> list[Adapter]:
    """Every adapter as its manifest tells of it, oldest first; whether its weights verify is not
    looked at, which takes long."""
    if not directory.is_dir():
        return []
    found = (_told(directory, entry.name) for entry in sorted(directory.iterdir()))
    return [adapter for adapter in found if adapter is not None]


def read_adapter(directory: Path, id_: str) -> Adapter | None:
    """One adapter; None when there is none of that id or its files are not what was recorded."""
    found = _told(directory, id_)
    if found is None or sha256(found.path / WEIGHTS) != found.manifest.weights_sha256:
        return None
    return found


def _told(directory: Path, id_: str) -> Adapter | None:
    path = directory / id_
    if not is_adapter_id(id_) or not path.is_dir() or path.is_symlink():
        return None
    manifest = _read(path / MANIFEST, Manifest)
    if manifest is None or manifest.id != id_:
        return None
    return Adapter(path, manifest, _read(path / GATE, GateResult))


def read_pointer(directory: Path) -> Pointer:
    """Which adapter is live; the base alone while nothing was ever promoted."""
    return _read(directory / POINTER, Pointer) or Pointer()


def pointer_stamp(directory: Path) -> tuple[int, int] | None:
    """Changes whenever the pointer does: its inode and time of change. None: there is none."""
    try:
        stat = (directory / POINTER).stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns


def servable(directory: Path, base: str | None) -> Servable:
    """Read the pointer and verify what it names against the base of this hash (None: it cannot be
    read). Reads whole files. Who serves and who trains both ask here, so they mean the same."""
    pointer = read_pointer(directory)
    if pointer == Pointer() and _is_there(directory / POINTER):
        return Servable(None, None, f"{directory / POINTER} cannot be read")
    refusal: str | None = None
    for id_ in dict.fromkeys((pointer.adapter, *pointer.past)):
        if id_ is None:
            break
        adapter = read_adapter(directory, id_)
        why = _refusal(id_, adapter, base)
        if why is None:
            return Servable(pointer.adapter, adapter, refusal)
        refusal = refusal or why
    return Servable(pointer.adapter, None, refusal)


def _refusal(id_: str, adapter: Adapter | None, base: str | None) -> str | None:
    """Why `adapter`, found under `id_`, cannot be served on this base; None when it can."""
    if adapter is None:
        return f"adapter {id_} is refused: its files are missing, or not those it was made with"
    if base is None:
        return f"adapter {id_} is refused: the weights of the base cannot be read"
    if adapter.manifest.base_sha256 != base:
        return (
            f"adapter {id_} is refused: it was trained on another base "
            f"({adapter.manifest.base}, {adapter.manifest.base_sha256[:12]}) than the one served "
            f"({base[:12]})"
        )
    return None


def base_sha256(model_dir: Path) -> str | None:
    """What tells one base from another: the SHA-256 of its weights, and of weights in several files
    that of their names and hashes. None when there are none, or one cannot be read."""
    hashes = {file.name: sha256(file) for file in sorted(model_dir.glob(BASE_WEIGHTS))}
    if not hashes or None in hashes.values():
        return None
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    lines = [f"{name} {hash_}\n" for name, hash_ in hashes.items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sha256(path: Path) -> str | None:
    """A file's SHA-256 as hex; None when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _read(path: Path, kind: type[_T]) -> _T | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _is_there(path: Path) -> bool:
    """Also when it cannot be looked at."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
