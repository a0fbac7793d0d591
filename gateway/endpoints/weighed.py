"""How a request was weighed, as lines for people: the command line and the pages show the same."""

from __future__ import annotations

from collections.abc import Iterator

from capture.exchange import Mode
from capture.weighing import Weighing
from gateway.wire import WeighingView

Weighed = Weighing | WeighingView
"""As it is stored, or as it is told: they have the same fields."""


def weighed_lines(weighing: Weighed) -> list[str]:
    """Each local model, BURST beside them, and how the replies compare."""
    return [*_odds(weighing), *_compared(weighing), *_chance(weighing)]


def _odds(weighing: Weighed) -> Iterator[str]:
    for mode, probability in weighing.home.items():
        yield f"`{mode}` is right with {probability:.2f}{_found(weighing, mode)}"
    if weighing.cloud is not None:
        yield f"`burst` is right with {weighing.cloud:.2f}{_worth(weighing)}"


def _found(weighing: Weighed, mode: Mode) -> str:
    if mode not in weighing.found:
        return "; it was not asked"
    against = [reason.text for reason in weighing.found[mode]]
    return f"; {', '.join(against)}" if against else "; nothing speaks against its reply"


def _worth(weighing: Weighed) -> str:
    if weighing.benefit is None:
        return ""
    least = "" if weighing.limit is None else f", and from {weighing.limit:+.2f} on it answers"
    return f"; asking it is worth {weighing.benefit:+.2f}{least}"


def _compared(weighing: Weighed) -> Iterator[str]:
    if weighing.agreement is not None:
        yield f"the local replies: {weighing.agreement.text}"
    for mode, beside in weighing.beside.items():
        yield f"the replies of `{mode}` and `burst`: {beside.text}"


def _chance(weighing: Weighed) -> Iterator[str]:
    if weighing.propensity < 1.0:
        yield f"chance had a part: this was chosen with a probability of {weighing.propensity:.2f}"
