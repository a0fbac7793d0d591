"""What is written down of a cycle, each file once and whole: the trail that a killed cycle goes on
from, and what `majordomo train history` shows.

    CYCLE/
      plan.json       what was set out to do (`Plan`)
      dataset/        `trainer.dataset`
      adapter/        what mlx-lm wrote
      trained.json    what training reported (`Trained`)
      gate.json       the verdict (`capture.adapters.GateResult`)
      result.json     how it ended (`CycleEnd`); a cycle without one was cut short
      forgotten.json  what of its dataset was forgotten since (`capture.datasets`), if anything was
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from capture.adapters import GateResult
from capture.datasets import Forgotten, read_forgotten
from trainer import dataset
from trainer.files import replace


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Plan(_Stored):
    """What a cycle sets out to do."""

    id: str
    """`YYYYMMDD-HHMMSS` of its beginning (UTC), with `-2` and so on when there is one already."""
    number: int
    """Counts the cycles of this home, from 1."""
    seed: int
    began_at: float
    """Unix seconds."""
    base: str
    base_sha256: str
    settings: Mapping[str, Any]
    """All of `TrainingSettings`."""


class Trained(_Stored):
    """What training reported."""

    at: float
    """When it ended, Unix seconds."""
    weights_sha256: str
    seconds: float
    losses: tuple[tuple[int, float], ...]
    """(iteration, loss)."""
    val_losses: tuple[tuple[int, float], ...]
    settings: Mapping[str, Any]
    """mlx-lm's own configuration."""


class CycleEnd(_Stored):
    """How a cycle ended."""

    id: str
    state: Literal["promoted", "rejected", "overtaken", "failed", "abandoned"]
    """`rejected`: by the gate. `overtaken`: the gate passed it, but meanwhile another was made
    live, or the base replaced. `failed`: a step cannot be done, and `reason` says why.
    `abandoned`: cut short, and not gone on with because base or settings had changed."""
    began_at: float
    ended_at: float
    reason: str | None = None
    """Why it failed or was overtaken; None otherwise."""
    adapter: str | None = None
    """The candidate's id; None when none was made."""
    rows: Mapping[str, int] = {}
    """How many of each kind were in the dataset."""
    waiting: int = 0
    """Turns worth training on that waited for a person's word (`majordomo review`)."""
    train_seconds: float | None = None
    loss: tuple[float, float] | None = None
    """First and last reported training loss."""
    gate: GateResult | None = None


_T = TypeVar("_T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class CycleFiles:
    """One cycle's directory."""

    path: Path

    @property
    def dataset(self) -> Path:
        return self.path / "dataset"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    def plan(self) -> Plan | None:
        return self._read("plan.json", Plan)

    def trained(self) -> Trained | None:
        return self._read("trained.json", Trained)

    def gate(self) -> GateResult | None:
        return self._read("gate.json", GateResult)

    def forgotten(self) -> Forgotten | None:
        """What is in its dataset no more; None when all of it is."""
        return read_forgotten(self.path)

    def ended(self) -> CycleEnd | None:
        return self._read("result.json", CycleEnd)

    def keep(self, value: Plan | Trained | GateResult | CycleEnd) -> None:
        """Write a step's record down: the step is done."""
        replace(self.path / _NAMES[type(value)], value.model_dump_json(indent=1).encode() + b"\n")

    def _read(self, name: str, kind: type[_T]) -> _T | None:
        try:
            return kind.model_validate_json((self.path / name).read_bytes())
        except (OSError, ValidationError):
            return None


_NAMES: Mapping[type[BaseModel], str] = {
    Plan: "plan.json",
    Trained: "trained.json",
    GateResult: "gate.json",
    CycleEnd: "result.json",
}


def cycles(training: Path) -> list[CycleFiles]:
    """Every cycle with a plan, oldest first."""
    if not training.is_dir():
        return []
    found = [(files.plan(), files) for files in map(CycleFiles, training.iterdir())]
    planned = [(plan.number, files) for plan, files in found if plan is not None]
    return [files for _, files in sorted(planned, key=lambda each: each[0])]


def ended_datasets(found: list[CycleFiles]) -> list[dataset.DatasetManifest]:
    """The datasets of cycles that made an adapter; what others meant to train is still new."""
    manifests = [
        dataset.read_manifest(files.dataset)
        for files in found
        if (ended := files.ended()) is not None and ended.adapter is not None
    ]
    return [manifest for manifest in manifests if manifest is not None]
