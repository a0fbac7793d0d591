"""Is the quality that the user asked for held? From audits of accepted answers, with a bound. Pure.

A local answer that the cascade accepts is sometimes audited: the cloud is asked the same, and a
verdict says what the local answer cost against the cloud's. Which answers are audited, a number
drawn by the caller decides, before anything of the answer is known but that it was accepted; so the
audited ones stand for all accepted ones of their stage. A stage lasts while model, juror and
threshold stay the same; the next one begins with fresh verdicts only, since what looked best on the
old ones looks better than it is (the winner's curse).

The bounds hold at all times at once, however often they are looked at (`routers.betting`). Stage k
of a model may be wrong with a probability of (1 - confidence) / k(k + 1), which makes
1 - confidence over all its stages.

How long it takes to prove, and what an unproven stage may do meanwhile, is a matter of choice: the
first `PROOF` verdicts of a stage cost no quality, since the cloud answers; then answers are handed
over, densely audited, while juror health is at the floor and the loss seen is near the limit.

Private requests are never audited; their loss is taken to be that of the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from capture.values import value
from routers.betting import NOTHING, Losses, capital, end
from routers.rates import Rates

_FLOATS = ("fine", "poor", "seen", "accepted", "handed", "lost")
"""Fields of `Control` that are plain numbers."""

Standing = Literal["trusted", "unproven", "distrusted"]

SHIFTS = (0.0, 0.05, 0.1, 0.2, 0.4)
"""By how much the threshold is raised, level by level, before nothing is accepted any more."""
PROOF = 24
"""Verdicts of the first stage before the first answer is handed over: until then the cloud answers,
and what the cascade would have accepted is held against that at no loss. Later ones take more."""
_MEMORY = 0.99
"""What a verdict still counts for in juror health when the next one comes: a hundred count."""
_SLACK = 0.5
"""Standard errors by which health must be below the floor to stop what was going on."""
_LOOSER = 50.0
"""Verdicts, times the stages so far, after which a trusted stage gives way to a looser one."""
_DENSE = 30.0
"""Audits of a stage until which more than half of the accepted answers are audited."""
_HANDED_DOWN = 0.25
"""What juror health still counts for when a model or an adapter has changed."""
_FADING = 0.999
"""What a request still counts for when the next one is decided: a thousand count."""
_SPENT = 0.75
"""Share of the loss allowed that may look lost before a stage gives way."""
_AHEAD = 400.0
"""Requests whose allowed loss may be lost at once: a stage must be allowed to go wrong."""
_BEHIND = 2.0
"""Standard errors by which outcomes must be beyond the limit to overrule what replies say."""
_PRIOR = 2.0
"""Verdicts that the floor itself counts for in juror health."""

_UNRELATED = "Outcomes are not seen to follow what replies say, so the cloud answers meanwhile."


@value
class Limits:
    """What the user asks for."""

    max_loss: float = 0.01
    """Most quality lost against the cloud, as a share of all requests: 0.01 is one point."""
    confidence: float = 0.95
    """With what probability a proof of it is right."""
    floor: float = 0.85
    """Least share of audited answers that are as good as the cloud's; below it none is accepted."""
    audit_share: float = 0.02
    """Share of accepted answers that is audited when all is proven."""


@value
class Verdict:
    """What one accepted answer cost against the cloud's: 1 when the cloud was right and home was
    not, 0 when they are as good, -1 when only home was right. Between two bounds, since agreement
    alone does not tell which of two different answers is right."""

    least: float
    most: float


@value
class Control:
    """All that is kept for one local model and its juror; a value to store between requests."""

    stage: int = 1
    """Which stage of this model, adapter and juror this is, from 1."""
    level: int = 0
    """How far the threshold is raised, an index of `SHIFTS`; past its end nothing is accepted."""
    most: Losses = NOTHING
    """This stage's verdicts, as bad as each can be."""
    least: Losses = NOTHING
    """The same, as good as each can be."""
    fine: float = 0.0
    """Recent verdicts that are at most as good as the cloud's or better; the latest counts 1."""
    poor: float = 0.0
    """Recent verdicts that may be worse."""
    seen: float = 0.0
    """Requests that were decided, the latest thousand or so."""
    accepted: float = 0.0
    """Those of them that the cascade accepted, or would have."""
    handed: float = 0.0
    """Answers of this stage that were handed over."""
    lost: float = 0.0
    """What was lost by the stages before, in answers, as far as audits show; less as time goes."""
    came: Rates = Rates()
    """What came of this stage's answers, and of the cloud's to what it would have accepted."""


@value
class Health:
    """What the control tells the cascade."""

    standing: Standing
    """`trusted`: the loss is proven to be within the limit. `distrusted`: it is beyond, or the
    juror's answers too often differ from the cloud's. `unproven`: neither, yet."""
    accept: bool
    """Accepted answers may be handed over. Where False the cloud answers, and what would have been
    accepted is still judged against it."""
    shift: float
    """By how much the threshold is raised."""
    audit: float
    """Share of accepted answers to audit."""
    fine: float
    """Juror health: share of recent accepted answers as good as the cloud's; the floor at first."""
    loss: tuple[float, float]
    """Share of all requests lost, as the stage's verdicts have it: at least and at most. What it is
    with confidence, `bounded` says."""
    text: str
    """How it stands, a sentence for people."""


def verdict(same: bool, home: float | None = None, cloud: float | None = None) -> Verdict:
    """What an accepted answer cost, from what is known of it.

    Args:
        same: home's answer and the cloud's say the same.
        home: how right home's answer is, from 0 to 1; None when nobody knows.
        cloud: the same of the cloud's.
    """
    if same:
        return Verdict(0.0, 0.0)
    return Verdict(
        (0.0 if cloud is None else cloud) - (1.0 if home is None else home),
        (1.0 if cloud is None else cloud) - (0.0 if home is None else home),
    )


def counted(control: Control, accepted: bool, follows: bool = True) -> Control:
    """With one more request decided; `accepted` where the cascade took home's answer, or would have
    but for `Health.accept`; `follows` as for `health`."""
    return replace(
        control,
        seen=control.seen * _FADING + 1.0,
        accepted=control.accepted * _FADING + float(accepted),
        handed=control.handed * _FADING + float(accepted and follows and _open(control)),
        lost=control.lost * _FADING,
    )


def audited(control: Control, found: Verdict, limits: Limits) -> Control:
    """With one more verdict, of an answer that was accepted under this very stage; the next stage
    where this one proved too loose, or strict for long enough without need."""
    poor = min(1.0, max(0.0, found.most))
    after = replace(
        control,
        most=control.most.plus(found.most),
        least=control.least.plus(found.least),
        fine=control.fine * _MEMORY + 1.0 - poor,
        poor=control.poor * _MEMORY + poor,
    )
    if after.level >= len(SHIFTS):
        return _stopped(after, limits)
    if not _open(after):
        return after
    if _too_loose(after, limits):
        return _staged(after, after.level + 1)
    tried = after.most.of >= _LOOSER * after.stage and _standing(after, limits) == "trusted"
    return _staged(after, after.level - 1) if tried and after.level else after


def came(control: Control, home: bool, right: float, weight: float, limits: Limits) -> Control:
    """With the outcome of what was served to a request that the cascade accepted, or would have;
    the next stage where home's are behind the cloud's by more than the limit.

    Args:
        control: what is kept.
        home: home's answer was served, not the cloud's.
        right: how right it was, from 0 to 1.
        weight: how sure that is, from 0 to 1.
        limits: what the user asks for.
    """
    after = replace(control, came=control.came.plus(home, right, weight))
    short = _open(after) and after.came.behind(_BEHIND) > _limit(after, limits)
    return _staged(after, after.level + 1) if short else after


def renewed(control: Control) -> Control:
    """The first stage of a changed model, adapter or juror: how far the threshold is raised and a
    part of its health are handed down, proof and distrust are not."""
    after = _staged(control, min(control.level, len(SHIFTS) - 1))
    fine, poor = control.fine * _HANDED_DOWN, control.poor * _HANDED_DOWN
    return replace(after, stage=1, fine=fine, poor=poor)


def health(control: Control, limits: Limits, follows: bool = True) -> Health:
    """What the cascade may do now. Cheap: it works out no bound.

    Args:
        control: what is kept.
        limits: what the user asks for.
        follows: outcomes are seen to follow what replies say (`routers.following`); where they are
            not, that two replies agree says nothing of their quality, and none is handed over.
    """
    standing = _standing(control, limits) if follows else "unproven"
    accept = follows and _open(control)
    share = _share(control)
    return Health(
        standing,
        accept,
        SHIFTS[min(control.level, len(SHIFTS) - 1)],
        _audit(control, standing, limits) if accept else 0.0,
        _fine(control, limits),
        (share * control.least.mean, share * control.most.mean),
        _text(control, standing, accept, limits) if follows else _UNRELATED,
    )


def bounded(control: Control, limits: Limits) -> tuple[float, float]:
    """Between which shares of all requests lost the truth is, each end with the confidence asked
    for. The search takes a millisecond: for pages, not for the path of a request."""
    share, risk = _share(control), _risk(control, limits)
    return share * end(control.least, risk, -1.0), share * end(control.most, risk, 1.0)


def affordable(share: float, accepted: float, usd_each: float, usd_left: float | None) -> float:
    """The share of accepted answers to audit so that the money lasts.

    Args:
        share: the share wanted.
        accepted: answers that are still going to be accepted while the money must last.
        usd_each: what one audit costs.
        usd_left: what may be spent on them; None for no limit.
    """
    if usd_left is None or usd_each <= 0.0 or accepted <= 0.0:
        return share
    return max(0.0, min(share, usd_left / (usd_each * accepted)))


def stored(control: Control) -> dict[str, Any]:
    """The control as JSON."""
    losses = (control.most, control.least)
    most, least = ([held.worse, held.even, held.better] for held in losses)
    names = ("stage", "level", *_FLOATS)
    came = control.came
    return {
        "most": most,
        "least": least,
        "came": [came.home_right, came.home_of, came.cloud_right, came.cloud_of],
        **{name: getattr(control, name) for name in names},
    }


def restored(held: Mapping[str, Any]) -> Control:
    """The control that was stored. Raises KeyError, TypeError or ValueError for anything else."""
    return Control(
        int(held["stage"]),
        int(held["level"]),
        Losses(*(float(n) for n in held["most"])),
        Losses(*(float(n) for n in held["least"])),
        **{name: float(held[name]) for name in _FLOATS},
        came=Rates(*(float(n) for n in held.get("came", ()))),
    )


def _standing(control: Control, limits: Limits) -> Standing:
    if control.level >= len(SHIFTS):
        return "distrusted"
    limit, risk = _limit(control, limits), _risk(control, limits)
    proven = control.most.of > 0 and capital(control.most, limit, 1.0) >= -math.log(risk)
    return "trusted" if proven and _fine(control, limits) >= limits.floor else "unproven"


def _too_loose(control: Control, limits: Limits) -> bool:
    """Whether this stage's loss is proven to be beyond the limit, or looks it: its health is below
    the floor, its loss, halfway between its bounds, is a standard error beyond the limit, or beyond
    it at all when what may be lost is spent."""
    fine = _fine(control, limits)
    begins = control.most.of < _proof(control) + 1  # to begin takes more than to go on
    slack = 0.0 if begins else _SLACK
    error = math.sqrt(fine * (1.0 - fine) / (control.fine + control.poor + _PRIOR))
    if fine + slack * error < limits.floor:
        return True
    spent = _SPENT * limits.max_loss * max(control.seen, _AHEAD)
    benefit_of_doubt = (-0.5 if 2.0 * control.lost < spent else 0.5) if begins else -1.0
    if _seen_loss(control, benefit_of_doubt) > _limit(control, limits):
        return True
    if _seen_loss(control, 0.0) > _limit(control, limits) and _lost(control) > spent:
        return True
    limit, risk = _limit(control, limits), _risk(control, limits)
    return capital(control.least, limit, -1.0) >= -math.log(risk)


def _stopped(control: Control, limits: Limits) -> Control:
    """Whether what nobody is handed any more deserves another try: after so many fresh verdicts,
    health half-way from the floor to perfect, and a loss that looks to be within the limit. If not,
    so many more are waited for, and each new try takes more than the last."""
    wanted = _proof(control)
    if control.most.of < wanted:
        return control
    healthy = 1.0 - control.most.worse / control.most.of >= (1.0 + limits.floor) / 2.0
    if healthy and _seen_loss(control, 0.0) <= _limit(control, limits):
        return _staged(control, len(SHIFTS) - 1)
    return replace(control, most=NOTHING, least=NOTHING)


def _seen_loss(control: Control, errors: float) -> float:
    """Loss for each audited answer, halfway between its bounds, and so many standard errors."""
    most, least = control.most, control.least
    mean = (most.mean + least.mean) / 2.0
    square = (most.worse + most.better + least.worse + least.better) / (2.0 * max(1.0, most.of))
    return mean + errors * math.sqrt(max(0.0, square - mean * mean) / max(1.0, most.of))


def _lost(control: Control) -> float:
    """What was lost so far, in answers: those of this stage, and what the stages before lost."""
    return control.lost + control.handed * _seen_loss(control, 0.0)


def _open(control: Control) -> bool:
    """Whether accepted answers are handed over."""
    return control.level < len(SHIFTS) and control.most.of >= _proof(control)


def _proof(control: Control) -> int:
    """Verdicts that this stage needs before the first answer is handed over: each try that failed
    makes the next one harder, since among many tries some bad one looks good."""
    return PROOF * (control.stage + 1) // 2


def _staged(control: Control, level: int) -> Control:
    return replace(
        control,
        stage=control.stage + 1,
        level=level,
        handed=0.0,
        came=Rates(),
        lost=max(0.0, _lost(control)),
        most=NOTHING,
        least=NOTHING,
        fine=0.0,
        poor=0.0,
    )


def _fine(control: Control, limits: Limits) -> float:
    prior = _PRIOR * limits.floor
    return (control.fine + prior) / (control.fine + control.poor + _PRIOR)


def _share(control: Control) -> float:
    """The share of requests that the cascade accepts; all of them while nothing was counted."""
    return control.accepted / control.seen if control.seen else 1.0


def _limit(control: Control, limits: Limits) -> float:
    """Most loss for each accepted answer."""
    return min(1.0, limits.max_loss / max(_share(control), 1e-6))


def _risk(control: Control, limits: Limits) -> float:
    return (1.0 - limits.confidence) / (control.stage * (control.stage + 1))


def _audit(control: Control, standing: Standing, limits: Limits) -> float:
    if standing == "trusted":
        return limits.audit_share
    return max(limits.audit_share, _DENSE / (_DENSE + control.most.of))


def _text(control: Control, standing: Standing, accept: bool, limits: Limits) -> str:
    points = f"{100.0 * limits.max_loss:g} point{'' if limits.max_loss == 0.01 else 's'}"
    audits, fine = f"{control.most.of:.0f} audits", f"{100.0 * _fine(control, limits):.0f} %"
    if standing == "distrusted":
        held = f"A loss of at most {points} cannot be held"
        return f"{held}: {audits}, {fine} as good; all is escalated."
    if standing == "trusted":
        return f"A loss of at most {points} is proven at {100.0 * limits.confidence:g} %: {audits}."
    if not accept:
        tried = f"Tried {control.most.of:.0f} of {_proof(control)} times against the cloud"
        return f"{tried}, which answers meanwhile."
    return f"A loss of at most {points} is not proven yet: {audits}, {fine} as good as the cloud's."
