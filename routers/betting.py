"""Bounds on a mean loss that hold at all times at once, from counts of what was seen. Pure.

Somebody bets, verdict by verdict, that the mean loss is less than a limit. If it is not, the odds
are fair or worse, and what was staked grows by a factor of k with a probability of at most 1 / k,
ever (Ville); so great a gain refutes the limit, however often one looked. This is a betting
confidence sequence (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
betting", JRSS B 2024) with fixed stakes, spread over a few sizes, so that counts are all it keeps
and their order does not matter.
"""

from __future__ import annotations

import math

from capture.values import value

_STAKES = (0.01, 0.03, 0.08, 0.2, 0.4, 0.6, 0.8, 0.95)
"""Shares of what could be staked at most that are staked, an eighth of the capital on each."""


@value
class Losses:
    """Verdicts by what they cost; fractions where a judge gave shares."""

    worse: float = 0.0
    even: float = 0.0
    better: float = 0.0

    @property
    def of(self) -> float:
        return self.worse + self.even + self.better

    @property
    def mean(self) -> float:
        """Loss for each verdict, from -1 to 1; 0 while there is none."""
        return (self.worse - self.better) / self.of if self.of else 0.0

    def plus(self, loss: float) -> Losses:
        """With one more, split between the two that it lies between."""
        size = min(1.0, abs(loss))
        return Losses(
            self.worse + (size if loss > 0 else 0.0),
            self.even + 1.0 - size,
            self.better + (size if loss < 0 else 0.0),
        )


NOTHING = Losses()


def capital(losses: Losses, limit: float, side: float) -> float:
    """Logarithm of what betting against `limit` made of 1: that the mean loss is less (`side` 1) or
    more (-1). If it is not, this ever passes log(1 / risk) with a probability of at most `risk`."""
    odds = (1.0 - limit) if side > 0 else (1.0 + limit)
    if odds <= 0.0:
        return 0.0
    made = [
        losses.worse * math.log1p(stake * side * (limit - 1.0) / odds)
        + losses.even * math.log1p(stake * side * limit / odds)
        + losses.better * math.log1p(stake * side * (limit + 1.0) / odds)
        for stake in _STAKES
    ]
    most = max(made)
    return most + math.log(sum(math.exp(one - most) for one in made) / len(made))


def end(losses: Losses, risk: float, side: float) -> float:
    """The least bad limit that is refuted (`side` 1), or the worst that is (-1), by halving."""
    refuted, open_to = side, -side
    for _ in range(40):
        middle = (refuted + open_to) / 2.0
        if capital(losses, middle, side) >= -math.log(risk):
            refuted = middle
        else:
            open_to = middle
    return refuted
