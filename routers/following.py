"""Do outcomes follow what replies say? From outcomes of replies, and whether another says the same.

Whoever takes a reply that says the same as the cloud's to be as right as the cloud's believes that
what came of a reply follows from what it says. Where it does not (labels of other requests, a judge
who looks elsewhere, work that fails for reasons of its own), agreement tells nothing of quality,
and agreement alone never shows it. One thing does, and costs nothing: where the cloud was wrong, a
local reply should seldom have said the same. Two hypotheses are held against each other, each by
how well it foretold what was seen (marginal likelihoods of Beta-Bernoulli rates): that replies
agree oftener where they are right, and that they agree as often either way. Pure.
"""

from __future__ import annotations

import math

from capture.values import value

_RIGHT, _WRONG, _EITHER = (2.0, 1.0), (1.0, 3.0), (2.0, 1.0)
"""Replies that agreed and that did not, counted before any was seen: where the cloud is right,
where it is wrong, and for whoever does not tell the two apart."""
_ENOUGH = math.log(3.0)
"""Log odds from which outcomes are taken to follow replies."""
_EACH = 0.3
"""Log odds that each wrong reply can be expected to give: a cloud that is hardly ever wrong cannot
give more evidence than that, and is not held to it."""
_KEEPS = 0.999
"""What a comparison still counts for when the next one comes."""


@value
class Following:
    """Replies that were compared and whose outcome is known, by both; a value to keep."""

    same_right: float = 0.0
    same_wrong: float = 0.0
    other_right: float = 0.0
    other_wrong: float = 0.0

    def plus(self, same: bool, right: float, weight: float = 1.0) -> Following:
        """With one more reply: whether another said the same, and how right it was."""
        agreed, not_agreed = (weight, 0.0) if same else (0.0, weight)
        return Following(
            self.same_right * _KEEPS + agreed * right,
            self.same_wrong * _KEEPS + agreed * (1.0 - right),
            self.other_right * _KEEPS + not_agreed * right,
            self.other_wrong * _KEEPS + not_agreed * (1.0 - right),
        )

    @property
    def odds(self) -> float:
        """Log odds that outcomes follow replies, even ones before anything was seen; no more than
        even ones where replies agree as often where they are wrong."""
        apart = (
            _marginal(self.same_right, self.other_right, _RIGHT)
            + _marginal(self.same_wrong, self.other_wrong, _WRONG)
            - _marginal(
                self.same_right + self.same_wrong, self.other_right + self.other_wrong, _EITHER
            )
        )
        right = _rate(self.same_right, self.other_right, _RIGHT)
        return (
            apart if right > _rate(self.same_wrong, self.other_wrong, _WRONG) else min(0.0, apart)
        )

    @property
    def shown(self) -> bool:
        """Outcomes are seen to follow replies."""
        return self.odds >= min(_ENOUGH, _EACH * (self.same_wrong + self.other_wrong))


def _rate(yes: float, no: float, prior: tuple[float, float]) -> float:
    return (prior[0] + yes) / (sum(prior) + yes + no)


def _marginal(yes: float, no: float, prior: tuple[float, float]) -> float:
    """Log likelihood of so many, whatever their rate is."""
    return _beta(prior[0] + yes, prior[1] + no) - _beta(*prior)


def _beta(one: float, other: float) -> float:
    return math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)
