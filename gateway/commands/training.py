"""What `majordomo train` and `judge` are given: the home's settings as plain values; the trainer
reads none.

A home without settings trains by the defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from capture.provenance import Trust
from capture.redact import Redactor
from capture.soul import Soul
from gateway.commands.household import redactor_of, settings_of, soul_of
from gateway.commands.judging import judges_of
from gateway.home import Home
from gateway.starter import HOUSE_MODEL
from gateway.upstreams.house_model import HOUSE_MODEL_DIR
from gateway.vetting import trust_of


class Household(TypedDict):
    """What the trainer is told of a household."""

    home: Path
    base: Path
    """The base model's directory."""
    base_name: str
    house: bool
    """Whether the base is the house model."""
    settings: dict[str, Any]
    """The section `trainer`, but for the base and the judges."""
    redactor: Redactor
    """What is taken out of captured rows."""
    soul: Soul | None
    """What stands in the system prompt of every row; None for nothing."""
    trust: Trust
    """Whose text may train without a person's word."""
    judges: dict[str, Any] | None
    """Who judges what trains, as `gateway.commands.judging` says; None for nobody."""


def household(home: Home) -> Household:
    """This home's; ends the command when its settings are wrong."""
    settings = settings_of(home)
    section = settings.trainer
    redactor = redactor_of(home, settings)
    base = None if section.base is None else Path(section.base).expanduser().absolute()
    return Household(
        home=home.root,
        base=base or HOUSE_MODEL_DIR,
        base_name=HOUSE_MODEL if base is None else base.name,
        house=base is None,
        settings=section.model_dump(exclude={"base", "judges"}),
        redactor=redactor,
        soul=soul_of(home, settings, redactor),
        trust=trust_of(settings),
        judges=judges_of(settings),
    )
