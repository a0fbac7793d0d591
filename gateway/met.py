"""Recorded requests met again: each as it was, and where every policy asked about would have it."""

from __future__ import annotations

from dataclasses import dataclass

from capture.store.asked import Asked
from capture.weighing import Weighed
from gateway.anew import Gone, Way, same
from routers.replay.weighed import Again


@dataclass(frozen=True, slots=True)
class Decided:
    """One recorded request under one policy."""

    gone: Gone
    again: Again | None = None
    """How the router that weighs decides it anew; None where it does not, or as it did."""

    @property
    def key(self) -> object:
        """Equal where it is decided the same."""
        again = self.again
        return self.gone.way, None if again is None else (again.home, again.chance)


@dataclass(frozen=True, slots=True)
class Met:
    """One recorded request that was answered."""

    asked: Asked
    """Without its bytes."""
    then: Gone
    weighed: Weighed | None
    """How it was weighed then; None where it was not."""
    now: tuple[Decided, ...]
    """By policy."""


def unchanged(met: Met, decided: Decided) -> bool:
    """What was recorded would come about again."""
    if decided.again is None:
        return same(met.then, decided.gone, met.asked)
    return decided.again.who is met.asked.answered


def moved(met: Met, was: Gone, decided: Decided) -> tuple[Gone, Gone]:
    """From where to where a request would go. One that is weighed anew goes from who answered it
    to whose reply would be handed over now."""
    asked, again = met.asked, decided.again
    if again is None:
        return was, decided.gone
    if unchanged(met, decided):
        return was, was
    then = Way(f"{asked.answered} ({asked.model} at {asked.upstream})")
    place = again.weighed.weighing.weights.get(again.who, "the cloud")
    why = f"weighed anew, home answers with a probability of {again.chance:.2f}"
    return Gone(then, None, ""), Gone(Way(f"{again.who} ({place})"), None, why)
