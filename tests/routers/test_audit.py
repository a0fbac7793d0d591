from __future__ import annotations

import json
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routers.audit import (
    PROOF,
    SHIFTS,
    Control,
    Health,
    Limits,
    Verdict,
    affordable,
    audited,
    bounded,
    counted,
    health,
    renewed,
    restored,
    stored,
    verdict,
)
from routers.betting import Losses, capital, end

LIMITS = Limits()
WIDE = Limits(max_loss=0.05)
SAME, WORSE, BETTER = Verdict(0.0, 0.0), Verdict(1.0, 1.0), Verdict(-1.0, -1.0)
UNKNOWN = Verdict(-1.0, 1.0)

Juror = Callable[[random.Random], Verdict]


def juror(worse: float, better: float = 0.0) -> Juror:
    """One whose accepted answers are worse than the cloud's, and better, as often as this."""

    def one(draws: random.Random) -> Verdict:
        draw = draws.random()
        return WORSE if draw < worse else BETTER if draw < worse + better else SAME

    return one


def live(
    judge: Juror, requests: int, limits: Limits, seed: int, control: Control | None = None
) -> tuple[Control, list[Health], float]:
    """The control after so many requests that the cascade would all accept, what it told before
    each, and the quality lost."""
    draws = random.Random(seed)
    control = control or Control()
    told: list[Health] = []
    lost = 0.0
    now = health(control, limits)
    for _ in range(requests):
        told.append(now)
        found = judge(draws)
        control = counted(control, True)
        lost += found.most if now.accept else 0.0
        if not now.accept or draws.random() < now.audit:
            control = audited(control, found, limits)
            now = health(control, limits)
    return control, told, lost


def fed(*verdicts: Verdict, limits: Limits = LIMITS) -> Control:
    control = Control()
    for found in verdicts:
        control = audited(counted(control, True), found, limits)
    return control


def test_nothing_is_handed_over_before_it_was_tried_against_the_cloud() -> None:
    tried = health(fed(*[SAME] * (PROOF - 1)), LIMITS)
    assert (tried.standing, tried.accept) == ("unproven", False)
    assert f"{PROOF - 1} of {PROOF}" in tried.text
    assert health(fed(*[SAME] * PROOF), LIMITS).accept


def test_a_juror_beyond_the_limit_is_stopped_nearly_always() -> None:
    stopped, lost = 0, 0.0
    for seed in range(20):
        control, told, cost = live(juror(0.15), 600, LIMITS, seed)
        stopped += not any(now.accept for now in told[-100:])
        lost += cost / 600
        assert control.stage > 1
    assert stopped >= 19
    assert lost / 20 < LIMITS.max_loss


def test_a_juror_beyond_the_limit_is_proven_good_no_oftener_than_the_confidence_allows() -> None:
    limits = Limits(max_loss=0.08, confidence=0.9)
    ever = sum(
        any(now.standing == "trusted" for now in live(juror(0.09), 600, limits, seed)[1])
        for seed in range(20)
    )
    assert ever <= 2


def test_a_good_juror_is_trusted_in_the_end_and_then_seldom_audited() -> None:
    trusted = 0
    for seed in range(10):
        _, told, _ = live(juror(0.005), 2500, WIDE, seed)
        trusted += told[-1].standing == "trusted" and told[-1].audit == WIDE.audit_share
    assert trusted >= 9  # one that was unlucky at first is still proving itself anew


def test_answers_that_are_better_make_up_for_worse_ones() -> None:
    _, told, lost = live(juror(0.06, 0.1), 3000, LIMITS, 1)
    assert told[-1].accept
    assert lost < 0


def test_a_juror_that_turns_bad_is_stopped_although_it_was_trusted() -> None:
    control, told, _ = live(juror(0.0), 2000, WIDE, 5)
    assert told[-1].standing == "trusted"
    _, later, _ = live(juror(0.5), 6000, WIDE, 6, control)
    assert not later[-1].accept


def test_a_juror_that_turns_good_is_tried_again() -> None:
    control, told, _ = live(juror(0.6), 1000, WIDE, 7)
    assert told[-1].standing == "distrusted"
    assert "cannot be held" in told[-1].text
    _, later, _ = live(juror(0.0), 1500, WIDE, 8, control)
    assert later[-1].accept


def test_each_stage_that_proves_too_loose_raises_the_threshold_and_begins_with_nothing() -> None:
    control = fed(*[SAME] * PROOF)
    shifts = [health(control, LIMITS).shift]
    while health(control, LIMITS).standing != "distrusted":
        before = control
        control = audited(control, WORSE, LIMITS)
        if control.level > before.level:
            assert control.most == control.least == Losses()
            assert not health(control, LIMITS).accept
            shifts.append(health(control, LIMITS).shift)
    assert tuple(dict.fromkeys(shifts)) == SHIFTS


def agreeing(share: float) -> Juror:
    """One of whose verdicts nobody says more than whether the answers agree."""
    return lambda draws: SAME if draws.random() < share else UNKNOWN


def test_agreement_alone_gives_another_try_too() -> None:
    control, told, _ = live(agreeing(0.5), 1000, LIMITS, 3)
    assert told[-1].standing == "distrusted"
    _, later, _ = live(agreeing(0.97), 2000, LIMITS, 4, control)
    assert later[-1].accept


def test_agreement_alone_is_held_to_the_floor() -> None:
    _, good, _ = live(agreeing(0.95), 400, LIMITS, 1)
    _, bad, _ = live(agreeing(0.6), 400, LIMITS, 1)
    assert good[-1].accept
    assert good[-1].standing == "unproven"  # nobody said which of two answers is right
    assert not any(now.accept for now in bad)


def test_a_new_model_proves_itself_anew() -> None:
    control = fed(*[SAME] * 400, limits=WIDE)
    assert health(control, WIDE).standing == "trusted"
    after = renewed(control)
    assert health(after, WIDE).standing == "unproven"
    assert not health(after, WIDE).accept
    assert after.stage == 1
    assert 0 < after.fine < control.fine


def test_a_new_model_is_not_distrusted_for_the_last_one() -> None:
    control, told, _ = live(juror(0.6), 1000, WIDE, 7)
    assert told[-1].standing == "distrusted"
    assert health(renewed(control), WIDE).standing == "unproven"
    assert health(renewed(control), WIDE).shift == SHIFTS[-1]


def test_a_verdict_is_as_wide_as_what_is_not_known() -> None:
    assert verdict(True) == SAME
    assert verdict(False) == UNKNOWN
    assert verdict(False, home=1.0) == Verdict(-1.0, 0.0)
    assert verdict(False, home=0.0) == Verdict(0.0, 1.0)
    assert verdict(False, home=0.0, cloud=1.0) == WORSE
    assert verdict(False, home=0.5, cloud=0.75) == Verdict(0.25, 0.25)


def test_audits_are_cut_to_what_they_may_cost() -> None:
    assert affordable(0.1, 1000, 0.01, 0.5) == 0.05
    assert affordable(0.1, 1000, 0.01, 100.0) == 0.1
    assert affordable(0.1, 1000, 0.01, 0.0) == 0.0
    assert affordable(0.1, 0, 0.01, 0.5) == affordable(0.1, 9, 0.01, None) == 0.1


losses = st.sampled_from([SAME, WORSE, BETTER, UNKNOWN, Verdict(-0.3, 0.4)])


@settings(max_examples=30)
@given(st.lists(losses, max_size=100))
def test_a_control_is_stored_and_goes_on_as_it_was(found: list[Verdict]) -> None:
    control = fed(*found)
    again = restored(json.loads(json.dumps(stored(control))))
    assert again == control
    assert audited(again, SAME, LIMITS) == audited(control, SAME, LIMITS)


@pytest.mark.parametrize("held", [{}, {**stored(Control()), "most": None}, {"stage": "x"}])
def test_what_is_no_control_is_not_restored(held: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        restored(held)


@settings(max_examples=30)
@given(st.lists(losses, max_size=60))
def test_the_bounds_are_around_what_was_seen(found: list[Verdict]) -> None:
    control = fed(*found)
    low, high = bounded(control, LIMITS)
    now = health(control, LIMITS)
    assert -1.0 <= low <= now.loss[0] <= now.loss[1] <= high <= 1.0
    assert 0.0 <= now.audit <= 1.0


def test_the_bound_narrows_and_is_proven_by_many_audits() -> None:
    wide, narrow = (end(Losses(0, n, 0), 0.05, 1.0) for n in (50, 2000))
    assert 0.0 < narrow < 0.01 < wide < 0.2


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_laxer_limit_is_easier_proven(worse: int, even: int, better: int) -> None:
    seen = Losses(worse, even, better)
    gains = [capital(seen, limit / 10, 1.0) for limit in range(-9, 10)]
    assert all(less <= more + 1e-9 for less, more in pairwise(gains))


def test_the_true_loss_is_beyond_the_bound_no_oftener_than_its_risk() -> None:
    true, misses = 0.1, 0
    for seed in range(40):
        draws = random.Random(seed)
        seen = Losses()
        for _ in range(200):
            seen = seen.plus(1.0 if draws.random() < 0.2 else -1.0 if draws.random() < 0.125 else 0)
            beyond = max(capital(seen, true, side) for side in (1.0, -1.0))
            if beyond >= 3.0:  # log(20): a risk of 0.05 on either side
                misses += 1
                break
    assert misses <= 4
