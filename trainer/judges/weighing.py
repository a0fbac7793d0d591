"""What several judges' verdicts come to. Pure: medians, spread, majorities; no verdict, no opinion.

Ratings: the median of each dimension. Judges whose `overall` lie too far apart dispute the turn,
and then none of them decides. Votes: what more than half of those asked for say. Comparisons: a
judge that prefers whichever is shown first (or second) finds them alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from trainer.judges.settings import JudgeSettings
from trainer.judges.verdicts import DIMENSIONS, Choice, Rating

Standing = Literal["good", "middling", "bad", "disputed"]
Winner = Literal["one", "other", "alike"]


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the ratings of one turn come to."""

    standing: Standing
    medians: Mapping[str, float]
    """Of each dimension, over all judges."""
    spread: float
    """Between the highest and the lowest `overall`."""
    judges: tuple[str, ...]
    """Who rated it."""

    @property
    def sentence(self) -> str:
        """The verdict for people, without a full stop."""
        who = f"{len(self.judges)} judges rate"
        if len(self.judges) == 1:
            who = f"{self.judges[0]} rates"
        if self.standing == "disputed":
            return f"{who} it {self.spread:g} points apart, too far for a verdict"
        return f"{who} it {self.medians['overall']:g} of 10: {self.standing}"


def label(overall: float, settings: JudgeSettings) -> Literal["good", "middling", "bad"]:
    """What an `overall` says of a turn."""
    if overall >= settings.chosen_at:
        return "good"
    return "bad" if overall <= settings.rejected_at else "middling"


def weigh(ratings: Mapping[str, Rating], settings: JudgeSettings) -> Weighed | None:
    """The ratings of one turn, by judge; None while there are too few for a verdict."""
    if len(ratings) < max(1, settings.least_votes):
        return None
    medians = {
        name: median(getattr(rating, name) for rating in ratings.values()) for name in DIMENSIONS
    }
    overall = [rating.overall for rating in ratings.values()]
    spread = max(overall) - min(overall)
    disputed = spread > settings.spread
    standing = "disputed" if disputed else label(medians["overall"], settings)
    return Weighed(standing, medians, spread, tuple(sorted(ratings)))


def majority(votes: Sequence[int], asked: int) -> int | None:
    """What more than half of the votes asked for say: 1, 0 or -1; None when there is no such."""
    for vote in (1, 0, -1):
        if 2 * votes.count(vote) > asked:
            return vote
    return None


def preferred(straight: Choice, turned: Choice) -> Winner:
    """What one judge prefers, who saw the two in both orders. `straight` showed `one` first."""
    if (straight.better, turned.better) == ("first", "second"):
        return "one"
    if (straight.better, turned.better) == ("second", "first"):
        return "other"
    return "alike"


def winner(preferences: Sequence[Winner], least: int) -> Winner | None:
    """What more than half of the judges prefer, else `alike`; None while too few have said."""
    if len(preferences) < max(1, least):
        return None
    for side in ("one", "other"):
        if 2 * preferences.count(side) > len(preferences):
            return side
    return "alike"
