"""What every relay of one load of the settings works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.exchange import ExchangeEnd
from capture.journal import Journal
from gateway.budget import Ledger
from gateway.fleet import Links
from gateway.flight import Flight
from gateway.retry import RetryBudget
from gateway.settings import CaptureSettings, Retries

if TYPE_CHECKING:  # loaded where the policy asks for it
    from gateway.brains import Brains


@dataclass(frozen=True, slots=True)
class Desk:
    """See the module."""

    journal: Journal
    ledger: Ledger
    links: Links
    retries: Retries
    budget: RetryBudget
    capture: CaptureSettings
    on_end: Callable[[Flight, ExchangeEnd], None]
    """Told of every finished exchange, after it was journalled."""
    holds_words: bool = True
    """Replies that are to be checked are held even where they begin with words."""
    brains: Brains | None = None
    """The learning router; None where the policy does not ask for it."""
