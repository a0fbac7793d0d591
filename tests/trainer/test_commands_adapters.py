"""`majordomo adapters`: as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capture.adapters import CONFIG, WEIGHTS, GateResult, SkillFigure, read_pointer, sha256
from tests.support.command import Majordomo
from tests.support.lora import MADE, manifest, passed
from trainer.registry import publish

REJECTED = GateResult(
    at=MADE,
    passed=False,
    reasons=("tool:note fell from 9 to 2 of 10",),
    incumbent=None,
    skills=(SkillFigure(skill="tool:note[x]", of=10, candidate=2, incumbent=9, base_skill=True),),
)


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


def published(majordomo: Majordomo, words: str, gate: GateResult | None, after: float = 0) -> str:
    made = majordomo.home.root.parent / "made"
    made.mkdir(exist_ok=True)
    (made / WEIGHTS).write_text(words)
    (made / CONFIG).write_text("{}")
    weights = sha256(made / WEIGHTS)
    assert weights is not None
    described = manifest(weights, "b" * 64, MADE + after)
    return publish(majordomo.home.adapters, made, described, gate).id


def test_without_adapters_the_list_says_so(majordomo: Majordomo) -> None:
    ran = majordomo("adapters", "list")
    assert ran.status == 0
    assert "There are no adapters yet" in ran.out
    assert json.loads(majordomo("adapters", "list", "--json").out) == {
        "incumbent": None,
        "since": None,
        "by": "nobody",
        "past": [],
        "adapters": [],
    }


def test_the_list_marks_the_live_one_and_says_what_the_gate_said(majordomo: Majordomo) -> None:
    good = published(majordomo, "good", passed())
    bad = published(majordomo, "bad", REJECTED, after=1)
    unjudged = published(majordomo, "unjudged", None, after=2)
    assert majordomo("adapters", "promote", good).status == 0
    lines = {
        id_: next(line for line in majordomo("adapters", "list").out.splitlines() if id_ in line)
        for id_ in (good, bad, unjudged)
    }
    assert lines[good].startswith("live")
    assert lines[good].rstrip().endswith("passed")
    assert lines[bad].rstrip().endswith("rejected")
    assert lines[unjudged].rstrip().endswith("not judged")
    said = json.loads(majordomo("adapters", "list", "--json").out)
    assert said["incumbent"] == good
    assert [entry["id"] for entry in said["adapters"]] == [good, bad, unjudged]
    assert [entry["live"] for entry in said["adapters"]] == [True, False, False]
    assert [entry["passed"] for entry in said["adapters"]] == [True, False, None]


def test_show_tells_what_it_was_made_of_and_every_skills_figures(majordomo: Majordomo) -> None:
    id_ = published(majordomo, "bad", REJECTED)
    out = majordomo("adapters", "show", id_).out
    assert "2 exchanges" in out
    assert "iters 5, rank 4" in out
    assert "2.500 to 0.500" in out
    assert "The gate rejected it" in out
    assert "tool:note[x] (base)" in out
    said = json.loads(majordomo("adapters", "show", id_, "--json").out)
    assert said["manifest"]["id"] == id_
    assert said["gate"]["skills"][0]["candidate"] == 2
    assert said["live"] is False


def test_what_the_gate_rejected_is_promoted_only_when_told_so_twice(majordomo: Majordomo) -> None:
    id_ = published(majordomo, "bad", REJECTED)
    refused = majordomo("adapters", "promote", id_)
    assert refused.status == 1
    assert "fell from 9 to 2" in refused.err
    assert "--ungated" in refused.err
    assert read_pointer(majordomo.home.adapters).adapter is None
    assert majordomo("adapters", "promote", id_, "--ungated").status == 0
    assert read_pointer(majordomo.home.adapters).adapter == id_


def test_rollback_goes_back_and_the_base_can_be_promoted(majordomo: Majordomo) -> None:
    first = published(majordomo, "first", passed())
    second = published(majordomo, "second", passed(), after=1)
    for id_ in (first, second):
        majordomo("adapters", "promote", id_)
    said = json.loads(majordomo("adapters", "rollback", "--json").out)
    assert (said["incumbent"], said["by"]) == (first, "rollback")
    out = majordomo("adapters", "promote", "base").out
    assert "The base alone is live" in out
    assert read_pointer(majordomo.home.adapters).adapter is None
    assert f"Adapter {first} is live" in majordomo("adapters", "rollback").out


@pytest.mark.parametrize("arguments", [("show", "nothing"), ("promote", "../x"), ("rollback",)])
def test_what_cannot_be_done_is_said_in_a_line(
    majordomo: Majordomo, arguments: tuple[str, ...]
) -> None:
    ran = majordomo("adapters", *arguments)
    assert ran.status == 1
    assert ran.out == ""
    assert ran.err.startswith("majordomo: there is no")
    assert len(ran.err.splitlines()) == 1


def test_a_shell_completes_the_ids_of_adapters(
    majordomo: Majordomo, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = published(majordomo, "first", passed())
    second = published(majordomo, "second", None, after=1)
    monkeypatch.setenv("_MAJORDOMO_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "majordomo adapters promote ")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert majordomo().out.split() == [first, second, "base"]
    monkeypatch.setenv("COMP_WORDS", "majordomo adapters show ")
    assert majordomo().out.split() == [first, second]
    monkeypatch.setenv("COMP_WORDS", f"majordomo adapters show {second[:-2]}")
    assert majordomo().out.split() == [second]
