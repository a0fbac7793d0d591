"""What trains: mlx-lm, in child processes. Only modules named `*_child` run there.

`Backend` is all that a cycle asks of one; `trainer.backends.mlx` is one, the module itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trainer.settings import TrainingSettings


class TrainingFailed(Exception):
    """Training ended, and what came out is no use."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is."""

    iteration: int
    loss: float
    validation: bool
    """Whether the loss is that of valid.jsonl."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What a run reported."""

    train: tuple[tuple[int, float], ...]
    """(iteration, loss)."""
    validation: tuple[tuple[int, float], ...]


class Backend(Protocol):
    """What trains a LoRA adapter on a dataset's files."""

    @staticmethod
    def config(
        settings: TrainingSettings, *, base: Path, data: Path, out: Path, rows: int, seed: int
    ) -> dict[str, Any]:
        """Its own configuration, as the adapter's manifest will show it."""
        ...

    @staticmethod
    def validation_rows(batch_size: int) -> int:
        """How many rows of valid.jsonl it looks at."""
        ...

    @staticmethod
    def train(
        configuration: dict[str, Any],
        directory: Path,
        cache: Path,
        heard: Callable[[Progress], None],
    ) -> Losses:
        """Leave the adapter in `out`, what else is left in `directory`. Raises ChildFailed and
        TrainingFailed."""
        ...
