"""What checks of the settings say of a path, and what they ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from capture.exchange import Mode
from gateway.settings import Settings, Target
from gateway.yaml_source import Path

Written = Callable[[Path], bool]
"""Whether the file says anything at a path, valid or not."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say about a path of the settings."""

    path: Path
    message: str
    key: bool = False
    """It is about the name, not about the value."""


def served(settings: Settings) -> dict[Mode, Target]:
    """The modes that are configured."""
    modes = settings.modes
    pairs = ((Mode.RESTING, modes.resting), (Mode.ACTIVE, modes.active), (Mode.BURST, modes.burst))
    return {mode: target for mode, target in pairs if target is not None}
