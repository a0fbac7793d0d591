"""Weighed requests decided anew under another aim, by the router that weighs. Pure.

What a request and its local replies showed was recorded, so that no reply is looked at again: the
very `Learning` of a gateway is driven over the recorded weighings, one for each API key, in their
order, from a cold start. It is taught what was recorded, whatever it would have done itself; where
it would hand over a local reply that was not handed over then, nobody knows more of that reply than
how it compared with the cloud's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from capture.exchange import Mode
from capture.values import value
from capture.weighing import Weighed, Weighing
from routers.brain import Settled
from routers.cascade import Step
from routers.checks import Finding, Looked
from routers.confidence import LEVELS, Sight
from routers.learning import Learning, Met
from routers.thresholds import Aim

_LOCAL = (Mode.RESTING, Mode.ACTIVE)


@value
class Again:
    """How a weighed request is decided now."""

    weighed: Weighed
    who: Mode
    """Whose reply would be handed over."""
    home: Mode
    """The local model that is most likely right, whoever answers."""
    chance: float
    """How likely it is that the reply of `home` is handed over, and not the cloud's."""


def again(weighed: Iterable[Weighed], aim: Aim, seed: int = 0) -> list[Again]:
    """Those for which home was asked, in the order given, which is that in which they came."""
    learnings: dict[tuple[str | None, tuple[Mode, ...]], Learning] = {}
    made: list[Again] = []
    for one in weighed:
        homes = tuple(mode for mode in _LOCAL if mode in one.weighing.home)
        if homes and one.weighing.choice != "away" and len(one.weighing.keys) == LEVELS:
            key = one.key, homes
            learning = learnings.setdefault(key, Learning(homes, aim, seed))
            made.append(_decide(learning, one))
    return made


def _decide(learning: Learning, one: Weighed) -> Again:
    found = one.weighing
    met = Met(Sight(found.keys, found.figures), found.bands, asks_home=True, propensity=1.0)
    learning.notice(found.weights)
    settled = learning.settle(one.id, met, _looks(found), found.agreement)
    home = Mode(settled.estimate.best)
    chance = _chance(settled, home, found)
    learning.teach(replace(one, weighing=_as_settled(found, settled)))
    handed = settled.verdict.step is Step.ACCEPT and not settled.audit and chance > 0.0
    return Again(one, home if handed else Mode.BURST, home, chance)


def _chance(settled: Settled, home: Mode, found: Weighing) -> float:
    """How likely the reply of `home` is handed over: not while the audit holds it back, and not one
    that an agent would stumble over, or that never came."""
    held = settled.stays and settled.verdict.step is not Step.ACCEPT
    if held or home not in found.found or found.figures.get(f"{home}.fatal"):
        return 0.0
    stays = settled.propensity if settled.stays else 1.0 - settled.propensity
    return stays * (1.0 - settled.audit_share)


def _as_settled(found: Weighing, settled: Settled) -> Weighing:
    """The weighing as it would be recorded now, of what it is taught by."""
    home = {Mode(mode): p for mode, p in settled.estimate.home.items()}
    return replace(found, stays=settled.stays, home=home, cloud=settled.estimate.cloud)


def _looks(found: Weighing) -> Mapping[str, Looked]:
    """The looks at local replies as far as a decision depends on them: their figures are among the
    weighing's."""
    looks: dict[str, Looked] = {}
    for mode, reasons in found.found.items():
        fatal = bool(found.figures.get(f"{mode}.fatal"))
        findings = tuple(
            Finding(reason.code, reason.text, fatal=fatal and n == 0)
            for n, reason in enumerate(reasons)
        )
        looks[mode] = Looked(findings, {})
    return looks
