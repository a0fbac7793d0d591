"""The setting for a target: the one that reaches it, or why none is named."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from routers.replay.offpolicy import Estimate
from routers.replay.targets import KNOWN, Target, Tried, find, needed


def tried(
    setting: float, share: float, lost: float, usd: float | None = 1.0, unknown: float = 0.0
) -> Tried:
    estimate = Estimate(
        requests=400,
        recorded=0.9,
        least=lost,
        most=lost + unknown,
        interval=(lost - 0.01, lost + unknown + 0.01),
        gain=None,
        changed=0,
        unsupported=400 * unknown,
        clipped=0,
    )
    return Tried(setting, (share, share), estimate, usd)


STRICTEST_FIRST: Sequence[Tried] = (
    tried(0.9, 0.2, 0.0, 9.0),
    tried(0.8, 0.4, 0.004, 6.0),
    tried(0.7, 0.6, 0.009, 4.0),
    tried(0.6, 0.8, 0.03, 1.0),
)


@pytest.mark.parametrize(
    ("kind", "figure", "setting"),
    [
        ("loss", 0.5, 0.8),
        ("loss", 1.0, 0.7),
        ("loss", 90.0, 0.6),
        ("local-share", 0.5, 0.7),
        ("local-share", 0.1, 0.9),
        ("budget", 5.0, 0.7),
        ("budget", 100.0, 0.9),
    ],
)
def test_a_loss_allows_the_most_at_home_and_all_else_the_least_that_will_do(
    kind: str, figure: float, setting: float
) -> None:
    found = find(Target(kind, figure), STRICTEST_FIRST, 400)  # type: ignore[arg-type]
    assert found.tried is not None
    assert found.tried.setting == setting


def test_a_loss_that_is_not_proven_is_said_to_be_none_and_what_a_proof_takes() -> None:
    found = find(Target("loss", 1.0), STRICTEST_FIRST, 400)
    assert "up to 1.9 points may be lost" in found.why
    assert "some 40,000 known outcomes, and there are 400" in found.why
    assert find(Target("loss", 90.0), STRICTEST_FIRST, 400).why == ""
    assert needed(1.0) == 300


def test_where_too_little_is_known_no_setting_is_named() -> None:
    found = find(Target("loss", 1.0), STRICTEST_FIRST, KNOWN - 1)
    assert found.tried is None
    assert f"{KNOWN - 1} outcomes, and no setting is named below {KNOWN}" in found.why
    nothing = Tried(0.9, (0.5, 0.5), None, 1.0)
    assert find(Target("budget", 9.0), [nothing], 400).tried is None


@pytest.mark.parametrize(
    ("target", "of", "said"),
    [
        (Target("loss", 1.0), tried(0.9, 0.5, 0.05), "No setting is estimated to lose at most 1"),
        (Target("loss", 1.0), tried(0.9, 0.5, 0.0, unknown=0.2), "Of 20% of the requests nobody"),
        (Target("local-share", 0.9), tried(0.9, 0.5, 0.0), "the most that is sure is 50%"),
        (Target("budget", 0.5), tried(0.9, 0.5, 0.0), "the least is $1.00"),
        (Target("budget", 0.5), tried(0.9, 0.5, 0.0, None), "is not known for any setting"),
    ],
)
def test_what_no_setting_reaches_is_said(target: Target, of: Tried, said: str) -> None:
    found = find(target, [of], 400)
    assert found.tried is None
    assert said in found.why
