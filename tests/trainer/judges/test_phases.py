"""Who judges, and how agreement is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.judges.phases import Agreement, agreement, stage
from trainer.judges.settings import JudgeSettings

SETTINGS = JudgeSettings()
WORDS = st.sampled_from(("good", "middling", "bad"))


def test_kappa_is_cohen_s() -> None:
    """The example of the textbooks: 20 and 15 of 50 alike, 5 and 10 not."""
    pairs = [
        *[("good", "good")] * 20,
        *[("good", "bad")] * 5,
        *[("bad", "good")] * 10,
        *[("bad", "bad")] * 15,
    ]
    found = agreement(pairs)
    assert (found.turns, found.share) == (50, 0.7)
    assert found.kappa == pytest.approx(0.4)


def test_where_all_is_good_agreeing_is_no_art() -> None:
    assert agreement([("good", "good")] * 80) == Agreement(80, 1.0, None)
    assert agreement([]) == Agreement(0, None, None)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1))
def test_kappa_is_the_same_from_either_side_and_never_above_one(
    pairs: list[tuple[str, str]],
) -> None:
    one, other = agreement(pairs), agreement([(b, a) for a, b in pairs])
    assert one.share == other.share
    assert one.kappa == pytest.approx(other.kappa)
    assert one.kappa is None or one.kappa <= 1 + 1e-9


AGREED = Agreement(60, 0.95, 0.8)


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({}, "local"),
        ({"local": False}, "hired"),
        ({"hired": False}, "local"),
        ({"hired": False, "held_out": None}, "local"),
        ({"held_out": None}, "hired"),
        ({"held_out": 0.79}, "hired"),
        ({"held_out": 0.8}, "local"),
        ({"agreed": Agreement(0, None, None)}, "parallel"),
        ({"agreed": replace(AGREED, turns=49)}, "parallel"),
        ({"agreed": replace(AGREED, share=0.89)}, "parallel"),
        ({"agreed": replace(AGREED, kappa=0.59)}, "parallel"),
        ({"agreed": replace(AGREED, kappa=None)}, "parallel"),
    ],
)
def test_local_judges_come_beside_and_then_instead_past_the_thresholds(
    changes: dict[str, Any], phase: str
) -> None:
    given: dict[str, Any] = {"hired": True, "local": True, "held_out": 0.9, "agreed": AGREED}
    assert stage(**given | changes, settings=SETTINGS).phase == phase


def test_the_phase_says_why() -> None:
    found = stage(hired=True, local=True, held_out=0.62, agreed=AGREED, settings=SETTINGS)
    assert "gets 62% of held-out requests right, and local judges begin at 80%" in found.why
    found = stage(hired=True, local=True, held_out=0.9, agreed=AGREED, settings=SETTINGS)
    assert found.why == (
        "local and hired judges say the same of 95% of 60 turns, kappa 0.80; 90% and kappa 0.6 "
        "over 50 turns are asked"
    )
