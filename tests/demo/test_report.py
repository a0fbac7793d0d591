"""The demo's report has exactly the fields that others read."""

from __future__ import annotations

import json
from pathlib import Path

from scripts.demo import report

WEEK = report.Week(
    week=1,
    requests=300,
    sovereignty_index=0.25,
    task_success=0.9,
    task_success_always_burst=0.98,
    cloud_cost_usd=None,
    adapter=None,
    gate={"passed": True, "reasons": ["better"]},
)
REPORT = report.Report(
    seed=3,
    weeks=[WEEK],
    base_skills={"before": 0.9, "after": None},
    training_off=[report.WeekOff(1, 0.0, 0.97)],
    seconds=12.5,
)


def test_the_report_has_these_fields_and_no_others(tmp_path: Path) -> None:
    report.write(REPORT, tmp_path / "deep" / "report.json")
    found = json.loads((tmp_path / "deep" / "report.json").read_text())
    assert set(found) == {"seed", "weeks", "base_skills", "training_off", "seconds"}
    assert set(found["weeks"][0]) == {
        "week",
        "requests",
        "sovereignty_index",
        "task_success",
        "task_success_always_burst",
        "cloud_cost_usd",
        "adapter",
        "gate",
    }
    assert set(found["base_skills"]) == {"before", "after"}
    assert set(found["training_off"][0]) == {"week", "sovereignty_index", "task_success"}


def test_what_is_unknown_is_said_to_be_unknown() -> None:
    text = report.summary(REPORT)
    assert "unknown" in text
    assert "never trained" in text


def test_a_bar_is_as_long_as_its_share() -> None:
    assert report.bar(0.0) == "." * report.BAR
    assert report.bar(1.0) == "#" * report.BAR
    assert report.bar(0.5).count("#") == report.BAR // 2
