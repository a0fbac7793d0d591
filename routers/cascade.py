"""After a look at a local reply: accept it, ask the juror, retry at the larger model, or escalate.

Pure: from what was seen so far to the next step, with its reason. The cheapest local model is
looked at first. A reply that cannot be run is not judged any further: the next model answers
instead. One that can be is held against the next model's, which is asked the same as a juror. When
all were looked at, the one most likely right is handed over, unless the cloud is worth more than
the limit. Texts take the same way: their looks and their agreement are their own (`routers.checks`,
`routers.agreement`), and where they cannot be compared the looks speak alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from capture.exchange import Reason
from capture.values import value
from routers.agreement import Agreement
from routers.audit import Health
from routers.checks import Looked
from routers.confidence import Estimate


class Step(StrEnum):
    """What to do next."""

    LOOK = "look"
    """Let the first local model answer, and look at it."""
    JUROR = "juror"
    """Let the next one answer, too, and compare."""
    RETRY = "retry"
    """Let the next one answer, since this reply cannot be used."""
    ACCEPT = "accept"
    """Hand the local reply over."""
    ESCALATE = "escalate"
    """Ask the cloud."""


@value
class Seen:
    """How far the cascade has come with one request."""

    looks: Mapping[str, Looked]
    """Looks at their replies so far, in the order taken."""
    agreement: Agreement | None
    """Of the two replies; None while there are not two."""
    estimate: Estimate
    health: Health | None = None
    """What the audit says; None: nothing audits this aim."""


@value
class Verdict:
    """The next step."""

    step: Step
    who: str | None
    """The local model to ask, or whose reply is handed over; None for the cloud."""
    reason: Reason


def next_look(homes: Sequence[str], looks: Mapping[str, Looked]) -> Verdict | None:
    """Which local model to look at next; None when all that helps was seen.

    Args:
        homes: local models that may answer, the cheapest first.
        looks: looks at their replies so far, in the order taken.
    """
    left = [who for who in homes if who not in looks]
    if not left:
        return None
    if not looks:
        return Verdict(Step.LOOK, left[0], Reason("look", f"`{left[0]}` is tried first"))
    fatal = list(looks.values())[-1].fatal
    if fatal is not None:
        text = f"{fatal.text}, so `{left[0]}` is tried"
        return Verdict(Step.RETRY, left[0], Reason("retry", text))
    return Verdict(Step.JUROR, left[0], Reason("juror", f"`{left[0]}` is asked the same"))


def settle(seen: Seen, *, stays: bool, limit: float | None = None, staked: bool = False) -> Verdict:
    """Hand over or escalate, once all looks are in.

    Args:
        seen: what was seen.
        stays: the threshold says that the cloud is not worth it.
        limit: the benefit from which it is, to say it; None when only ranks were compared.
        staked: it is worth it, but what can be lost is small, or risked to learn from it.
    """
    if stays and seen.health is not None and not seen.health.accept:
        return Verdict(Step.ESCALATE, None, Reason(seen.health.standing, _clause(seen.health.text)))
    who, benefit = seen.estimate.best, seen.estimate.benefit
    odds = (
        f"`{who}` is right with {seen.estimate.home[who]:.2f} and the cloud with "
        f"{seen.estimate.cloud:.2f}"
    )
    if stays and staked:
        at_stake = f"at most {seen.estimate.stake:.2f} can be lost by what came of the like before"
        return Verdict(Step.ACCEPT, who, Reason("staked", at_stake))
    if stays:
        return Verdict(Step.ACCEPT, who, _accepted(seen, who, odds))
    fatal = seen.looks[who].fatal if who in seen.looks else None
    if fatal is not None:
        return Verdict(Step.ESCALATE, None, Reason("unfit", f"{fatal.text}, and {odds}"))
    if seen.agreement is not None and seen.agreement.comparable and not seen.agreement.same:
        return Verdict(Step.ESCALATE, None, Reason("differ", f"{seen.agreement.text}, and {odds}"))
    more = "" if limit is None else f", and at most {limit:+.2f} may be forgone"
    text = f"{odds}, so leaving home is worth {benefit:+.2f}{more}"
    return Verdict(Step.ESCALATE, None, Reason("benefit", text))


def _accepted(seen: Seen, who: str, odds: str) -> Reason:
    if seen.agreement is not None and seen.agreement.same:
        return Reason("agreed", f"two local models say the same, and {odds}")
    if who in seen.looks and not seen.looks[who].findings:
        return Reason("checked", f"nothing speaks against the reply, and {odds}")
    return Reason("confident", odds)


def _clause(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].removesuffix(".")
