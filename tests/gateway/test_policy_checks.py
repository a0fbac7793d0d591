"""Policies that contradict themselves or cannot apply, told with their place."""

from __future__ import annotations

import pytest

from gateway.config import ConfigErrors
from gateway.config_load import load_bytes
from tests.support.policies import HOUSE

LINES = HOUSE.count("\n")
NO_BURST = HOUSE.replace("  burst: {upstream: claude, model: claude-opus-4-5}\n", "")


def faults(escalation: str, house: str = HOUSE) -> str:
    with pytest.raises(ConfigErrors) as caught:
        load_bytes((house + escalation).encode(), "m.yaml")
    return str(caught.value)


def warned(escalation: str, house: str = HOUSE) -> str:
    return "\n".join(load_bytes((house + escalation).encode(), "m.yaml").warnings)


@pytest.mark.parametrize(
    ("escalation", "place", "said"),
    [
        ("escalation: {preset: balancd}", "1:22", "did you mean `balanced`?"),
        ("escalation: {preset: nice}", "1:22", "`frugal` or `balanced` or `careful`"),
        (
            "escalation: {preset: local-only, rules: [{name: a, then: burst}]}",
            "1:58",
            "never reaches burst: rule `local-only` keeps every request at home",
        ),
        (
            "escalation: {preset: local-only, default: burst}",
            "1:43",
            "nothing can go to burst: rule `local-only` keeps",
        ),
        (
            (
                "escalation:\n  quiet:\n    - {from: '22:00', to: '07:00'}\n"
                "    - {from: '06:00', to: '08:00'}\n"
            ),
            "4:7",
            "quiet hours overlap: 06:00 to 08:00, and 22:00 to 07:00 before",
        ),
        ("escalation: {quiet: {from: '7:00', to: '07:00'}}", "1:21", "end at another time"),
        ("escalation: {quiet: {from: '25:00', to: '07:00'}}", "1:21", "time of day, as in 22:00"),
        ("escalation: {timezone: Mars/Base}", "1:24", "time zone this machine knows"),
        ("escalation: {rules: [{name: a, when: {between: '7-9'}, then: active}]}", "", "22:00"),
        ("escalation: {history: {skills: {'code*': 2}}}", "1:42", "1.0 or less"),
        ("escalation: {history: {rule: last_thre}}", "1:30", "did you mean `last_three`?"),
        ("escalation: {max_quality_loss: 0}", "1:32", "more than 0"),
        ("escalation: {max_quality_loss: 1}", "1:14", "counts only with `default: learned`"),
        ("escalation: {latch: {turns: 0}}", "1:29", "1 or more"),
        ("escalation: {latch: often}", "1:21", "must hold fields"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(escalation: str, place: str, said: str) -> None:
    text = faults(escalation)
    if place:
        line, _, column = place.partition(":")
        assert f"m.yaml:{LINES + int(line)}:{column}: " in text
    assert said in text


@pytest.mark.parametrize(
    ("escalation", "said"),
    [
        ("escalation: {latch: true}", "a latch keeps tasks in burst, which no model serves"),
        ("escalation: {quiet: {from: '22:00', to: '07:00', modes: burst}}", "nothing could answer"),
        (
            "escalation: {default: burst, fallback: []}",
            "no model serves burst, and none a mode to fall back to; name `resting` or `active`",
        ),
        (
            "escalation: {default: burst, fallback: [burst]}",
            "no model serves burst, and none a mode to fall back to",
        ),
    ],
)
def test_what_needs_a_mode_that_no_model_serves_is_refused(escalation: str, said: str) -> None:
    assert said in faults(escalation, NO_BURST)


@pytest.mark.parametrize(
    ("escalation", "said"),
    [
        (
            (
                "escalation: {rules: [{name: a, when: {tools: true}, then: burst}, "
                "{name: b, when: {tools: true}, then: active}]}"
            ),
            "never reached: rule `a` before it asks the same",
        ),
        (
            "escalation: {rules: [{name: a, then: burst}, {name: b, then: active}]}",
            "never reached: rule `a` before it always applies",
        ),
        ("escalation: {history: {home_at: 0.8}}", "counts only under `default: learned`"),
        (
            "escalation: {default: learned, history: {rule: last_three, home_at: 0.8}}",
            "counts for nothing beside `rule: last_three`",
        ),
        (
            "escalation: {default: learned, history: {skills: {'code*': 0.8, code-fix: 0.9}}}",
            "never counts: `code*` before it takes whatever it fits",
        ),
        ("escalation: {timezone: Europe/Berlin}", "nothing here asks what time it is"),
        (
            (
                "escalation: {quiet: {from: '22:00', to: '07:00'}, "
                "rules: [{name: a, when: {between: '23:00-05:00'}, then: active}]}"
            ),
            "active may not answer at these hours: they are quiet",
        ),
    ],
)
def test_what_never_applies_is_warned_of(escalation: str, said: str) -> None:
    assert said in warned(escalation)


@pytest.mark.parametrize(
    "escalation",
    [
        "escalation: {latch: {minutes: 30}, quiet: {from: '22:00', to: '07:00'}}",
        "escalation: {default: learned, history: {skills: {code-fix: 0.9, 'code*': 0.8}}}",
        "escalation: {quiet: [{from: '22:00', to: '06:00'}, {from: '06:00', to: '07:00'}]}",
        "escalation: {timezone: Europe/Berlin, quiet: {from: '22:00', to: '07:00'}}",
        (
            "escalation: {rules: [{name: a, when: {agent: hermes, between: '9:00-17:00'}, "
            "then: active}]}"
        ),
    ],
)
def test_what_is_meant_is_taken_without_a_word(escalation: str) -> None:
    assert warned(escalation) == ""


def test_a_preset_s_latch_is_no_fault_where_burst_is_not_there() -> None:
    assert "latch" not in warned("escalation: {preset: careful}\n", NO_BURST)


def test_a_burst_that_is_at_home_may_be_asked_under_local_only() -> None:
    house = HOUSE.replace("upstream: claude, model: claude-opus-4-5", "upstream: ollama, model: m")
    rules = "escalation: {preset: local-only, rules: [{name: a, then: burst}]}\n"
    assert "reaches" not in warned(rules, house)


def test_home_cannot_be_held_against_what_is_not_there() -> None:
    escalation = "escalation: {default: learned, fallback: [resting], max_quality_loss: 1}"
    assert "holds local models against burst" in faults(escalation, NO_BURST)


def test_too_few_tries_to_reach_burst_are_warned_of() -> None:
    weighing = "escalation: {default: learned, max_quality_loss: 1}\n"
    assert "places are asked" not in warned(weighing)
    few = warned(weighing + "retries: {attempts: 2}\n")
    assert "3 places are asked in turn; `retries.attempts` is 2" in few


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        ("burst: {upstream: ollama, model: m}", "nobody is asked: nothing here costs money"),
        ("burst: {upstream: claude, model: m}", "a no, a tool loop and a side call are refused"),
    ],
)
def test_approval_without_anything_to_ask_or_to_fall_back_to_is_warned_of(
    modes: str, said: str
) -> None:
    house = HOUSE[: HOUSE.index("modes:")] + f"modes:\n  {modes}\n"
    assert said in warned("escalation: {default: burst, approval: ask}\n", house)
    assert warned("escalation: {approval: ask}\n") == ""
