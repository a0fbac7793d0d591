"""A logistic regression that learns online, by named figures, and knows how sure it is. Pure.

The weights have a Gaussian posterior, updated by one extended Kalman step for each outcome, which
is the online Laplace approximation: each coordinate learns at its own rate, and correlated ones
share what there is to learn. A figure that was never seen has its prior. Figures are few (tens),
most of them zero most of the time; a step takes time in the square of the number ever seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter, mul

_STEEPEST = 0.02
"""The least slope that a step assumes: a sure prediction that fails must not throw weights far."""
_TELLS = 0.02
"""The least part of its variance that an outcome must take away for the covariance to be updated:
it is most of the work."""
_FAR = 30.0


def sigmoid(at: float) -> float:
    """The probability of log odds."""
    return 1.0 / (1.0 + math.exp(-max(-_FAR, min(_FAR, at))))


def logit(p: float) -> float:
    """Log odds, within 0.001 and 0.999."""
    p = min(0.999, max(0.001, p))
    return math.log(p / (1.0 - p))


class Logistic:
    """Weights of named figures.

    Args:
        priors: mean and variance of the weights that are not (0, `variance`).
        variance: of a weight nothing is said of.
    """

    def __init__(self, priors: Mapping[str, tuple[float, float]], variance: float) -> None:
        self._priors, self._variance = priors, variance
        self._index: dict[str, int] = {}
        self._weights: list[float] = []
        self._cover: list[list[float]] = []

    def at(self, figures: Mapping[str, float], offset: float = 0.0) -> tuple[float, float]:
        """Mean and variance of the log odds."""
        mean, variance = offset, 0.0
        places: list[int] = []
        known: list[float] = []
        for name, figure in figures.items():
            if not figure:
                continue
            place = self._index.get(name)
            if place is None:
                prior, spread = self._priors.get(name, (0.0, self._variance))
                mean += prior * figure
                variance += spread * figure * figure
            else:
                places.append(place)
                known.append(figure)
                mean += self._weights[place] * figure
        pick = _picks(places)
        for place, figure in zip(places, known, strict=True):
            variance += figure * sum(map(mul, pick(self._cover[place]), known))
        return mean, max(0.0, variance)

    def learn(
        self, figures: Mapping[str, float], right: float, weight: float = 1.0, offset: float = 0.0
    ) -> None:
        """One outcome: how right it was, from 0 to 1, and how sure that is, from 0 to 1."""
        known = [figure for figure in figures.values() if figure]
        pick = _picks([self._place(name) for name, figure in figures.items() if figure])
        mean = offset + sum(map(mul, pick(self._weights), known))
        moved = [sum(map(mul, pick(row), known)) for row in self._cover]
        variance = max(0.0, sum(map(mul, pick(moved), known)))
        p = sigmoid(tempered(mean, variance))
        slope = max(p * (1.0 - p), _STEEPEST) * weight
        gain = 1.0 / (1.0 / slope + variance)
        step = (right - p) * weight / slope * gain
        self._weights = [w + step * m for w, m in zip(self._weights, moved, strict=True)]
        if variance * gain < _TELLS:
            return
        for place, m in enumerate(moved):
            if m:
                part = m * gain
                row = self._cover[place]
                self._cover[place] = [c - part * o for c, o in zip(row, moved, strict=True)]

    def weight(self, name: str) -> float:
        """The mean of one figure's weight."""
        place = self._index.get(name)
        return self._priors.get(name, (0.0, 0.0))[0] if place is None else self._weights[place]

    def _place(self, name: str) -> int:
        place = self._index.get(name)
        if place is None:
            place = self._index[name] = len(self._weights)
            mean, variance = self._priors.get(name, (0.0, self._variance))
            self._weights.append(mean)
            for row in self._cover:
                row.append(0.0)
            self._cover.append([0.0] * place + [variance])
        return place


def _picks(places: Sequence[int]) -> Callable[[Sequence[float]], Sequence[float]]:
    """What takes these places out of a row, at once."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: [row[place] for place in places]


def tempered(mean: float, variance: float) -> float:
    """The log odds of the mean probability, where the log odds are normal (MacKay 1992)."""
    return mean / math.sqrt(1.0 + math.pi * variance / 8.0)
