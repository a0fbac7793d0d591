"""The learning router as one life of a household drives it: asked by requests, taught by the store.

`routers.brain` decides and learns; here is what live requests need besides. Whether home is asked
at all: where hardly any reply was worth the look, since it could not stay and was not the cloud's
either, the cloud is asked at once, but for a few, so that a home that got better is noticed. When a
model or an adapter is another, what was seen of the one before counts for less. And what is taught
may come late, twice, changed, or from before the process began. Pure; what is drawn comes from a
seed.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from capture.exchange import Mode, Reason
from capture.ids import time_of
from capture.values import value
from capture.weighing import Agreement, Weighed, Weighing
from routers.audit import counted, renewed
from routers.brain import Brain, Settled
from routers.cascade import Step, Verdict
from routers.checks import Looked
from routers.confidence import LEVELS, Estimate, Sight
from routers.draws import draw
from routers.posterior import Posterior
from routers.tasks import bands_of
from routers.thresholds import Aim

_LOOKED = 20.0
"""Looks that are needed before any is spared."""
_HARDLY = 0.1
"""Share of looks that were worth it, up to which none is taken."""
_ANYWAY = 0.05
"""Share of requests that are looked at all the same."""
_DEVIATIONS = 2.0
_CHANGED = 0.3
"""What the history of a model counts for once it is another, or has another adapter."""
_REMEMBERED = 20_000
"""Requests whose teaching is remembered, so that none is taught twice."""
_PATIENCE_SECONDS = 900.0
"""How long a reply that differs from the cloud's waits for word of which was right."""


@value
class Met:
    """A request, before anybody answered it."""

    sight: Sight
    bands: tuple[int, ...]
    asks_home: bool
    """Home is to be asked."""
    propensity: float
    """How likely that was."""


@value
class _Taught:
    """What was made of a weighed request already."""

    right: bool | None
    judged: bool


class Learning:
    """See the module.

    Args:
        homes: the local modes, the cheapest first; at least one.
        aim: what the threshold is to hold.
        seed: of what is drawn.
    """

    def __init__(self, homes: Sequence[Mode], aim: Aim, seed: int = 0) -> None:
        self.brain = Brain(homes, Mode.BURST, aim, seed, follows=True)
        self._seed, self._number = seed, 0
        self._worth = Posterior(0.5, LEVELS)
        self._weights: dict[Mode, str] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._taught: OrderedDict[str, _Taught] = OrderedDict()
        self._waiting: deque[tuple[str, Weighing]] = deque(maxlen=_REMEMBERED)

    def meet(self, text: str, skill: str, tools: int, turns: int) -> Met:
        """A request's sight, and whether home is asked. Its task is known from now on."""
        sight, bands = self.brain.sight(text, skill, tools, turns), bands_of(text)
        self._know(sight, bands)
        belief = self._worth.belief(sight.keys)
        likely = belief.mean + _DEVIATIONS * belief.variance**0.5
        if belief.of < _LOOKED or likely > _HARDLY:
            return Met(sight, bands, asks_home=True, propensity=1.0)
        self._number += 1
        asks = draw(self._seed, "away", self._number) < _ANYWAY
        return Met(sight, bands, asks, _ANYWAY if asks else 1.0 - _ANYWAY)

    def settle(
        self, id_: str, met: Met, looks: Mapping[str, Looked], agreement: Agreement | None
    ) -> Settled:
        """Hand over or escalate the request of this exchange."""
        self._settled[id_] = None
        _bound(self._settled)
        return self.brain.settle(met.sight, looks, agreement)

    def notice(self, weights: Mapping[Mode, str]) -> None:
        """Which model, with which adapter, each mode is now."""
        for mode, name in weights.items():
            before = self._weights.get(mode)
            if before is not None and before != name:
                self.brain.confidence.changed(mode, _CHANGED)
                self.brain.control = renewed(self.brain.control)
                if mode is not Mode.BURST:
                    self._worth.discount(_CHANGED)
        self._weights |= weights

    def teach(self, weighed: Weighed) -> None:
        """A request that was weighed, here or in another life, and what came of it so far. May come
        again, with what is known by then."""
        known = self._taught.pop(weighed.id, None)
        if known is None:
            self._meet_again(weighed.id, weighed.weighing)
        before = known or _Taught(None, judged=False)
        judged = before.judged or self._judge(weighed.weighing, weighed.right)
        if not judged and known is None:  # it is told again for as long as nobody knows
            self._waiting.append((weighed.id, weighed.weighing))
        if weighed.right is not None and weighed.right != before.right:
            self._learn(weighed, float(weighed.right))
        self._taught[weighed.id] = _Taught(weighed.right, judged)
        _bound(self._taught)
        self._stop_waiting(weighed.id)

    def _know(self, sight: Sight, bands: tuple[int, ...]) -> None:
        near = sight.keys[1]
        if near is not None and bands:
            self.brain.know(near, bands)

    def _meet_again(self, id_: str, weighing: Weighing) -> None:
        """The first that is heard of a weighed request."""
        looked = weighing.choice != "away"
        if looked:
            worth = weighing.stays or any(each.same for each in weighing.beside.values())
            self._worth.learn(weighing.keys, float(worth))
        if id_ in self._settled:
            del self._settled[id_]
            return
        self.notice(weighing.weights)
        self._know(Sight(weighing.keys, weighing.figures), weighing.bands)
        if looked:
            self.brain.control = counted(self.brain.control, weighing.stays)
            self.brain.stakes = self.brain.stakes.plus(_staked(weighing))

    def _judge(self, weighing: Weighing, right: bool | None, *, late: bool = False) -> bool:
        """Hold the local replies against the cloud's: for the audit, and to learn how good they
        are, by what the cloud's came to or, where nobody says, is likely to come to. False where
        that has to wait until it is known which of two that differ is right."""
        besides = {m: each for m, each in weighing.beside.items() if m in self.brain.homes}
        waits = any(not each.same for each in besides.values())
        if waits and right is None and not late:
            return False
        best = weighing.best
        if weighing.stays and best is not None and best in besides:
            cloud = None if right is None else float(right)
            self.brain.judged(_settled_as(weighing), besides[best], None, cloud)
        likely = float(right) if right is not None else weighing.cloud or 0.0
        for mode, beside in besides.items():
            sight = Sight(weighing.keys, weighing.figures)
            self.brain.confidence.compare(sight, mode, beside, likely)
        return True

    def _stop_waiting(self, newest: str) -> None:
        """Nothing more is heard of the oldest that wait."""
        now = time_of(newest)
        while self._waiting and now - time_of(self._waiting[0][0]) > _PATIENCE_SECONDS:
            id_, weighing = self._waiting.popleft()
            taught = self._taught.get(id_)
            if taught is not None and not taught.judged:
                self._judge(weighing, taught.right, late=True)
                self._taught[id_] = _Taught(taught.right, judged=True)

    def _learn(self, weighed: Weighed, right: float) -> None:
        """What came of the reply that the client got, and what that says of the others."""
        answered, weighing, confidence = weighed.answered, weighed.weighing, self.brain.confidence
        if answered is None or (answered is not Mode.BURST and answered not in self.brain.homes):
            return
        settled = _settled_as(weighing)
        self.brain.came_of(settled, answered, right, weighed.confidence)
        agreement = weighing.agreement
        if answered is not Mode.BURST and agreement is not None and agreement.same:
            for mode in weighing.found:
                if mode != answered and mode in self.brain.homes:
                    confidence.learn(settled.sight, mode, right, weighed.confidence)


def _bound(kept: OrderedDict[str, Any]) -> None:
    if len(kept) > _REMEMBERED:
        kept.popitem(last=False)


def _staked(weighing: Weighing) -> float:
    """What was risked by handing over a reply because little could be lost."""
    if weighing.reason.code != "staked" or weighing.who is None or weighing.cloud is None:
        return 0.0
    return min(weighing.cloud, 1.0 - weighing.home[weighing.who])


def _settled_as(weighing: Weighing) -> Settled:
    """A weighing as the brain had settled it."""
    best = weighing.best or Mode.RESTING
    home = {mode.value: p for mode, p in weighing.home.items()}
    estimate = Estimate(
        home, weighing.cloud or 0.0, best, weighing.benefit or 0.0, weighing.spread or 0.0
    )
    step = Step.ACCEPT if weighing.choice == "accept" else Step.ESCALATE
    return Settled(
        Verdict(step, weighing.who, Reason(weighing.reason.code, weighing.reason.text)),
        estimate,
        Sight(weighing.keys, weighing.figures),
        weighing.stays,
        weighing.propensity,
        weighing.audited,
    )
