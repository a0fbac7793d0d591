"""The learning router of one household: one thing that decides, and learns from what came of it.

Holds what `routers.confidence`, `routers.thresholds`, `routers.tasks` and `routers.audit` keep, and
puts the cascade's questions to them. The live path and the replay drive this very class. No I/O, no
clock; what is drawn comes from a seed, so every decision can be made again. Deciding changes no
more than the window of recent benefits, the audit's count and what was staked; learning comes
apart, and later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from capture.values import value
from routers.agreement import Agreement
from routers.asked_figures import asked_figures
from routers.audit import Control, Health, Limits, audited, came, counted, health, verdict
from routers.cascade import Seen, Step, Verdict, next_look, settle
from routers.checks import Looked
from routers.confidence import Confidence, Estimate, Sight, looked_figures
from routers.draws import draw
from routers.logistic import sigmoid
from routers.stakes import Stakes
from routers.tasks import Tasks
from routers.thresholds import Aim, Window

DEFAULT = Aim(max_loss=0.01)
"""One point."""
_EPSILON = 0.01
"""Share of requests that go the other way than decided, to learn from."""
_BAND = 0.02
"""Width, in shares of requests, of the margin around the threshold where chance decides."""
_AGREED = 0.05
"""Benefit up to which a reply stays home that two local models agree on, where a loss is to be
held: the audit watches that class of replies as a whole, and one that looks worse is left out."""
_CAUTION = 2.0
"""By how many standard deviations home must be better for any other reply to stay there."""


@value
class Settled:
    """How one request was decided, to be kept with it."""

    verdict: Verdict
    estimate: Estimate
    sight: Sight
    stays: bool
    """The threshold would have it stay home, whatever the audit says."""
    propensity: float
    """How likely this very choice was."""
    audit: bool
    """Ask the cloud the same, beside what is handed over."""
    audit_share: float = 0.0
    """How likely an audit was, had the reply been accepted."""
    limit: float | None = None
    """The benefit from which on it leaves home; None where ranks decided."""


class Brain:
    """What one household's router knows.

    Args:
        homes: the local models, the cheapest first; at least one.
        cloud: the cloud's.
        aim: what the threshold is to hold.
        seed: of what is drawn.
        follows: outcomes are known to follow what replies say, since they were seen where the
            replies went. False: that has to be shown first (`routers.following`).
    """

    def __init__(
        self,
        homes: Sequence[str],
        cloud: str,
        aim: Aim = DEFAULT,
        seed: int = 0,
        *,
        follows: bool = False,
    ) -> None:
        self.homes = tuple(homes)
        self.confidence = Confidence(homes, cloud)
        self.control = Control()
        self.stakes = Stakes()
        self._aim, self._seed, self._number = aim, seed, 0
        self._limits = Limits(max_loss=aim.max_loss or 1.0)
        self._window, self._tasks = Window(), Tasks()
        self._follows = follows

    def sight(self, text: str, skill: str | None, tools: int, turns: int = 1) -> Sight:
        """A request, before anybody answered it. Changes nothing."""
        task = self._tasks.find(text, kinds=skill is None)
        keys = (skill or task.kind or None, task.near, task.exact)
        return Sight(keys, asked_figures(text, tools, turns))

    def next_look(self, looks: Mapping[str, Looked]) -> Verdict | None:
        """Which local model to let answer next; None once all that helps was seen."""
        return None if self._aim.cloud_share == 1.0 else next_look(self.homes, looks)

    def settle(
        self, sight: Sight, looks: Mapping[str, Looked], agreement: Agreement | None
    ) -> Settled:
        """Hand over or escalate."""
        sight = Sight(sight.keys, {**sight.figures, **looked_figures(looks, agreement)})
        audits = self._audits(looks)
        follows = audits and (self._follows or self.confidence.following.shown)
        audit = health(self.control, self._limits, follows) if audits else None
        seen = Seen(looks, agreement, self.confidence.estimate(sight), audit)
        self._number += 1
        stays, chance, limit = self._threshold(seen.estimate, looks, agreement, audit)
        staked = limit is not None and stays and seen.estimate.benefit > limit
        made = settle(seen, stays=stays, limit=limit, staked=staked)
        if limit is not None:
            taken = staked and made.step is Step.ACCEPT
            self.stakes = self.stakes.plus(seen.estimate.stake if taken else 0.0)
        if audit is not None:
            self.control = counted(self.control, stays, follows)
        asks = made.step is Step.ACCEPT and audit is not None
        return Settled(
            made,
            seen.estimate,
            sight,
            stays,
            chance if stays else 1.0 - chance,
            asks and self._draw("audit") < (audit.audit if audit else 0.0),
            audit.audit if audit else 0.0,
            limit,
        )

    def meet(self, text: str) -> None:
        """A request's task is known from now on."""
        self._tasks.meet(text)

    def know(self, near: str, bands: Sequence[int]) -> None:
        """A task was met in another life (`routers.tasks`)."""
        self._tasks.know(near, bands)

    def came_of(self, settled: Settled, who: str, right: float, weight: float = 1.0) -> None:
        """What came of the reply that was served, `who`'s: for what is believed, and for the audit.

        Outcomes that are learned this way need no `confidence.learn` beside it.
        """
        self.confidence.learn(settled.sight, who, right, weight)
        home = who != self.confidence.cloud
        if settled.stays and home == (settled.verdict.step is Step.ACCEPT):
            self.control = came(self.control, home, right, weight, self._limits)

    def judged(
        self, settled: Settled, agreement: Agreement, home: float | None, cloud: float | None
    ) -> None:
        """A reply that would stay home was held against the cloud's; for the audit."""
        known = home is not None and cloud is not None
        if settled.stays and (agreement.comparable or known):
            found = verdict(agreement.same, home, cloud)
            self.control = audited(self.control, found, self._limits)

    def _audits(self, looks: Mapping[str, Looked]) -> bool:
        return self._aim.max_loss is not None and bool(looks)

    def _threshold(
        self,
        estimate: Estimate,
        looks: Mapping[str, Looked],
        agreement: Agreement | None,
        audit: Health | None,
    ) -> tuple[bool, float, float | None]:
        """Whether it stays home, how likely that was, and the limit that decided."""
        if self._aim.cloud_share is not None:
            chance = self._stays_by_rank(estimate.benefit, self._aim.cloud_share)
            return self._draw("stay") < chance, chance, None
        limit = self._limit(estimate, looks, agreement, audit)
        most = self._limits.max_loss
        runs = estimate.best not in looks or looks[estimate.best].fatal is None
        stays = estimate.benefit <= limit or (runs and self.stakes.affords(estimate.stake, most))
        if audit is not None and not audit.accept:
            chance = float(stays)
        elif stays:
            chance = 1.0 - _EPSILON
        else:
            chance = _EPSILON * (runs and self.stakes.explores(estimate.stake, most))
        return self._draw("stay") < chance, chance, limit

    def _limit(
        self,
        estimate: Estimate,
        looks: Mapping[str, Looked],
        agreement: Agreement | None,
        audit: Health | None,
    ) -> float:
        """The benefit from which on it leaves home, where a loss is to be held."""
        shift = audit.shift if audit else 0.0
        if agreement is not None and agreement.same and looks[estimate.best].fatal is None:
            return _AGREED - shift
        return -_CAUTION * estimate.spread - shift

    def _stays_by_rank(self, benefit: float, share: float) -> float:
        """How likely a request stays home that is to be among the rest beside a share."""
        rank = self._window.rank(benefit)
        self._window.add(benefit)
        if share in (0.0, 1.0):
            return 1.0 - share
        if rank is None:
            return 1.0 - share
        return min(1.0 - _EPSILON / 2, max(_EPSILON / 2, sigmoid((rank - share) / _BAND)))

    def _draw(self, what: str) -> float:
        return draw(self._seed, what, self._number)
