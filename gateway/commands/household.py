"""A home's settings, redactor and soul, for commands that work without a gateway.

Each function ends the command when they are wrong.
"""

from __future__ import annotations

from capture.redact import Redactor
from capture.soul import Soul, SoulError, read_soul
from gateway.commands.console import fail
from gateway.config import load_file
from gateway.config_errors import ConfigErrors
from gateway.home import Home
from gateway.redaction import SaltError, redactor
from gateway.settings import Settings


def settings_of(home: Home) -> Settings:
    """This home's settings; the defaults where it has none."""
    if not home.settings.exists():
        return Settings()
    try:
        return load_file(home.settings).settings
    except ConfigErrors as error:
        fail("\n".join(error.lines))


def redactor_of(home: Home, settings: Settings) -> Redactor:
    """What takes secrets out of this home's text."""
    try:
        return redactor(home, settings)
    except SaltError as error:
        fail(str(error))


def soul_of(home: Home, settings: Settings, redactor: Redactor) -> Soul | None:
    """What this home's SOUL.md says; None where there is none, or the settings leave it out."""
    try:
        return read_soul(home.soul, redactor, settings.trainer.soul)
    except SoulError as error:
        fail(str(error))
