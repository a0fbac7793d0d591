"""How likely home is right, how likely the cloud is, and what the cloud would be worth. Pure.

What matters is the benefit, P(cloud right) - P(home right): where both fail nothing is gained by
leaving home. Each model has a posterior over keys (`routers.posterior`), which alone speaks before
anything was answered, and a logistic correction (`routers.logistic`) over what the request and the
look at the local replies show. Priors are generic: the cloud is a little better, agreement of two
models is a good sign, a fatal finding a bad one. None is fitted to anything.

Learned is from what a gateway sees: outcomes of what was served, and of a local reply beside the
cloud's whether they say the same. A reply that says the same is as right as the cloud's, which is
itself put to the test (`routers.following`). One that differs is right at a rate that is learned
where the truth came out, and counts for less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from capture.values import value
from routers.agreement import Agreement
from routers.checks import NEUTRAL, Looked
from routers.following import Following
from routers.logistic import Logistic, logit, sigmoid, tempered
from routers.posterior import Belief, Keys, Posterior

LEVELS = 3
"""Keys of a request, the general first: skill, near task, the very task."""
_HOME, _CLOUD = 0.65, 0.8
"""How often a local model, and the cloud, are right while nothing is known."""
_WEAK, _PLAIN = 0.1, 1.0
"""Variance of a weight: of what the request alone shows, and of what a look shows."""
_CLOUDS = 0.3
"""The same of looks at local replies as far as they tell of the cloud."""
_APART = 2.0
"""Log odds between a model's history and its prior that are much."""
_DIFFERING = (1.2, 4.0)
"""Local replies that differed from the cloud's: right ones, of all, while none is known."""
_DIFFERS = 0.7
"""How much a label counts that was only guessed from a difference."""


@value
class Sight:
    """What is known of one request when it is weighed."""

    keys: Keys
    figures: Mapping[str, float]
    """Of the request, and of the replies looked at so far."""


@value
class Estimate:
    """Probabilities for one request, as of now."""

    home: Mapping[str, float]
    """P(right) of each local model."""
    cloud: float
    best: str
    """The local model that is most likely right."""
    benefit: float
    """P(cloud right) - P(best local one right)."""
    spread: float
    """Standard deviation of the benefit: how little is known of it."""
    stake: float = 1.0
    """Most that can be lost by staying at home, by history alone: P(cloud right) or P(home wrong),
    the smaller one, each as the more careful of two ways to reckon it has it."""


@value
class _Stand:
    """How a model stands on one request."""

    p: float
    variance: float
    """Of `p`."""


class Confidence:
    """What is believed of each model of a household.

    Args:
        homes: the local models, the cheapest first.
        cloud: the cloud's.
    """

    def __init__(self, homes: Sequence[str], cloud: str) -> None:
        self.homes, self.cloud = tuple(homes), cloud
        self.following = Following()
        priors = _priors((*homes, cloud))
        self._prior = {**dict.fromkeys(homes, _HOME), cloud: _CLOUD}
        self._history = {who: Posterior(p, LEVELS) for who, p in self._prior.items()}
        self._looks = {who: Logistic(priors, _PLAIN) for who in homes}
        self._looks[cloud] = Logistic(priors, _CLOUDS)
        self._differing = {False: _DIFFERING, True: _DIFFERING}

    def estimate(self, sight: Sight) -> Estimate:
        """What each model is likely to do with the request."""
        figures, beliefs = self._read(sight)
        stands = {who: self._stand(who, figures, beliefs[who]) for who in self._looks}
        home = {who: stands[who].p for who in self.homes}
        best = max(reversed(self.homes), key=home.__getitem__)
        cloud = stands[self.cloud].p
        spread = math.sqrt(stands[best].variance + stands[self.cloud].variance)
        cloud_right = max(beliefs[self.cloud].mean, self._history[self.cloud].alone(sight.keys))
        home_right = min(beliefs[best].mean, self._history[best].alone(sight.keys))
        stake = min(cloud_right, 1.0 - home_right)
        return Estimate(home, cloud, best, cloud - home[best], spread, stake)

    def learn(self, sight: Sight, who: str, right: float, weight: float = 1.0) -> None:
        """What a model answered was right, or was not; `weight` says how sure that is."""
        figures, beliefs = self._read(sight)
        self._looks[who].learn(figures, right, weight, logit(beliefs[who].mean))
        self._history[who].learn(sight.keys, right, weight)

    def compare(self, sight: Sight, who: str, agreement: Agreement, cloud: float) -> None:
        """A local reply was held against the cloud's, which was right or was not."""
        if agreement.comparable:
            self.following = self.following.plus(agreement.same, cloud, 1.0 / len(self.homes))
        if agreement.same:
            self.learn(sight, who, cloud)
        elif agreement.comparable:
            right, of = self._differing[cloud >= 0.5]
            self.learn(sight, who, right / of, _DIFFERS)

    def revealed(self, agreement: Agreement, home: float, cloud: float) -> None:
        """The truth came out of both: what replies that differ are worth."""
        if agreement.comparable and not agreement.same:
            right, of = self._differing[cloud >= 0.5]
            self._differing[cloud >= 0.5] = (right + home, of + 1.0)

    def changed(self, who: str, share: float) -> None:
        """A model or its adapter is another now: its history counts for this share."""
        self._history[who].discount(share)

    def says(self) -> Sequence[float]:
        """How much each level of keys tells of home, 0 to 1: the most that any model's does."""
        return [max(self._history[w].says(level) for w in self.homes) for level in range(LEVELS)]

    def _stand(self, who: str, figures: Mapping[str, float], history: Belief) -> _Stand:
        mean, variance = self._looks[who].at(figures, logit(history.mean))
        p = sigmoid(tempered(mean, variance))
        return _Stand(p, history.variance + (p * (1.0 - p)) ** 2 * variance)

    def _read(self, sight: Sight) -> tuple[Mapping[str, float], Mapping[str, Belief]]:
        """The figures with what history says of each model, and history itself."""
        beliefs = {who: history.belief(sight.keys) for who, history in self._history.items()}
        figures = {"one": 1.0, **sight.figures}
        for who, belief in beliefs.items():
            beyond = (logit(belief.mean) - logit(self._prior[who])) / _APART
            figures[f"history.{who}"] = max(-1.0, min(1.0, beyond))
        return figures, beliefs


def looked_figures(looks: Mapping[str, Looked], agreement: Agreement | None) -> Mapping[str, float]:
    """What looks at local replies show, as figures that are 0 where there is nothing to see."""
    figures: dict[str, float] = {}
    for who, looked in looks.items():
        for name, figure in looked.features.items():
            beyond = figure - NEUTRAL.get(name, 0.0)
            if beyond:
                figures[f"{who}.{name}"] = beyond
        if looked.fatal is not None:
            figures[f"{who}.fatal"] = 1.0
        elif not looked.findings:
            figures[f"{who}.clean"] = 1.0
    if agreement is not None and agreement.comparable:
        figures["agree"] = 1.0 if agreement.same else -1.0
        if not agreement.same:
            figures["alike"] = agreement.score
    return figures


def _priors(models: Sequence[str]) -> Mapping[str, tuple[float, float]]:
    asked = (
        "length",
        "digits",
        "questions",
        "lines",
        "symbols",
        "negated",
        "words",
        "tools",
        "turns",
    )
    return {
        "one": (0.0, 0.5),
        "agree": (1.0, _PLAIN),
        **{f"asked.{name}": (0.0, _WEAK) for name in asked},
        **{f"history.{who}": (0.0, _WEAK) for who in models},
        **{f"{who}.fatal": (-2.0, _PLAIN) for who in models},
    }
