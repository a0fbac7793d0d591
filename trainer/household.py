"""Where a household's training lies, and what it starts from: plain values, given by the command.

HOME/training/
  CYCLE/          one cycle: `trainer.records` names its files, `trainer.dataset` the dataset's
  answers/        what models answered (`trainer.evaluate`)
  judgements/     what judges said (`trainer.judges`)
HOME/adapters/    what came of it (`capture.adapters`)
HOME/golden/      the user's golden rows, for a base that is not the house model
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from capture.adapters import base_sha256
from capture.provenance import USUAL, Trust
from capture.redact import Redactor
from capture.soul import Soul
from trainer.backends import Backend, mlx
from trainer.golden import FileGolden, Golden, HouseGolden, WithSoul
from trainer.judges.settings import Judging
from trainer.settings import TrainingSettings


class NoBase(Exception):
    """There is no base model where one should be."""


@dataclass(frozen=True, slots=True)
class Household:
    """One household and the base it trains."""

    home: Path
    """Absolute."""
    base: Path
    """The base model's directory, in the layout mlx-lm loads."""
    base_name: str
    """What the base is called."""
    house: bool
    """Whether the base is the house model, whose golden set is made by code."""
    settings: TrainingSettings
    redactor: Redactor
    """What is taken out of captured rows."""
    trust: Trust = USUAL
    """Whose text may train without a person's word."""
    backend: Backend = mlx
    """What trains."""
    soul: Soul | None = None
    """What stands in the system prompt of every row; None for nothing."""
    judges: Judging | None = None
    """Who judges what trains; None: nobody, and judging is off."""

    @property
    def training(self) -> Path:
        return self.home / "training"

    @property
    def adapters(self) -> Path:
        return self.home / "adapters"

    @property
    def store(self) -> Path:
        return self.home / "majordomo.db"

    @property
    def cache(self) -> Path:
        """Where child processes may write what can be made again."""
        return self.home / "cache" / "training"

    def golden(self) -> Golden:
        """The base's golden set, with the soul as all rows have it."""
        golden = HouseGolden() if self.house else FileGolden.read(self.home / "golden")
        return golden if self.soul is None else WithSoul(golden, self.soul)

    def base_sha256(self) -> str:
        """Of the base's weights. Raises NoBase."""
        found = base_sha256(self.base)
        if found is None:
            raise NoBase(f"there is no base model in {self.base}")
        return found
