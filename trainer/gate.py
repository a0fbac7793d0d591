"""The gate: may this candidate become the incumbent? Pure.

It may when it answers the held-out requests at least as well as the incumbent, captured and base
skills weighed alike; has not lost more than `base_drop_points` of what the base alone can do; and
has on no major skill lost more than `skill_drop_points` against the incumbent, by more than luck: a
skill has few held-out requests, and among many skills one always looks worse. Against the base
alone, because a little lost each night would in the end be a lot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from capture.adapters import GateResult, SkillFigure
from trainer.settings import TrainingSettings

LUCK = 0.05
"""A skill's fall is put down to luck where chance alone makes one as large more often than this."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One held-out request, as three models answered it."""

    skill: str
    base_skill: bool
    """From the golden set."""
    candidate: bool
    """Whether it was right."""
    incumbent: bool
    base: bool
    """The base alone."""


def decide(
    compared: Sequence[Compared],
    incumbent: str | None,
    settings: TrainingSettings,
    at: float,
    *,
    live_since: float | None = None,
) -> GateResult:
    """The verdict, with a reason for each test it failed, or for passing."""
    skills = _figures(compared)
    against = [
        *_worse_overall(compared),
        *_forgot(compared, settings),
        *_dropped(compared, skills, settings),
    ]
    if not compared:
        against.append("there is nothing held out to judge it by")
    reasons = against or _figures_of(compared)
    return GateResult(
        at=at,
        passed=not against,
        reasons=tuple(reasons),
        incumbent=incumbent,
        live_since=live_since,
        skills=tuple(skills),
    )


def _figures(compared: Sequence[Compared]) -> list[SkillFigure]:
    """Per skill, captured ones first, each in the order they came."""
    by_skill: dict[tuple[bool, str], list[Compared]] = {}
    for each in compared:
        by_skill.setdefault(_kind(each), []).append(each)
    return [
        SkillFigure(
            skill=skill,
            of=len(found),
            candidate=sum(each.candidate for each in found),
            incumbent=sum(each.incumbent for each in found),
            base_skill=base_skill,
        )
        for (base_skill, skill), found in sorted(by_skill.items(), key=lambda item: item[0][0])
    ]


def _worse_overall(compared: Sequence[Compared]) -> list[str]:
    """Captured and base skills weigh alike, however many requests there are of each."""
    kinds = [[e for e in compared if e.base_skill is base_skill] for base_skill in (False, True)]
    parts = [part for part in kinds if part]
    gained = sum(
        (sum(e.candidate for e in p) - sum(e.incumbent for e in p)) / len(p) for p in parts
    )
    if gained >= -1e-9:
        return []
    return [f"it is worse than the incumbent overall: {'; '.join(_figures_of(compared))}"]


def _forgot(compared: Sequence[Compared], settings: TrainingSettings) -> list[str]:
    known = [each for each in compared if each.base_skill]
    candidate = _percent(sum(each.candidate for each in known), len(known))
    base = _percent(sum(each.base for each in known), len(known))
    if base - candidate <= settings.base_drop_points:
        return []
    limit = f"more than {settings.base_drop_points:g} points"
    return [f"base skills fell from {base:.0f} % to {candidate:.0f} %, {limit}"]


def _dropped(
    compared: Sequence[Compared], skills: Sequence[SkillFigure], settings: TrainingSettings
) -> list[str]:
    return [
        f"{figure.skill} fell from {figure.incumbent} to {figure.candidate} of {figure.of} right"
        for figure in skills
        if figure.of >= settings.major_requests
        and _percent(figure.incumbent - figure.candidate, figure.of) > settings.skill_drop_points
        and _luck([e for e in compared if _kind(e) == (figure.base_skill, figure.skill)]) <= LUCK
    ]


def _kind(compared: Compared) -> tuple[bool, str]:
    return compared.base_skill, compared.skill


def _luck(compared: Sequence[Compared]) -> float:
    """How often a candidate as good as the incumbent loses as many of the requests that only one of
    the two got right, or more: a one-sided sign test."""
    lost = sum(each.incumbent and not each.candidate for each in compared)
    differ = lost + sum(each.candidate and not each.incumbent for each in compared)
    return sum(math.comb(differ, k) for k in range(lost, differ + 1)) / 2**differ


def _figures_of(compared: Sequence[Compared]) -> list[str]:
    said: list[str] = []
    for base_skill, what in ((False, "captured skills"), (True, "base skills")):
        part = [each for each in compared if each.base_skill is base_skill]
        if part:
            said.append(
                f"{what}: {sum(each.candidate for each in part)} of {len(part)} right, "
                f"the incumbent {sum(each.incumbent for each in part)}"
            )
    return said


def _percent(part: int, of: int) -> float:
    return 100 * part / of if of else 0.0
