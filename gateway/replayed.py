"""What recorded requests would have come to under other policies: home's share and the cost. Pure.

A request that a policy would answer as it was answered keeps what was recorded of it. One that it
would answer otherwise costs what its tokens then would, uncached, at the place asked first now:
another model would count and write others. Who answers where a second opinion is asked, or replies
are weighed that were not then, nobody knows: such a request counts for nothing at home and for all,
and its cost as unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from capture.exchange import Candidate, Mode
from capture.messages import Usage
from capture.store.asked import Asked
from gateway.anew import same
from gateway.met import Decided, Met, unchanged
from routers.replay.weighed import Again


class Prices(NamedTuple):
    """What a policy's places cost."""

    price: Callable[[Candidate, Usage], float | None]
    """US dollars of so many tokens at a place; None: unknown."""
    cloud: Candidate | None
    """The place that serves BURST."""


_UNKNOWN_PLACE = ("second opinion", "weighed")


@dataclass(frozen=True, slots=True)
class Course:
    """What a policy comes to."""

    home: tuple[float, float] | None
    """Share of answered requests that home answers, at least and at most; None: none is."""
    cost_usd: float
    """Known costs."""
    cost_unknown: int
    """Requests whose cost is not among them."""
    otherwise: int
    """Requests that would be answered otherwise than they were."""


def recorded_course(met: Sequence[Met]) -> Course:
    """What was."""
    at_home = [(_local(each.asked.answered), _local(each.asked.answered)) for each in met]
    costs = [each.asked.cost_usd for each in met]
    return _course(at_home, costs, 0)


def course(met: Sequence[Met], policy: int, prices: Prices) -> Course:
    """What one of the policies would have come to."""
    at_home: list[tuple[float, float]] = []
    costs: list[float | None] = []
    for each in met:
        answer = _answer(each, each.now[policy], prices)
        if answer is not None:
            at_home.append(answer[:2])
            costs.append(answer[2])
    otherwise = sum(not unchanged(each, each.now[policy]) for each in met)
    return _course(at_home, costs, otherwise)


def _course(
    at_home: Sequence[tuple[float, float]],
    costs: Sequence[float | None],
    otherwise: int,
) -> Course:
    of = len(at_home)
    home = (
        (sum(low for low, _ in at_home) / of, sum(high for _, high in at_home) / of) if of else None
    )
    known = [cost for cost in costs if cost is not None]
    return Course(home, sum(known), len(costs) - len(known), otherwise)


def _answer(met: Met, decided: Decided, prices: Prices) -> tuple[float, float, float | None] | None:
    """How much of it home answers, at least and at most, and what it costs; None: nothing may."""
    asked, first = met.asked, decided.gone.first
    if decided.again is not None:
        return _weighed_answer(met, decided.again, prices)
    if same(met.then, decided.gone, asked):
        home = _local(asked.answered)
        return home, home, asked.cost_usd
    if first is None:
        return None
    if decided.gone.way.how in _UNKNOWN_PLACE:
        return 0.0, 1.0, None
    home = _local(first.mode)
    return home, home, prices.price(first, _fresh(asked))


def _weighed_answer(met: Met, again: Again, prices: Prices) -> tuple[float, float, float | None]:
    away = 1.0 - again.chance
    cost = met.asked.cost_usd
    if met.asked.answered is not Mode.BURST:
        cost = None if prices.cloud is None else prices.price(prices.cloud, _fresh(met.asked))
    if away and cost is None:
        return 1.0 - away, 1.0 - away, None
    return 1.0 - away, 1.0 - away, away * (cost or 0.0)


def _fresh(asked: Asked) -> Usage:
    """Its tokens, none of them cached."""
    return Usage(asked.usage.input_tokens, asked.usage.output_tokens)


def _local(mode: Mode | None) -> float:
    return float(mode is not None and mode is not Mode.BURST)
