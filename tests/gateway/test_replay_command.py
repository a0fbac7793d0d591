"""`majordomo replay`, with no home and nobody serving."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import Majordomo
from tests.support.rows import lines, rows

PRINTED = {
    "local_share",
    "quality",
    "quality_always_burst",
    "quality_always_active",
    "loss_pp",
    "loss_random_pp",
    "local_generations",
    "cloud_calls",
}
SWEPT = {"apgr", "cpt50", "cpt80", "s_at_1pp", "curve"}


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def file(tmp_path: Path) -> str:
    made = tmp_path / "rows.jsonl"
    made.write_bytes(b"\n".join(lines(rows(30))))
    return str(made)


def test_json_has_every_figure_also_of_the_last_third(majordomo: Majordomo, file: str) -> None:
    told = json.loads(majordomo("replay", "--rows", file, "--json").out)
    assert set(told) >= PRINTED
    assert set(told["last_third"]) >= PRINTED
    assert not SWEPT & set(told)
    assert told["intervals"]["loss_pp"] is None


@pytest.mark.slow
def test_a_sweep_over_seeds_has_a_curve_and_intervals(majordomo: Majordomo, file: str) -> None:
    asked = ("replay", "--rows", file, "--sweep", "--seeds", "2", "--json")
    told = json.loads(majordomo(*asked).out)
    assert set(told) >= PRINTED | SWEPT
    assert told["seeds"] == [0, 1]
    assert len(told["per_seed"]) == 2
    assert told["intervals"]["apgr"] >= 0.0
    assert [point["cloud_share"] for point in told["curve"]][::10] == [0.0, 1.0]
    assert json.loads(majordomo(*asked).out) == told


def test_people_get_a_table(majordomo: Majordomo, file: str) -> None:
    ran = majordomo("replay", "--rows", file, "--no-juror", "--feedback", "shadow:0.5")
    assert ran.status == 0
    assert "30 rows, 1 seed" in ran.out
    assert "local_share" in ran.out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--feedback", "shadow:2"), 2, "shadow:SHARE"),
        (("--feedback", "all"), 2, "shadow:SHARE"),
        (("--policy", "gone.yaml"), 1, "cannot read"),
    ],
)
def test_what_makes_no_sense_is_refused(
    majordomo: Majordomo, file: str, arguments: tuple[str, ...], status: int, said: str
) -> None:
    ran = majordomo("replay", "--rows", file, *arguments)
    assert ran.status == status
    assert said in ran.err


def test_a_bad_row_and_a_bad_limit_are_told(
    majordomo: Majordomo, file: str, tmp_path: Path
) -> None:
    bad, limit = tmp_path / "bad.jsonl", tmp_path / "policy.yaml"
    bad.write_bytes(lines(rows(1))[0] + b"\n{}\n")
    limit.write_text("escalation:\n  max_quality_loss: none\n")
    assert "line 2: `id` must be a text" in majordomo("replay", "--rows", str(bad)).err
    ran = majordomo("replay", "--rows", file, "--policy", str(limit))
    assert ran.status == 1
    assert "max_quality_loss" in ran.err
    limit.write_text("escalation:\n  max_quality_loss: 2\n")
    assert majordomo("replay", "--rows", file, "--policy", str(limit)).status == 0
