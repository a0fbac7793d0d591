"""`majordomo replay` and `majordomo calibrate` over a home's store, with nobody serving."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.commands.recorded import Policy, gather
from gateway.config_load import load_bytes
from gateway.home import Home
from tests.support.command import Majordomo
from tests.support.journals import capturing
from tests.support.policies import HOUSE
from tests.support.worked import work

WORKED = 105
POLICY = HOUSE + "escalation: {default: learned, verify: off, history: {home_at: %s}}\n"


def made(root: Path, conversations: int, *, weighed: bool = False, seed: int = 0) -> Path:
    """A home in which there was some work."""
    home = Home(root)
    home.create()
    home.settings.write_text(POLICY % 0.9)

    async def record() -> None:
        with capturing(root) as (journal, ingester, _):
            work(journal, conversations, weighed=weighed, seed=seed)
            assert await ingester.catch_up(30)

    asyncio.run(record())
    return root


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("home") / "home", WORKED)


@pytest.fixture
def majordomo(
    worked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(worked, monkeypatch, capsys)


@pytest.fixture
def other(tmp_path: Path) -> str:
    """A policy that keeps more at home."""
    file = tmp_path / "other.yaml"
    file.write_text(POLICY % 0.5)
    return str(file)


def test_the_last_weeks_are_told_as_recorded_and_under_both_policies(
    majordomo: Majordomo, other: str
) -> None:
    told = json.loads(majordomo("replay", "--policy", other, "--json").out)
    was, ours, theirs = told["courses"]
    assert [each["policy"] for each in told["courses"]] == [
        "recorded",
        "majordomo.yaml",
        "other.yaml",
    ]
    assert (told["requests"], told["conversations"]) == (2 * WORKED, WORKED)
    assert told["outcomes_known"] == WORKED
    assert was["success"]["right"] == was["success"]["recorded"]
    assert theirs["sovereignty_index"][0] > ours["sovereignty_index"][0]
    assert theirs["cost_usd"] < ours["cost_usd"]
    assert sum(move["count"] for move in told["moves"]) > 0
    example = told["moves"][0]["examples"][0]
    assert majordomo("explain", example["id"]).status == 0
    assert "posterior" in example["why"]


def test_what_home_never_did_is_bounded_and_told(majordomo: Majordomo, other: str) -> None:
    told = json.loads(majordomo("replay", "--policy", other, "--json").out)["courses"][2]
    code = WORKED / 3
    assert told["success"]["unsupported"] == pytest.approx(code)  # home never wrote code
    assert told["success"]["right"] is None
    assert told["success"]["most"] - told["success"]["least"] == pytest.approx(code / WORKED)
    ran = majordomo("replay", "--policy", other)
    assert "of it without support" in ran.out
    assert f"{code:.0f} of {WORKED} requests would be answered in a way" in ran.out


def test_without_another_policy_this_homes_is_held_against_what_was(majordomo: Majordomo) -> None:
    ran = majordomo("replay")
    assert ran.status == 0
    assert "recorded" in ran.out
    assert "would go elsewhere under majordomo.yaml than as recorded" in ran.out
    few = json.loads(majordomo("replay", "-n", "10", "--json").out)
    assert few["requests"] == 10
    assert "No answered request" in majordomo("replay", "--days", "0").out


def test_a_target_that_can_be_reached_gets_its_lines_and_the_file_stays_as_it_is(
    majordomo: Majordomo,
) -> None:
    before = majordomo.home.settings.read_text()
    ran = majordomo("calibrate", "--target", "loss=20")
    assert ran.status == 0, ran.err
    assert "escalation:\n  default: learned\n  history: {home_at: 0." in ran.out
    told = json.loads(majordomo("calibrate", "--target", "local-share=0.2", "--json").out)
    assert told["setting"] == "home_at"
    chosen = next(each for each in told["tried"] if each["setting"] == told["value"])
    assert chosen["home"][0] >= 0.2
    assert majordomo.home.settings.read_text() == before


def test_a_target_that_cannot_be_reached_ends_with_1_and_the_reason(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    ran = majordomo("calibrate", "--target", "budget=0.0001", "-n", "40")
    assert ran.status == 1
    assert "Too little is known" in ran.err
    away = tmp_path / "away.yaml"
    away.write_text(HOUSE + "escalation: {rules: [{name: all, when: {tools: false}, then: burst}]}")
    asked = ("calibrate", "--target", "local-share=1", "--policy", str(away), "--json")
    told = majordomo(*asked)
    assert told.status == 1
    found = json.loads(told.out)
    assert (found["value"], found["yaml"]) == (None, None)
    assert "No setting keeps 100% at home; the most that is sure is 0%" in found["why"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--target or --show"),
        (("--show", "--target", "loss=1"), "--target or --show"),
        (("--target", "loss"), "loss=POINTS"),
        (("--target", "speed=3"), "loss=POINTS"),
        (("--target", "local-share=60"), "loss=POINTS"),
        (("--target", "budget=nan"), "loss=POINTS"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(
    majordomo: Majordomo, arguments: tuple[str, ...], said: str
) -> None:
    ran = majordomo("calibrate", *arguments)
    assert ran.status == 2
    assert said in ran.err


def test_probabilities_are_shown_against_what_came(majordomo: Majordomo) -> None:
    ran = majordomo("calibrate", "--show")
    assert "kept home by history: " in ran.out
    assert "0.9 to 1.0" in ran.out
    assert "expected calibration error" in ran.out
    told = json.loads(majordomo("calibrate", "--show", "--json").out)["reliability"]
    (found,) = told.values()
    assert found["bins"][0]["predicted"] == pytest.approx(0.9)
    assert found["of"] == found["bins"][0]["of"]


def test_weighed_requests_have_probabilities_of_home_and_of_the_cloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "home", 24, weighed=True)
    majordomo = Majordomo(tmp_path / "home", monkeypatch, capsys)
    told = json.loads(majordomo("calibrate", "--show", "--json").out)["reliability"]
    home, cloud = (told[name] for name in sorted(told, reverse=True)[:2])
    assert home["bins"][0]["predicted"] == pytest.approx(0.8)
    assert cloud["bins"][0]["predicted"] == pytest.approx(0.9)
    assert home["of"] + cloud["of"] == 24


def test_weighed_requests_are_weighed_anew_under_another_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "home", WORKED, weighed=True)
    majordomo = Majordomo(tmp_path / "home", monkeypatch, capsys)
    loss = "escalation: {default: learned, max_quality_loss: %s}\n"
    majordomo.home.settings.write_text(HOUSE + loss % 1)
    other = tmp_path / "loose.yaml"
    other.write_text(HOUSE + loss % 5)
    told = json.loads(majordomo("replay", "--policy", str(other), "--json").out)
    was, ours, theirs = told["courses"]
    assert ours["success"]["right"] == was["success"]["right"]
    assert ours["otherwise"] == WORKED  # but for those that were not weighed
    assert theirs["sovereignty_index"] != ours["sovereignty_index"]
    assert any("weighed anew" in move["examples"][0]["why"] for move in told["moves"])
    ran = majordomo("calibrate", "--target", "loss=2")
    assert ran.status == 0, ran.err
    assert "escalation:\n  default: learned\n  max_quality_loss: " in ran.out


def test_a_policy_that_is_to_be_chosen_is_not_chosen_by_what_it_is_judged_by(
    tmp_path: Path,
) -> None:
    root = made(tmp_path / "home", 1, seed=1)  # home was asked once, and was right
    policies = [Policy("it", load_bytes((POLICY % 0.6).encode(), "it").settings)]
    ways: list[list[str | None]] = []
    for apart in (False, True):
        met = gather(Home(root), policies, 28.0, apart=apart).met
        of_shell = [each for each in met if each.asked.decision["skill"] == "shell"]
        firsts = [each.now[0].gone.first for each in of_shell]
        ways.append([None if first is None else first.mode.value for first in firsts])
    assert ways == [["resting"], ["burst"]]


def test_a_home_without_a_store_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = Majordomo(tmp_path / "none", monkeypatch, capsys)
    ran = nobody("replay")
    assert ran.status == 1
    assert "nothing has been served" in ran.err
