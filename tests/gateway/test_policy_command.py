"""`majordomo policy`: read aloud, held against requests, and compared, with nobody serving."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capture import clock
from tests.support.command import Majordomo
from tests.support.journals import capturing
from tests.support.kitchen import HOME as KITCHEN
from tests.support.kitchen import answer, call, exchange, result, user
from tests.support.policies import HOUSE, RULES

OFFER = {"tools": [{"type": "function", "function": {"name": "terminal"}}]}


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    made = Majordomo(tmp_path / "home", monkeypatch, capsys)
    made.home.create()
    made.home.settings.write_text(HOUSE + RULES + "  budget: {day_usd: 5}\n")
    return made


def test_the_policy_is_read_aloud_in_the_order_in_which_things_are_decided(
    majordomo: Majordomo,
) -> None:
    said = majordomo("policy", "explain").out
    heard = [
        "client marks private never leaves home",
        "Rule `finances`: when the skill is `finance*`, the request never leaves home.",
        "Rule `very-long`: when the prompt is about 60,000 tokens or more, burst answers.",
        "Rule `tools-offered`: when tools are offered, active answers.",
        "Everything else goes to resting (`small` at `ollama`, at home).",
        "then burst (`claude-opus-4-5` at `claude`, away from home).",
        "$5.00 a day (UTC) at most",
    ]
    assert sorted(heard, key=said.index) == heard
    told = json.loads(majordomo("policy", "explain", "--json").out)["sentences"]
    assert [each["rule"] for each in told if each["about"] == "rules"] == [
        "very-long",
        "tools-offered",
    ]


def test_one_request_is_told_where_it_would_go_and_what_others_would_cost(
    majordomo: Majordomo,
) -> None:
    ran = majordomo("policy", "test", "--request", json.dumps(OFFER))
    assert ran.status == 0
    assert "Would be answered at home by large (ACTIVE): rule `tools-offered`" in ran.out
    assert "burst: claude-opus-4-5 at claude, for $0.2" in ran.out
    told = json.loads(majordomo("policy", "test", "--json", "--request", json.dumps(OFFER)).out)
    assert (told["mode"], told["rule"], told["skill"]) == (
        "active",
        "tools-offered",
        "tool:terminal",
    )
    assert [c["worst_case_usd"] for c in told["choices"][:2]] == [0.0, 0.0]


def test_cases_that_hold_end_with_0_and_one_that_does_not_ends_with_1_and_what_differs(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    cases = tmp_path / "cases.yaml"
    holds = """\
- name: finances stay home
  headers: {X-Majordomo-Skill: finance/tax}
  expect: {mode: resting, private: true, rule: finances}
- name: asked for by name
  request: {model: burst}
  expect: {mode: burst, rule: none, upstream: claude, model: claude-opus-4-5}
- name: as long as a book
  input_tokens: 70000
  expect: {mode: burst, private: false}
"""
    cases.write_text(holds)
    assert majordomo("policy", "test", str(cases)).status == 0
    cases.write_text(holds + "- {name: wrong, expect: {mode: burst, rule: very-lang}}\n")
    ran = majordomo("policy", "test", str(cases))
    assert ran.status == 1
    assert (
        "FAIL wrong: mode is resting, not burst; no rule applies, not `very-lang`; "
        "there is no such rule; did you mean `very-long`?"
    ) in ran.out
    assert "3 of 4 cases" in ran.out
    told = json.loads(majordomo("policy", "test", "--json", str(cases)).out)
    assert [bool(case["differs"]) for case in told["cases"]] == [False, False, False, True]


def test_a_case_may_say_the_time_the_agent_and_who_answered_before(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    majordomo.home.settings.write_text(
        HOUSE
        + """\
escalation:
  latch: true
  quiet: {from: "22:00", to: "07:00"}
  rules:
    - {name: hermes-by-day, when: {agent: hermes, between: "9:00-17:00"}, then: active}
"""
    )
    cases = tmp_path / "cases.yaml"
    cases.write_text(
        """\
- name: hermes by day
  headers: {X-Hermes-Session-Id: s1}
  at: "10:30"
  expect: {mode: active, rule: hermes-by-day}
- name: hermes by night
  headers: {X-Hermes-Session-Id: s1}
  at: "23:00"
  expect: {mode: resting, rule: none}
- name: quiet outranks what is asked for
  request: {model: active}
  at: "6:59"
  expect: {mode: resting}
- name: the loop goes on with Claude
  conversation_mode: burst
  request:
    messages:
      - {role: user, content: Fix the build}
      - {role: assistant, content: null, tool_calls: []}
      - {role: tool, tool_call_id: c, content: "exit 1"}
  expect: {mode: burst, rule: none}
"""
    )
    ran = majordomo("policy", "test", str(cases))
    assert "4 of 4" in ran.out, ran.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {name: a, expect: {mod: burst}}", ":1:22: there is no field `mod`"),
        ("- {name: a, expect: {mode: brst}}", "did you mean `burst`?"),
        ("- {name: a}", "needs the field `expect`"),
        ("a: b", "must be a list"),
        ("", "must be a list"),
    ],
)
def test_a_file_of_cases_with_a_mistake_is_refused_with_its_place(
    majordomo: Majordomo, tmp_path: Path, text: str, said: str
) -> None:
    cases = tmp_path / "cases.yaml"
    cases.write_text(text)
    ran = majordomo("policy", "test", str(cases))
    assert ran.status == 1
    assert said in ran.err


def test_what_cannot_be_asked_is_said_plainly(majordomo: Majordomo, tmp_path: Path) -> None:
    assert "give a file of cases" in majordomo("policy", "test").err
    assert "is no JSON" in majordomo("policy", "test", "--request", "{").err
    assert "JSON object" in majordomo("policy", "test", "--request", "[]").err
    assert "no model is called" in majordomo("policy", "test", "--request", '{"model":"gpt"}').err
    assert "does not exist" in majordomo("policy", "test", str(tmp_path / "none")).err
    majordomo.home.settings.write_text("escalation: {rules: 3}\n")
    assert f"{majordomo.home.settings}:1:" in majordomo("policy", "explain").err


async def test_a_changed_policy_says_what_changes_and_which_recorded_requests_go_elsewhere(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    with capturing(majordomo.home.root) as (journal, ingester, _):
        for text in ("Order cat food", "Order dog food"):
            latest = exchange(journal, [user(text)], answer("Ordered."), at=clock.now() - 60)
        exchange(journal, [user("Long ago")], answer("Yes."), at=clock.now() - 30 * 86_400)
        exchange(journal, [user("Hm")], answer("Yes."), at=clock.now() - 60, model="gone")
        assert await ingester.catch_up(30)
    new = tmp_path / "new.yaml"
    new.write_text(HOUSE + RULES.replace("then: active", "then: burst").replace("60000", "50000"))
    old = str(majordomo.home.settings)
    ran = majordomo("policy", "diff", old, str(new))
    assert ran.status == 0
    assert "- Rule `tools-offered`: when tools are offered, active answers." in ran.out
    assert "+ Rule `tools-offered`: when tools are offered, burst answers." in ran.out
    assert "+ No budget limits what BURST may cost." in ran.out
    assert "Of 3 requests of the last 7 days 2 would go elsewhere." in ran.out
    told = json.loads(majordomo("policy", "diff", old, str(new), "--json", "--days", "60").out)
    (move,) = told["moves"]
    assert (move["from"], move["count"]) == ("active (large at ollama)", 3)
    assert move["to"] == "burst (claude-opus-4-5 at claude)"
    assert move["examples"][0]["id"] == latest
    assert "rule `tools-offered`" in move["examples"][0]["why"]
    same = majordomo("policy", "diff", old, old).out
    assert "say the same" in same
    assert "0 would go elsewhere" in same


@pytest.mark.parametrize("history", ["{home_at: 0.79}", "{rule: last_three}"])
async def test_under_learned_the_history_in_the_store_counts(
    majordomo: Majordomo, history: str
) -> None:
    majordomo.home.settings.write_text(
        HOUSE.replace("ollama", "house").replace("small", "house-small")
        + f"escalation: {{default: learned, history: {history}}}\n"
    )
    ask = json.dumps({"metadata": {"skill": "shell"}})
    assert "(BURST)" in majordomo("policy", "test", "--request", ask).out
    with capturing(majordomo.home.root) as (journal, ingester, _):
        for n in range(3):
            asked = [user(f"Count the files of box {n}")]
            calls = call(f"call_{n}", '{"command": "ls"}')
            exchange(journal, asked, calls, place=KITCHEN, skill="shell")
            told = [*asked, calls, result(f"call_{n}", '{"exit_code": 0}')]
            exchange(journal, told, answer("Seven."), place=KITCHEN, skill="talk")
        assert await ingester.catch_up(30)
    ran = majordomo("policy", "test", "--request", ask)
    assert "at home by house-small (RESTING)" in ran.out
    assert "did well 3 of 3 times on `shell`" in ran.out
