from __future__ import annotations

import pytest

from routers.agreement import Agreement
from routers.audit import Control, Limits, health
from routers.cascade import Seen, Step, next_look, settle
from routers.checks import NEUTRAL, Finding, Looked
from routers.confidence import Estimate

CLEAN = Looked((), NEUTRAL)
LOOSE = Looked(
    (Finding("ungrounded", "it gives a value that is not from the conversation"),), NEUTRAL
)
BROKEN = Looked((Finding("schema", "its arguments do not fit", fatal=True),), NEUTRAL)
SAME = Agreement(True, 1.0, "they say the same")
OTHER = Agreement(False, 0.2, "they call different tools")
ESTIMATE = Estimate({"resting": 0.6, "active": 0.7}, 0.9, "active", 0.2, 0.1)
HOMES = ("resting", "active")


def seen(*looks: Looked, agreement: Agreement | None = None) -> Seen:
    return Seen(dict(zip(HOMES, looks, strict=False)), agreement, ESTIMATE)


@pytest.mark.parametrize(
    ("looks", "step", "who"),
    [
        ((), Step.LOOK, "resting"),
        ((CLEAN,), Step.JUROR, "active"),
        ((LOOSE,), Step.JUROR, "active"),
        ((BROKEN,), Step.RETRY, "active"),
    ],
)
def test_the_cheapest_is_tried_first_then_the_next_judges_or_replaces_it(
    looks: tuple[Looked, ...], step: Step, who: str
) -> None:
    told = next_look(HOMES, dict(zip(HOMES, looks, strict=False)))
    assert told is not None
    assert (told.step, told.who) == (step, who)
    assert told.reason.text


def test_once_all_were_looked_at_nobody_else_is_asked() -> None:
    assert next_look(HOMES, {"resting": CLEAN, "active": BROKEN}) is None
    assert next_look(("active",), {"active": CLEAN}) is None
    assert next_look((), {}) is None


@pytest.mark.parametrize(
    ("what", "stays", "code"),
    [
        (seen(CLEAN, CLEAN, agreement=SAME), True, "agreed"),
        (seen(CLEAN, CLEAN, agreement=OTHER), True, "checked"),
        (seen(CLEAN, LOOSE, agreement=OTHER), True, "confident"),
        (seen(), True, "confident"),
        (seen(CLEAN, BROKEN, agreement=OTHER), False, "unfit"),
        (seen(CLEAN, CLEAN, agreement=OTHER), False, "differ"),
        (seen(CLEAN, CLEAN, agreement=SAME), False, "benefit"),
        (seen(), False, "benefit"),
    ],
)
def test_every_end_has_its_reason(what: Seen, stays: bool, code: str) -> None:
    told = settle(what, stays=stays, limit=0.1)
    assert told.reason.code == code
    assert (told.step is Step.ACCEPT) is stays
    assert told.who == ("active" if stays else None)
    assert "`active` is right with 0.70 and the cloud with 0.90" in told.reason.text
    assert not told.reason.text.endswith(".")


def test_what_the_audit_does_not_trust_yet_the_cloud_answers() -> None:
    doubted = health(Control(), Limits())
    what = Seen({"resting": CLEAN, "active": CLEAN}, SAME, ESTIMATE, doubted)
    told = settle(what, stays=True)
    assert told.step is Step.ESCALATE
    assert told.reason.code == "unproven"


def test_what_stays_home_because_little_can_be_lost_says_so() -> None:
    told = settle(seen(), stays=True, limit=0.0, staked=True)
    assert (told.step, told.reason.code) == (Step.ACCEPT, "staked")
    assert "can be lost" in told.reason.text
