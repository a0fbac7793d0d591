"""Names and pins of skills that contradict something or cannot count, told with their place."""

from __future__ import annotations

import pytest

from gateway.config import ConfigErrors
from gateway.config_load import load_bytes
from gateway.policy import build_policy
from tests.support.policies import HOUSE, RULES

NO_BURST = HOUSE.replace("  burst: {upstream: claude, model: claude-opus-4-5}\n", "")


def faults(skills: str, house: str = HOUSE) -> str:
    with pytest.raises(ConfigErrors) as caught:
        load_bytes((house + skills).encode(), "m.yaml")
    return str(caught.value)


def warned(skills: str, house: str = HOUSE) -> str:
    return "\n".join(load_bytes((house + skills).encode(), "m.yaml").warnings)


@pytest.mark.parametrize(
    ("skills", "said"),
    [
        ("skills: {pin: {timers: burst}}", "no model serves burst"),
        ("skills: {pin: {timers: brust}}", "did you mean `burst`?"),
        ("skills: {names: {a: b, b: c}}", "`b` is itself called `c` here; call both by one name"),
        ("skills: {names: {a: 'b*'}}", "b*"),
        ("skills: {names: {a: ''}}", "names"),
    ],
)
def test_what_cannot_be_is_refused(skills: str, said: str) -> None:
    assert said in faults(skills, NO_BURST)


@pytest.mark.parametrize(
    "skills",
    [
        "skills: {pin: {'finance/*': burst}}",
        "skills: {pin: {finances: burst}}",
        "skills: {names: {'finance/tax': taxes, 'finance/rent': taxes}, pin: {taxes: burst}}",
    ],
)
def test_a_pin_to_burst_of_what_a_private_rule_keeps_home_is_refused(skills: str) -> None:
    text = faults(skills, HOUSE + RULES)
    line = (HOUSE + RULES).count("\n") + 1
    assert f"m.yaml:{line}:" in text
    assert "never reaches burst: rule `finances` keeps this skill at home" in text


@pytest.mark.parametrize(
    "skills",
    [
        "skills: {pin: {'*': burst}}",
        "skills: {names: {'finance/tax': money, shopping: money}, pin: {money: burst}}",
        "skills: {pin: {'finance/*': active}}",
    ],
)
def test_a_pin_of_what_is_only_partly_private_is_taken(skills: str) -> None:
    assert warned(skills, HOUSE + RULES) == ""


@pytest.mark.parametrize(
    ("skills", "said"),
    [
        (
            "skills: {names: {'tool:*': tools, 'tool:set_timer': timers}}",
            "never counts: `tool:*` before it takes whatever it fits",
        ),
        (
            "skills: {pin: {'code*': active, code-fix: resting}}",
            "never counts: `code*` before it takes whatever it fits",
        ),
        (
            "skills: {names: {'tool:set_timer': timers}, pin: {timer: resting}}",
            "no skill has the name `timer`; did you mean `timers`?",
        ),
        (
            "skills: {pin: {timers: resting}}\nescalation: {rules: [{name: all, then: active}]}",
            "never reached: rule `all` always applies",
        ),
    ],
)
def test_what_never_counts_is_warned_of(skills: str, said: str) -> None:
    assert said in warned(skills)


def test_names_and_pins_reach_the_policy_in_their_order() -> None:
    text = "skills: {names: {'tool:*_timer': timers, '*': rest}, pin: {timers: resting}}\n"
    settings = load_bytes((HOUSE + text).encode(), "m.yaml").settings
    assert warned(text) == ""
    policy = build_policy(settings.escalation, settings.skills)
    assert [policy.names.of(key) for key in ("tool:set_timer", "chat")] == ["timers", "rest"]
    assert policy.pinned("tool:set_timer") == ("timers", "resting")
    assert policy.pinned("chat") is None
