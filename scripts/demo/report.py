"""What the demo measured: the values, their JSON and their table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BAR = 24
"""Characters of a full bar."""


@dataclass(frozen=True)
class Week:
    """One week with nights."""

    week: int
    """1 is the first."""
    requests: int
    """Exchanges that Majordomo counted."""
    sovereignty_index: float
    """Share of answered exchanges that home answered, as `majordomo weekly` says."""
    task_success: float
    """Share of what the household asked for that was done and told right at the first attempt, by
    the demo's own truth."""
    task_success_always_burst: float
    """The same requests asked of the stand-in alone."""
    cloud_cost_usd: float | None
    """At Claude's list price for the tokens the stand-in counts; None when unknown."""
    adapter: str | None
    """The adapter this week began with; None: the base alone."""
    gate: dict[str, Any] | None
    """What the gate said in the night after this week; None when there was no night."""


@dataclass(frozen=True)
class WeekOff:
    """The same week in the home without nights."""

    week: int
    sovereignty_index: float
    task_success: float


@dataclass(frozen=True)
class Report:
    """All of `build/demo/report.json`."""

    seed: int
    weeks: Sequence[Week]
    base_skills: dict[str, float | None]
    """`before` and `after`: share of the house model's own held-out requests, with no adapter and
    with the last incumbent; `after` is None when no adapter was ever promoted."""
    training_off: Sequence[WeekOff]
    seconds: float
    """From the first process to the last figure."""


def write(report: Report, path: Path) -> None:
    """Put it down as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")


def bar(share: float) -> str:
    """A share as a bar."""
    return ("#" * round(share * BAR)).ljust(BAR, ".")


def week_line(week: Week) -> str:
    """A week's figures on a line."""
    cost = "unknown" if week.cloud_cost_usd is None else f"${week.cloud_cost_usd:.2f}"
    return (
        f"week {week.week}  {bar(week.sovereignty_index)} {week.sovereignty_index:4.0%} at home   "
        f"right {week.task_success:4.0%} (stand-in alone {week.task_success_always_burst:4.0%})   "
        f"{week.requests} exchanges, {cost}"
    )


def summary(report: Report) -> str:
    """Everything, for the terminal."""
    after = report.base_skills["after"]
    lines = [
        "With a night after each week:",
        *(f"  {week_line(week)}" for week in report.weeks),
        "The same requests without nights:",
        *(
            f"  week {off.week}  {bar(off.sovereignty_index)} {off.sovereignty_index:4.0%} at home"
            f"   right {off.task_success:4.0%}"
            for off in report.training_off
        ),
        f"The house model's own skills: {report.base_skills['before']:.0%} before, "
        + ("never trained" if after is None else f"{after:.0%} with the last adapter"),
        f"{report.seconds:.0f} s in all, seed {report.seed}",
    ]
    return "\n".join(lines)
