"""Writing the adapter registry: publish, promote, roll back. `capture.adapters` says how it lies.

Everything is written aside, synced and renamed, so that kill -9 at any moment leaves the old
adapter live or the new one, and a directory with an adapter's id is always whole. One writer at a
time, by a lock that ends with its holder. A published adapter is never changed and never removed.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Literal

from capture.adapters import (
    CONFIG,
    GATE,
    MANIFEST,
    POINTER,
    WEIGHTS,
    Adapter,
    GateResult,
    Manifest,
    Pointer,
    is_adapter_id,
    read_adapter,
    read_pointer,
    sha256,
)
from capture.clock import now
from trainer.files import FILE_MODE, locked, make_private, replace, sync

By = Literal["gate", "user"]
"""Who promotes."""

KEPT_PAST = 50
"""How many former incumbents the pointer remembers."""

_INCOMING = ".incoming-"


class RegistryError(Exception):
    """The registry cannot do what was asked; the message says why. Nothing was changed."""


class Changed(RegistryError):
    """Another is live than whoever promotes has seen."""


def adapter_id(created_at: float, weights_sha256: str) -> str:
    """`YYYYMMDD-HHMMSS-xxxxxx` of a moment (Unix seconds) and weights."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(created_at))}-{weights_sha256[:6]}"


def publish(directory: Path, made: Path, manifest: Manifest, gate: GateResult | None) -> Adapter:
    """Copy the weights and mlx-lm's config from `made` into the registry, with their manifest and
    verdict. Publishing the same again changes nothing. Raises RegistryError when the weights are
    not the manifest's."""
    if not is_adapter_id(manifest.id):
        raise RegistryError(f"{manifest.id!r} is no adapter id")
    with locked(directory):
        _sweep(directory)
        if read_adapter(directory, manifest.id) is None:
            _copy(directory, made, manifest, gate)
    adapter = read_adapter(directory, manifest.id)
    if adapter is None:
        raise RegistryError(f"adapter {manifest.id} does not verify after publishing")
    return adapter


def promote(
    directory: Path,
    id_: str | None,
    by: By,
    *,
    ungated: bool = False,
    expected: float | None = None,
) -> Pointer:
    """Make an adapter the incumbent; None stands for the base alone. The incumbent again changes
    nothing. `expected` is `since` of the pointer that is to be replaced; None for whichever there
    is. Raises Changed when there is another by now; RegistryError for an adapter that does not
    verify, and unless `ungated` for one that the gate has not passed."""
    with locked(directory):
        if id_ is not None:
            _check(directory, id_, ungated=ungated)
        pointer = read_pointer(directory)
        if pointer.adapter == id_:
            return pointer
        if expected is not None and pointer.since != expected:
            live = f"adapter {pointer.adapter}" if pointer.adapter else "the base alone"
            raise Changed(f"{live} was made live meanwhile, by {pointer.by}")
        past = (pointer.adapter, *pointer.past)[:KEPT_PAST]
        return _point(directory, Pointer(adapter=id_, since=now(), by=by, past=past))


def rollback(directory: Path) -> Pointer:
    """Go back to the incumbent before this one, past those whose files no longer verify. Raises
    RegistryError when there was none."""
    with locked(directory):
        pointer = read_pointer(directory)
        for index, id_ in enumerate(pointer.past):
            if id_ is None or read_adapter(directory, id_) is not None:
                past = pointer.past[index + 1 :]
                back = Pointer(adapter=id_, since=now(), by="rollback", past=past)
                return _point(directory, back)
    raise RegistryError("there is no earlier adapter to go back to")


def _check(directory: Path, id_: str, *, ungated: bool) -> None:
    adapter = read_adapter(directory, id_)
    if adapter is None:
        raise RegistryError(f"there is no adapter {id_} whose files verify")
    if ungated:
        return
    if adapter.gate is None:
        raise RegistryError(f"no gate has judged adapter {id_}")
    if not adapter.gate.passed:
        raise RegistryError(f"the gate rejected adapter {id_}: {'; '.join(adapter.gate.reasons)}")


def _point(directory: Path, pointer: Pointer) -> Pointer:
    replace(directory / POINTER, pointer.model_dump_json(indent=1).encode() + b"\n")
    return pointer


def _copy(directory: Path, made: Path, manifest: Manifest, gate: GateResult | None) -> None:
    """Under the lock: everything into a directory aside, then that directory to its name."""
    aside = make_private(directory / f"{_INCOMING}{manifest.id}")
    for name in (WEIGHTS, CONFIG):
        shutil.copyfile(made / name, aside / name)
        (aside / name).chmod(FILE_MODE)
        sync(aside / name)
    if sha256(aside / WEIGHTS) != manifest.weights_sha256:
        shutil.rmtree(aside)
        raise RegistryError("the weights are not those the manifest names")
    if gate is not None:
        replace(aside / GATE, gate.model_dump_json(indent=1).encode() + b"\n")
    replace(aside / MANIFEST, manifest.model_dump_json(indent=1).encode() + b"\n")
    final = directory / manifest.id
    if final.exists():  # of that name, but broken: out of the way, not away
        final.rename(directory / f".broken-{manifest.id}-{time.time_ns()}")
    aside.rename(final)
    sync(directory)


def _sweep(directory: Path) -> None:
    """What a killed publish left."""
    for left in directory.glob(f"{_INCOMING}*"):
        shutil.rmtree(left, ignore_errors=True)
