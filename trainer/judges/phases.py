"""Who judges: hired judges, local ones beside them, or local ones alone. Pure.

    hired     until the live adapter is right often enough on what is held out: a house that cannot
              do its work cannot judge it either
    parallel  both rate the same turns, and how far they agree is counted
    local     they have agreed often enough; hired judges go on rating a few turns, so that it shows
              when they agree no more

Agreement is counted over turns, planted ones included, that both sides called good, middling or
bad: the share on which they say the same, and Cohen's kappa (1960), (p - e) / (1 - e), where p is
that share and e what it would be if each side drew its words by chance, as often as it says them.
Where all turns are good, agreeing is no art, and kappa says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainer.judges.settings import JudgeSettings

Phase = Literal["hired", "parallel", "local"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far local and hired judges agree."""

    turns: int
    """That both rated."""
    share: float | None
    """Of them on which they say the same; None for no turns."""
    kappa: float | None
    """None where chance alone would agree always, or there are no turns."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The phase, and why."""

    phase: Phase
    why: str
    """A clause for people."""


def agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Of (hired, local) words for one turn each."""
    count = len(pairs)
    if not count:
        return Agreement(0, None, None)
    share = sum(one == other for one, other in pairs) / count
    hired, local = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(hired[word] * local[word] for word in hired) / count**2
    return Agreement(count, share, None if chance == 1 else (share - chance) / (1 - chance))


def stage(
    *,
    hired: bool,
    local: bool,
    held_out: float | None,
    agreed: Agreement,
    settings: JudgeSettings,
) -> Stage:
    """Who judges, where there are `hired` and `local` judges. `held_out` is the share of held-out
    requests that the live adapter gets right; None where no gate has said."""
    if not local:
        return Stage("hired", "no local judge votes")
    if not hired:
        return Stage("local", "no hired judge votes")
    if held_out is None:
        return Stage("hired", "no gate has said yet how well the house does")
    if held_out < settings.parallel_at:
        return Stage(
            "hired",
            f"the house gets {held_out:.0%} of held-out requests right, and local judges begin at "
            f"{settings.parallel_at:.0%}",
        )
    told = _told(agreed)
    asked = (
        f"{settings.takes_over_at:.0%} and kappa {settings.takes_over_kappa:g} over "
        f"{settings.takes_over_after} turns are asked"
    )
    if (
        agreed.turns >= settings.takes_over_after
        and (agreed.share or 0.0) >= settings.takes_over_at
        and (-1.0 if agreed.kappa is None else agreed.kappa) >= settings.takes_over_kappa
    ):
        return Stage("local", f"{told}; {asked}")
    return Stage("parallel", f"{told}; {asked}")


def _told(agreed: Agreement) -> str:
    if agreed.share is None:
        return "local and hired judges have rated no turn both"
    kappa = "unknown" if agreed.kappa is None else f"{agreed.kappa:.2f}"
    return (
        f"local and hired judges say the same of {agreed.share:.0%} of {agreed.turns} turns, "
        f"kappa {kappa}"
    )
