"""How judges are asked and weighed, and where they are: plain values, given by the command.

The numbers of the plan (docs/judging.md) are the defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from capture.messages import Usage

Task = Literal["ratings", "comparisons", "process", "hints"]
"""`ratings`: five dimensions of a turn. `comparisons`: which of two replies to one request is
better. `process`: whether a step helped, by what came next. `hints`: what a reply that failed
should have heeded, by what came next."""


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How judging is done. `gateway.settings` reads the same fields from `majordomo.yaml`."""

    tasks: tuple[Task, ...] = ("ratings", "comparisons")
    """What judges are asked."""
    day_usd: float | None = 1.0
    """Most that judging may cost per UTC day, the worst case set aside before each question; None:
    no limit. A judge of unknown price is asked only where there is none."""
    concurrent: int = 4
    """Questions in flight at once."""
    seconds: float = 180.0
    """That one answer may take."""
    max_tokens: int = 4000
    """Of one answer, room to think included."""
    characters: int = 24_000
    """Of what is judged that are shown; what is longer loses its middle, and that is said."""
    tries: int = 2
    """Answers a judge may give to one question until one is what was asked for."""
    chosen_at: float = 7.0
    """A turn is good from this median of `overall` on."""
    rejected_at: float = 4.0
    """A turn is bad up to this one."""
    spread: float = 4.0
    """Judges whose `overall` lie further apart than this dispute a turn, and none decides."""
    least_votes: int = 1
    """Valid answers that make a verdict."""
    votes: int = 3
    """Votes on one step, shared out among the judges; more than half of them decide."""
    planted: int = 12
    """Good turns, and as many damaged ones, that a judge must tell apart before it votes."""
    floor: float = 0.8
    """How well: the share of pairs in which it puts the good turn above the damaged one, and the
    share of damaged turns that it does not call good."""
    calibrated_days: float = 30.0
    """How long that lasts."""
    parallel_at: float = 0.8
    """Local judges judge beside the hired ones once the live adapter gets this share of held-out
    requests right."""
    takes_over_at: float = 0.9
    """They take over when they say the same of this share of turns,"""
    takes_over_kappa: float = 0.6
    """and Cohen's kappa, which leaves out what chance alone makes, is at least this,"""
    takes_over_after: int = 50
    """over so many turns that both have rated."""
    audited: float = 0.1
    """Share of turns that hired judges go on rating after that."""


@dataclass(frozen=True, slots=True)
class Place:
    """One judge, and where it is asked."""

    name: str
    """`UPSTREAM/MODEL`: what its answers are kept by."""
    model: str
    """As the upstream calls it."""
    dialect: Literal["openai", "anthropic"]
    url: str
    """Where requests are posted, whole."""
    key: str | None = field(repr=False)
    """None: it needs none."""
    home: bool
    """Inside the house, so private turns may be shown to it."""
    worst_usd: Callable[[int, int], float | None] = field(repr=False)
    """The most a request of so many input and output tokens can cost; None when unknown."""
    cost_usd: Callable[[Usage], float | None] = field(repr=False)
    """What a request cost; None when that cannot be known."""


@dataclass(frozen=True, slots=True)
class Judging:
    """All that judging is given."""

    settings: JudgeSettings
    hired: tuple[Place, ...] = ()
    local: tuple[Place, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Every judge."""
        return (*self.hired, *self.local)


def judging_of(
    *,
    settings: Mapping[str, Any],
    hired: Sequence[Mapping[str, Any]],
    local: Sequence[Mapping[str, Any]],
) -> Judging:
    """The same of plain values: the fields of `JudgeSettings`, and of each `Place`."""
    places = [tuple(Place(**place) for place in each) for each in (hired, local)]
    return Judging(JudgeSettings(**settings), *places)
