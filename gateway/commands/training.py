"""What `majordomo train` is given: the home's settings as plain values; the trainer reads none.

A home without settings trains by the defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from gateway.commands.console import fail
from gateway.config import load_file
from gateway.config_errors import ConfigErrors
from gateway.home import Home
from gateway.settings import Settings
from gateway.starter import HOUSE_MODEL
from gateway.upstreams.house_model import HOUSE_MODEL_DIR


class Household(TypedDict):
    """What the trainer is told of a household."""

    home: Path
    base: Path
    """The base model's directory."""
    base_name: str
    house: bool
    """Whether the base is the house model."""
    settings: dict[str, Any]
    """The section `trainer`, but for the base."""


def household(home: Home) -> Household:
    """This home's; ends the command when its settings are wrong."""
    section = _settings(home).trainer
    base = None if section.base is None else Path(section.base).expanduser().absolute()
    return Household(
        home=home.root,
        base=base or HOUSE_MODEL_DIR,
        base_name=HOUSE_MODEL if base is None else base.name,
        house=base is None,
        settings=section.model_dump(exclude={"base"}),
    )


def _settings(home: Home) -> Settings:
    if not home.settings.exists():
        return Settings()
    try:
        return load_file(home.settings).settings
    except ConfigErrors as error:
        fail("\n".join(error.lines))
