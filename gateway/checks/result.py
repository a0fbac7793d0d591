"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "mended", "note", "warning", "problem"]
"""`problem`: something does not or will not work. `warning`: something works, but not as most
people want. `note`: worth knowing."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    subject: str
    """Stable, for machines: `home`, `settings`, `upstream:ollama`, ..."""
    state: State
    text: str
    """What was found, in one clause."""
    remedy: str | None = None
    """What to do about it; None when there is nothing to do."""
    fixable: bool = False
    """`--fix` mends it."""


def ok(subject: str, text: str) -> Check:
    """All is well with `subject`."""
    return Check(subject, "ok", text)
