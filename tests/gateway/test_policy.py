from __future__ import annotations

from dataclasses import replace

import pytest

from capture.exchange import Candidate, Mode, Reason, RouteDecision
from gateway.errors import ClientError, NothingMayAnswer
from gateway.policy import build_policy, refusal
from gateway.settings import Escalation
from routers.conditions import (
    ConversationIn,
    HeaderIs,
    ImagesPresent,
    InputAtLeast,
    InputAtMost,
    KeyIs,
    ModelIs,
    SkillIs,
    ToolOffered,
    ToolsPresent,
)
from routers.escalation import Learned

SMALL = Candidate(Mode.RESTING, "ollama", "small")
CLAUDE = Candidate(Mode.BURST, "claude", "sonnet")


def test_the_settings_become_the_routers_values() -> None:
    when = {
        "model": ["auto", "coder"],
        "tools": ["terminal"],
        "min_input_tokens": 10,
        "max_input_tokens": 20,
        "header": {"X-A": "b*", "x-c": False},
        "key": "laptop",
        "skill": ["code*", "x"],
        "conversation_mode": "burst",
        "images": True,
    }
    rule = {"name": "all", "when": when, "then": "burst", "private": True}
    policy = build_policy(
        Escalation.model_validate({"default": "active", "fallback": ["burst"], "rules": [rule]})
    )
    assert (policy.default, policy.fallback) == (Mode.ACTIVE, (Mode.BURST,))
    (built,) = policy.rules
    assert (built.name, built.then, built.private) == ("all", Mode.BURST, True)
    assert built.names == ("auto", "coder")
    assert set(built.conditions) == {
        ModelIs(("auto", "coder")),
        ToolOffered(("terminal",)),
        InputAtLeast(10),
        InputAtMost(20),
        HeaderIs("x-a", "b*"),
        HeaderIs("x-c", False),
        KeyIs(("laptop",)),
        SkillIs(("code*", "x")),
        ConversationIn((Mode.BURST,)),
        ImagesPresent(True),
    }


def test_a_rule_without_a_model_condition_decides_for_auto() -> None:
    rules = [{"name": "r", "when": {"tools": False}, "then": "resting"}]
    (rule,) = build_policy(Escalation.model_validate({"rules": rules})).rules
    assert rule.names == ("auto",)
    assert rule.conditions == (ToolsPresent(False),)


@pytest.mark.parametrize(("verify", "checks"), [("tool_calls", True), ("off", False)])
def test_the_settings_say_whether_local_replies_are_checked(verify: str, checks: bool) -> None:
    assert build_policy(Escalation.model_validate({"verify": verify})).verify is checks


def none(*excluded: tuple[Candidate, Reason]) -> RouteDecision:
    reasons = (Reason("default", "the default is resting"), *(reason for _, reason in excluded))
    return RouteDecision((), reasons, rules=(), excluded=excluded)


def test_a_prompt_that_fits_nowhere_is_the_clients_to_mend() -> None:
    full = Reason("context", "about 9,000 tokens of prompt do not fit `small`")
    error = refusal(none((SMALL, full), (CLAUDE, full)))
    assert isinstance(error, ClientError)
    assert (error.status, error.code) == (400, "context_length_exceeded")
    assert "maximum context length" in error.message


def test_images_that_nothing_takes_are_the_clients_to_mend() -> None:
    error = refusal(none((SMALL, Reason("images", "`small` takes no images"))))
    assert (error.status, error.code) == (400, "no_images")


@pytest.mark.parametrize("code", ["private", "budget", "unknown_price"])
def test_every_other_refusal_is_the_houses_and_says_why(code: str) -> None:
    full = Reason("context", "too long")
    error = refusal(none((SMALL, full), (CLAUDE, Reason(code, "it is forbidden"))))
    assert isinstance(error, NothingMayAnswer)
    assert error.status == 503
    assert "it is forbidden" in error.message


def test_an_unrelated_refusal_never_speaks_of_the_context_length() -> None:
    decision = none((CLAUDE, Reason("budget", "the budget is spent")))
    for error in (refusal(decision), refusal(replace(decision, excluded=()))):
        assert "context" not in error.message.lower()
        assert "token" not in error.message.lower()


def test_learned_is_burst_for_what_is_not_proven_at_home() -> None:
    settings = Escalation.model_validate({"default": "learned", "history": {"home_at": 0.9}})
    policy = build_policy(settings)
    assert (policy.default, policy.learned) == (Mode.BURST, Learned(0.9))
    assert build_policy(Escalation()).learned is None
