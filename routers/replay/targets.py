"""Which setting reaches a target, of those that were tried over what was recorded. Pure.

A setting is one figure of the policy; the stricter it is, the more goes to the cloud. Where the
data do not tell, the answer is that, and how much is missing, in place of a setting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from capture.values import value
from routers.replay.offpolicy import GROUPS, Estimate

Kind = Literal["loss", "local-share", "budget"]
KNOWN = 100
"""Known outcomes below which no setting is named."""


@value
class Target:
    """What is to be reached."""

    kind: Kind
    figure: float
    """`loss`: points, at most; `local-share`: 0 to 1, at least; `budget`: US dollars a week, at
    most."""


@value
class Tried:
    """One setting, and what it would have come to."""

    setting: float
    home: tuple[float, float] | None
    """Share of requests answered at home, at least and at most; None: none is answered."""
    lost: Estimate | None
    """Share of requests that the cloud would have got right and this does not, less those the other
    way round; None while no outcome is known."""
    usd_week: float | None
    """BURST's cost; None where some of it is unknown."""


@value
class Found:
    """The answer."""

    tried: Tried | None
    """The setting that is estimated to reach it; None: none is, or too little is known."""
    why: str
    """A sentence for people: why none, or what is not proven of it; empty when all is."""


def find(target: Target, tried: Sequence[Tried], known: int) -> Found:
    """The setting for a target.

    Args:
        target: what is wanted.
        tried: settings, the strictest first.
        known: requests whose outcome is known.
    """
    groups_missing = any(one.lost is None or one.lost.interval is None for one in tried)
    if known < KNOWN or groups_missing:
        return Found(None, _too_little(known))
    reaching = [one for one in tried if _reaches(target, one)]
    if not reaching:
        return Found(None, _none(target, tried))
    best = reaching[-1] if target.kind == "loss" else reaching[0]
    return Found(best, _unproven(target, best))


def _reaches(target: Target, one: Tried) -> bool:
    if target.kind == "local-share":
        return one.home is not None and one.home[0] >= target.figure
    if target.kind == "budget":
        return one.usd_week is not None and one.usd_week <= target.figure
    return one.lost is not None and 100.0 * one.lost.most <= target.figure


def _too_little(known: int) -> str:
    return (
        f"Too little is known: {known:,} outcomes, and no setting is named below {KNOWN} in "
        f"{GROUPS} conversations. Outcomes come from how conversations go on, and from feedback."
    )


def _none(target: Target, tried: Sequence[Tried]) -> str:
    if target.kind == "local-share":
        most = max((one.home[0] for one in tried if one.home is not None), default=0.0)
        return f"No setting keeps {target.figure:.0%} at home; the most that is sure is {most:.0%}."
    if target.kind == "budget":
        costs = [one.usd_week for one in tried if one.usd_week is not None]
        if not costs:
            return "What the requests would have cost is not known for any setting."
        least = f"the least is ${min(costs):,.2f}"
        return f"No setting costs at most ${target.figure:,.2f} a week; {least}."
    said = f"No setting is estimated to lose at most {target.figure:g} points."
    unknown = min(one.lost.unsupported / one.lost.requests for one in tried if one.lost is not None)
    if 100.0 * unknown <= target.figure:
        return said
    return (
        f"{said} Of {unknown:.0%} of the requests nobody knows what would come, since the way they "
        "would be answered in was hardly tried on their skill; they count as lost."
    )


def _unproven(target: Target, best: Tried) -> str:
    """What is missing to a proof; empty where nothing is, or the target is no loss."""
    lost = best.lost
    if target.kind != "loss" or lost is None or lost.interval is None:
        return ""
    limit, high = target.figure / 100.0, lost.interval[1]
    if high <= limit:
        return ""
    apart = limit - lost.most
    said = f"That is an estimate and no proof: up to {100.0 * high:.1f} points may be lost."
    if apart <= 0.0:
        return said
    wanted = max(
        needed(target.figure), math.ceil(lost.requests * ((high - lost.most) / apart) ** 2)
    )
    return f"{said} A proof takes some {wanted:,} known outcomes, and there are {lost.requests:,}."


def needed(points: float) -> int:
    """Outcomes without a single loss that prove a loss of at most so many points at 95 %: the rule
    of three."""
    return math.ceil(300.0 / points)
