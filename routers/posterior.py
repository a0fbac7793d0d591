"""How likely something goes right, by keys from general to particular: global, skill, task. Pure.

Each key's mean is shrunk towards that of the key above it. By how much, the data say: several
strengths of shrinking are held side by side, each level weighs them by how well they foretold what
came (Bayesian model averaging over prequential likelihoods), and one of them is to ignore the level
altogether. A key that tells nothing so loses its say, without anybody having to notice.

Old outcomes fade, since models and work change; a changed model or adapter fades them at once and
in part (`discounted`), because difficulty carries over. Everything is incremental, and bounded:
of the most particular keys only so many are kept, the longest unused go first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul

from capture.values import value

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, math.inf)
"""Outcomes that the level above counts for, by hypothesis; infinite: this level says nothing."""
_PRIOR = 4.0
"""Outcomes that the prior counts for."""
_KEEPS = 0.998
"""What an outcome still counts for at a key when the next one comes there: some 500 count."""
_APART = 8.0
"""How far a hypothesis may fall behind the best, in nats: so that it can come back."""
_MOST = 20_000
"""Keys kept for each level."""
_SURE = 1e-6

Keys = Sequence[str | None]
"""One key per level below the global one, the general first; None where there is none."""


@value
class Belief:
    """A probability and how much it rests on."""

    mean: float
    of: float
    """Outcomes it rests on, shrinking included."""

    @property
    def variance(self) -> float:
        return self.mean * (1.0 - self.mean) / (self.of + 1.0)


class Posterior:
    """Outcomes of one model, by keys.

    Args:
        prior: the mean while nothing is known.
        levels: how many keys come with each outcome.
        most: how many keys of each level are kept.
    """

    def __init__(self, prior: float, levels: int, most: int = _MOST) -> None:
        self._prior, self._most = prior, most
        self._all = (0.0, 0.0)
        self._kept: tuple[dict[str, tuple[float, float]], ...] = tuple({} for _ in range(levels))
        self._fit = [[0.0] * len(STRENGTHS) for _ in range(levels)]
        self._shares = [_shares(fit) for fit in self._fit]

    def belief(self, keys: Keys) -> Belief:
        """How likely it goes right for these keys."""
        right, of = self._all
        mean, rests = (right + _PRIOR * self._prior) / (of + _PRIOR), of + _PRIOR
        for kept, shares, key in zip(self._kept, self._shares, keys, strict=True):
            held = None if key is None else kept.get(key)
            if held is not None:
                means = _means(held, mean)
                rests = held[1] + sum(map(mul, shares, [min(rests, k) for k in STRENGTHS]))
                mean = sum(map(mul, shares, means))
        return Belief(mean, rests)

    def alone(self, keys: Keys) -> float:
        """How likely by the most particular key's own outcomes, and one more that went as all go.

        What `belief` says of a task counts its outcomes on every level that it is on. That ranks
        well, and is too sure of itself where something hangs on a single task.
        """
        key = keys[-1]
        right, of = (0.0, 0.0) if key is None else self._kept[-1].get(key, (0.0, 0.0))
        mean = (self._all[0] + _PRIOR * self._prior) / (self._all[1] + _PRIOR)
        return (right + mean) / (of + 1.0)

    def learn(self, keys: Keys, right: float, weight: float = 1.0) -> None:
        """One outcome: how right it was, from 0 to 1, and how sure that is, from 0 to 1."""
        above = (self._all[0] + _PRIOR * self._prior) / (self._all[1] + _PRIOR)
        self._all = _plus(self._all, right, weight)
        for level, (kept, key) in enumerate(zip(self._kept, keys, strict=True)):
            if key is None:
                continue
            held = kept.pop(key, None)
            if held is None:
                if len(kept) >= self._most:
                    del kept[next(iter(kept))]
            else:
                means, shares = _means(held, above), self._shares[level]
                self._fit[level] = _fitted(self._fit[level], means, right, weight)
                self._shares[level] = _shares(self._fit[level])
                above = sum(map(mul, shares, means))
            kept[key] = _plus(held or (0.0, 0.0), right, weight)

    def discount(self, share: float) -> None:
        """The model or its adapter has changed: what was seen counts for this share from now on."""
        self._all = (self._all[0] * share, self._all[1] * share)
        for kept in self._kept:
            for key, (right, of) in kept.items():
                kept[key] = (right * share, of * share)

    def says(self, level: int) -> float:
        """How much a level's keys tell, from 0 (ignored) to 1: the weight of all that listens."""
        return 1.0 - self._shares[level][-1]


def _plus(held: tuple[float, float], right: float, weight: float) -> tuple[float, float]:
    keep = 1.0 - (1.0 - _KEEPS) * weight
    return held[0] * keep + weight * right, held[1] * keep + weight


def _means(held: tuple[float, float], above: float) -> list[float]:
    """The key's mean under each strength."""
    right, of = held
    return [*[(right + k * above) / (of + k) for k in STRENGTHS[:-1]], above]


def _shares(fit: Sequence[float]) -> list[float]:
    """Weights that sum to 1."""
    best = max(fit)
    made = [math.exp(one - best) for one in fit]
    total = sum(made)
    return [one / total for one in made]


def _fitted(
    fit: Sequence[float], means: Sequence[float], right: float, weight: float
) -> list[float]:
    """Each strength's log likelihood with one more outcome, the best at 0."""
    made = [
        held
        + weight * (right * math.log(max(m, _SURE)) + (1.0 - right) * math.log(max(1.0 - m, _SURE)))
        for held, m in zip(fit, means, strict=True)
    ]
    best = max(made)
    return [max(one - best, -_APART) for one in made]
