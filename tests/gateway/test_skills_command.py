"""`majordomo skills`, with nobody serving."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from capture.exchange import Mode
from gateway.config_load import load_bytes
from tests.support.command import Majordomo
from tests.support.journals import capturing
from tests.support.kitchen import BEGAN, HOME, answer, call, exchange, result, user
from tests.support.policies import HOUSE

NAMED = "skills: {names: {'tool:*_timer': timers}, pin: {timers: resting}}\n"


@pytest.fixture
async def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    """A home that set a timer well, stopped one badly, and talked."""
    majordomo = Majordomo(tmp_path / "home", monkeypatch, capsys)
    with capturing(majordomo.home.root) as (journal, ingester, _):
        for n, (skill, output) in enumerate(
            (("tool:set_timer", '{"exit_code": 0}'), ("tool:stop_timer", '{"error": "no"}'))
        ):
            asked = [user(f"See to the timer of oven {n}")]
            calls = call(f"call_{n}", '{"command": "timer"}')
            exchange(journal, asked, calls, place=HOME, skill=skill, at=BEGAN + n)
            told = [*asked, calls, result(f"call_{n}", output)]
            exchange(journal, told, answer("Done."), skill="chat", at=BEGAN + n)
        assert await ingester.catch_up(30)
    return majordomo


def settings(majordomo: Majordomo, text: str) -> None:
    majordomo.home.settings.write_text(HOUSE + text)


def listed(majordomo: Majordomo) -> list[dict[str, Any]]:
    return json.loads(majordomo("skills", "--json").out)["skills"]


def test_skills_are_listed_by_their_keys_with_what_came_of_them(majordomo: Majordomo) -> None:
    chat, *timers = listed(majordomo)
    assert (chat["name"], chat["requests"], chat["pin"]) == ("chat", 2, None)
    assert [(each["name"], each["requests"]) for each in timers] == [
        ("tool:set_timer", 1),
        ("tool:stop_timer", 1),
    ]
    place = {"upstream": HOME.upstream, "model": HOME.model, "adapter": None}
    assert [each["places"] for each in timers] == [
        [{**place, "successes": 1, "failures": 0}],
        [{**place, "successes": 0, "failures": 1}],
    ]


def test_a_name_and_a_pin_show_from_the_moment_they_are_set_and_go_with_the_settings(
    majordomo: Majordomo,
) -> None:
    before = listed(majordomo)
    settings(majordomo, NAMED)
    timers = next(each for each in listed(majordomo) if each["name"] == "timers")
    assert (timers["requests"], timers["pin"]) == (2, Mode.RESTING)
    assert [(place["successes"], place["failures"]) for place in timers["places"]] == [(1, 1)]
    shown = majordomo("skills").out
    (line,) = [each for each in shown.splitlines() if each.startswith("timers")]
    assert "1 of 2 by house-small" in line
    assert line.rstrip().endswith("tool:set_timer")
    settings(majordomo, "")
    assert listed(majordomo) == before


def test_rename_and_pin_print_the_settings_that_do_it_and_write_nothing(
    majordomo: Majordomo,
) -> None:
    settings(majordomo, "skills: {names: {'tool:set_timer': timers}, pin: {timers: resting}}\n")
    written = majordomo.home.settings.read_bytes()
    text = majordomo("skills", "rename", "tool:stop_timer", "timers").out
    skills = load_bytes((HOUSE + text).encode(), "m.yaml").settings.skills
    assert skills.names == {"tool:set_timer": "timers", "tool:stop_timer": "timers"}
    assert skills.pin == {"timers": Mode.RESTING}
    text = majordomo("skills", "rename", "timers", "clocks").out
    skills = load_bytes((HOUSE + text).encode(), "m.yaml").settings.skills
    assert (skills.names, skills.pin) == (
        {"tool:set_timer": "clocks"},
        {"clocks": Mode.RESTING},
    )
    text = majordomo("skills", "pin", "chat", "active").out
    skills = load_bytes((HOUSE + text).encode(), "m.yaml").settings.skills
    assert skills.pin == {"chat": Mode.ACTIVE, "timers": Mode.RESTING}
    assert majordomo.home.settings.read_bytes() == written


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rename", "tool:set_time", "timers"), "did you mean `tool:set_timer`?"),
        (("rename", "chat", "a*"), "String should match"),
        (("pin", "nothing", "active"), "no skill `nothing` was asked for"),
    ],
)
def test_what_would_be_refused_is_not_printed(
    majordomo: Majordomo, arguments: tuple[str, ...], said: str
) -> None:
    ran = majordomo("skills", *arguments)
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err
