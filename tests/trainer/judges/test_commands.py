"""`majordomo judge`, as a user types it, and what becomes of its verdicts elsewhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.archive.contents import contents
from gateway.commands.judging import judges_of
from gateway.settings import Settings
from tests.support.command import Majordomo
from tests.support.errands import errand
from tests.support.journals import capturing
from tests.support.kitchen import answer, exchange, user
from tests.support.stand_in_judge import KEY, Heard, Json, StandInJudge, honest

SETTINGS = """\
upstreams:
  claude: {{kind: anthropic, base_url: "{url}", api_key_env: JUDGE_KEY, local: false}}
  box: {{kind: openai_compatible, base_url: "{url}", local: true}}
modes:
  burst: {{upstream: claude, model: claude-opus-4-5}}
trainer:
  judges:
    {judges}
"""


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    made = Majordomo(tmp_path / "home", monkeypatch, capsys)
    made.home.create()
    return made


def settle(majordomo: Majordomo, judges: str, url: str = "http://127.0.0.1:9/v1") -> None:
    majordomo.home.settings.write_text(SETTINGS.format(url=url, judges=judges))


def preferring(heard: Heard) -> Json:
    """Prefers what says how many bytes."""
    if "first" not in heard.shown:
        return honest(heard)
    return {"better": "first" if "120" in str(heard.shown["first"]) else "second"}


def test_judges_named_in_the_settings_are_asked_and_their_pairs_exported(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    opening = [user("How large is notes.txt?")]
    with capturing(majordomo.home.root) as (journal, ingester, _):
        bad = errand(journal, "garage", called="garden")[0]
        worse = exchange(journal, opening, answer("Hm."))
        better = exchange(journal, opening, answer("120 bytes."))
        for room in ("kitchen", "cellar", "attic"):
            errand(journal, room)
        assert asyncio.run(ingester.catch_up(30))
    with StandInJudge(preferring).serving() as judge:
        hired = "hired: [{upstream: claude, model: claude-opus-4-5}]"
        settle(majordomo, hired, judge.url)
        ran = majordomo("judge", "run", "--json")
    assert ran.status == 0, ran.err
    told = json.loads(ran.out)
    assert (told["phase"], told["kept_out"], told["pairs"]) == ("hired", [bad], 1)
    assert told["judges"][0]["may_vote"]
    assert 0 < told["spent_today_usd"] < 0.5
    assert judge.asked[0].path == "/v1/messages"
    assert "planted turns put to judges: 8/8" in ran.err

    said = majordomo("judge", "status").out
    assert "claude/claude-opus-4-5 may vote: it rates a good turn above a damaged one 88%" in said
    assert "Hired judges decide: no local judge votes." in said
    assert "Turns rated: 3 good, 1 bad; 1 do not train." in said
    assert KEY not in said + ran.out + ran.err

    out = tmp_path / "out"
    assert majordomo("export", "--format", "preference", "--out", str(out)).status == 0
    (row,) = map(json.loads, (out / "preference.jsonl").read_bytes().splitlines())
    assert (row["why"], row["chosen"][0]["content"]) == ("judged", "120 bytes.")
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert manifest["exchanges"] == [[better, worse]]

    saved = {found.name for found in contents(majordomo.home) if found.kept}
    assert {"training/judgements/answers.jsonl", "training/judgements/pairs.jsonl"} <= saved


@pytest.mark.parametrize("command", ["run", "status", "calibrate"])
def test_judging_is_off_until_a_judge_is_named(command: str, majordomo: Majordomo) -> None:
    ran = majordomo("judge", command)
    assert ran.status == 1
    assert "no judge is named under `trainer.judges`" in ran.err


def test_a_house_that_served_nothing_has_nothing_to_judge(majordomo: Majordomo) -> None:
    settle(majordomo, "local: [{upstream: box, model: judge}]")
    ran = majordomo("judge", "run", "--json")
    assert ran.status == 3
    assert json.loads(ran.out)["state"] == "nothing"
    assert majordomo("judge", "status").status == 0


def test_the_trainer_is_told_where_each_judge_is_and_what_it_costs() -> None:
    settings = Settings.model_validate(
        {
            "upstreams": {
                "claude": {"kind": "anthropic", "api_key_env": "A"},
                "other": {"kind": "anthropic", "base_url": "https://models.example.com/v1"},
                "box": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"},
            },
            "trainer": {
                "judges": {
                    "hired": [
                        {"upstream": "claude", "model": "claude-opus-4-5"},
                        {"upstream": "other", "model": "m"},
                    ],
                    "local": [{"upstream": "box", "model": "m"}],
                }
            },
        }
    )
    told = judges_of(settings, {"A": KEY})
    assert told is not None
    (claude, other), (box,) = told["hired"], told["local"]
    assert claude["url"] == "https://api.anthropic.com/v1/messages"
    assert other["url"] == "https://models.example.com/v1/messages"
    assert box["url"] == "http://127.0.0.1:1/v1/chat/completions"
    assert [each["key"] for each in (claude, other, box)] == [KEY, None, None]
    assert [each["home"] for each in (claude, other, box)] == [False, False, True]
    assert claude["worst_usd"](1000, 1000) > 0.001
    assert other["worst_usd"](1000, 1000) is None
    assert box["worst_usd"](1000, 1000) == 0.0
    assert judges_of(Settings()) is None
