"""How well recorded requests would have been answered under other policies. Pure.

What is known of each request is handed to `routers.replay.offpolicy`: the way it was answered in,
how likely that was, the ways a policy would have it answered in, and what was believed of them
before anybody knew. A weighed request's local reply that says the same as the cloud's is as right
as that; of one that does not, and was not handed over, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from capture.exchange import Mode
from capture.weighing import Weighing
from gateway.anew import REFUSED, same
from gateway.met import Decided, Met
from routers.replay.offpolicy import Chances, Estimate, Logged, estimate


def recorded_success(met: Iterable[Met]) -> Estimate | None:
    """How many were right; None while nothing is known of any outcome."""
    return _estimate([_logged(each) for each in met if each.asked.right is not None])


def success(met: Iterable[Met], policy: int) -> Estimate | None:
    """How many would have been right under a policy; None while nothing is known."""
    known = [each for each in met if each.asked.right is not None]
    return _estimate([_logged(each, _wanted(each, each.now[policy])) for each in known])


def lost(met: Iterable[Met], policy: int, cloud: int) -> Estimate | None:
    """How many more would have been right under another policy, the cloud's; None while nothing is
    known of any outcome."""
    rows: list[Logged] = []
    for each in met:
        if each.asked.right is not None:
            ours, theirs = (_wanted(each, each.now[n]) for n in (policy, cloud))
            rows.append(_logged(each, _apart(theirs, ours)))
    return _estimate(rows)


def _estimate(rows: Sequence[Logged]) -> Estimate | None:
    return estimate(rows) if rows else None


def _apart(some: Chances, others: Chances) -> Chances:
    """How much more likely each way is in the one than in the other."""
    ways = {**some, **others}
    return _only({way: some.get(way, 0.0) - others.get(way, 0.0) for way in ways})


def _logged(met: Met, wanted: Chances | None = None) -> Logged:
    """`wanted` None: as it was."""
    taken, chances = _as_then(met)
    return Logged(
        met.asked.conversation,
        str(met.asked.decision.get("skill") or ""),
        taken,
        float(bool(met.asked.right)),
        chances,
        chances if wanted is None else wanted,
        _beliefs(met),
    )


def _as_then(met: Met) -> tuple[str, Chances]:
    """The way it was answered in, and how likely each way was."""
    if met.weighed is None:
        way, chance = str(met.then.way), float(met.asked.decision.get("propensity", 1.0))
        return way, {way: 1.0} if chance >= 1.0 else {way: chance, "": 1.0 - chance}
    found, answered = met.weighed.weighing, met.asked.answered or Mode.BURST
    taken, chance = _weighed_way(met, answered), _chance(found)
    if chance >= 1.0 or found.best is None or answered is not (found.who or Mode.BURST):
        return taken, {taken: 1.0}
    other = found.best if answered is Mode.BURST else Mode.BURST
    return taken, {taken: chance, _weighed_way(met, other): 1.0 - chance}


def _chance(found: Weighing) -> float:
    """How likely the choice was that fell; certain where nothing was drawn."""
    return found.propensity if 0.0 < found.propensity < 1.0 else 1.0


def _wanted(met: Met, decided: Decided) -> Chances:
    """How likely each way is under another policy: as then where it decides the same, and the way
    that was taken where the same reply would come about."""
    (taken, chances), gone, again = _as_then(met), decided.gone, decided.again
    if again is not None:
        if _says_the_same(met, again.home):
            return {taken: 1.0}
        home, cloud = (_weighed_way(met, mode) for mode in (again.home, Mode.BURST))
        return _only({home: again.chance, cloud: 1.0 - again.chance})
    if met.then.way == gone.way:
        return chances
    if same(met.then, gone, met.asked):
        return {taken: 1.0}
    if met.weighed is not None and gone.first is not None and gone.way.how in ("", "checked"):
        mode = gone.first.mode
        local = met.asked.answered if mode is Mode.BURST else mode
        alike = local is not None and _says_the_same(met, local)
        return {taken if alike else _weighed_way(met, mode): 1.0}
    return {str(gone.way): 1.0}


def _says_the_same(met: Met, home: Mode) -> bool:
    """This local reply was held against the cloud's, and the client got one of the two."""
    if met.weighed is None or met.asked.answered not in (home, Mode.BURST):
        return False
    agreement = met.weighed.weighing.beside.get(home)
    return agreement is not None and agreement.same


def _weighed_way(met: Met, mode: Mode) -> str:
    """What answers a weighed request. A local reply that is unlike the cloud's, of which the client
    got one, is a way that nobody tried: what is believed of other replies does not hold for it."""
    answered = met.asked.answered
    if met.weighed is not None and mode is not answered:
        local = answered if mode is Mode.BURST else mode
        beside = None if local is None else met.weighed.weighing.beside.get(local)
        if beside is not None and beside.comparable and not beside.same:
            return f"{mode}, weighed, unlike {answered}'s"
    return f"{mode}, weighed"


def _only(chances: Chances) -> Chances:
    return {way: chance for way, chance in chances.items() if chance}


def _beliefs(met: Met) -> Mapping[str, float]:
    """What was believed before anybody knew: of a refusal, and of replies that were weighed."""
    beliefs = {REFUSED: 0.0}
    if met.weighed is not None:
        found = met.weighed.weighing
        beliefs |= {f"{mode}, weighed": p for mode, p in found.home.items()}
        if found.cloud is not None:
            beliefs[f"{Mode.BURST}, weighed"] = found.cloud
    return beliefs
