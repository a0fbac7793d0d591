from __future__ import annotations

import pytest

from capture.exchange import Attempt, AttemptStatus, Candidate, Mode, Reason, RouteDecision
from capture.weighing import Weighing
from routers.explain import explain

SMALL = Candidate(Mode.RESTING, "ollama", "qwen3-8b")
CLAUDE = Candidate(Mode.BURST, "claude", "claude-sonnet-5-5")
RULE = Reason("rule:small-talk", "rule `small-talk` applies because no tools are offered")


def decision(*candidates: Candidate, reasons: tuple[Reason, ...] = (RULE,), private: bool = False):
    return RouteDecision(candidates, reasons, rules=(), private=private)


def attempt(where: Candidate, status: AttemptStatus, http: int | None = None) -> Attempt:
    return Attempt(where.mode, where.upstream, where.model, 0.0, status, http)


def test_it_says_who_answered_and_why() -> None:
    assert explain(decision(SMALL, CLAUDE)) == (
        "Answered at home by qwen3-8b (RESTING): "
        "rule `small-talk` applies because no tools are offered."
    )


def test_it_says_what_stood_in_the_way() -> None:
    reasons = (Reason("asked", "the client asked for burst"), Reason("budget", "it is spent"))
    assert explain(decision(SMALL, reasons=reasons)) == (
        "Answered at home by qwen3-8b (RESTING): the client asked for burst, but it is spent."
    )


def test_it_says_who_marked_it_private() -> None:
    reasons = (Reason("private", "the client asks that it stays home"), RULE)
    said = explain(decision(SMALL, reasons=reasons, private=True))
    assert said.endswith("; it is private: the client asks that it stays home.")


def test_a_decision_without_candidates_is_a_refusal() -> None:
    assert explain(decision()).startswith("Refused, since nothing may answer: rule")


def test_with_attempts_it_tells_what_really_happened() -> None:
    tried = [attempt(CLAUDE, "http_error", 529), attempt(SMALL, "ok", 200)]
    assert explain(decision(CLAUDE, SMALL), tried).startswith(
        "Answered at home by qwen3-8b (RESTING) after claude-sonnet-5-5 answered with HTTP 529: "
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("connect_error", "could not be reached"),
        ("timeout", "took too long"),
        ("broken", "broke off"),
        ("cancelled", "was cancelled"),
    ],
)
def test_a_request_that_nothing_answered_says_so(status: AttemptStatus, words: str) -> None:
    said = explain(decision(SMALL), [attempt(SMALL, status)])
    assert said.startswith(f"Not answered, qwen3-8b {words}: ")


def test_a_local_answer_that_was_not_fit_is_told_with_what_was_wrong() -> None:
    unfit = attempt(SMALL, "unfit", 200)
    unfit.error = "it calls `send_mail`, which was not offered"
    assert explain(decision(SMALL, CLAUDE), [unfit, attempt(CLAUDE, "ok", 200)]).startswith(
        "Answered by claude-sonnet-5-5 at claude (BURST) after qwen3-8b gave no fit answer "
        "(it calls `send_mail`, which was not offered): "
    )


def test_an_unfit_answer_that_was_handed_over_is_told_as_one() -> None:
    answered = attempt(SMALL, "ok", 200)
    answered.error = "it calls `x`, which was not offered"
    said = explain(decision(SMALL, CLAUDE), [attempt(CLAUDE, "connect_error"), answered])
    assert said.startswith(
        "Answered at home by qwen3-8b (RESTING) after claude-sonnet-5-5 could not be reached, "
        "although that is no fit answer (it calls `x`, which was not offered): "
    )


def test_what_was_weighed_is_told_once() -> None:
    asked = decision(SMALL, CLAUDE, reasons=(Reason("weighed", "home is asked first"),))
    worth = Weighing("escalate", Reason("benefit", "leaving home is worth +0.40"), None)
    burst, held = attempt(CLAUDE, "ok", 200), attempt(SMALL, "held", 200)
    assert explain(asked, [burst], worth).endswith(
        ": home is asked first; leaving home is worth +0.40."
    )
    held.error = worth.reason.text
    assert explain(asked, [held, burst], worth) == (
        "Answered by claude-sonnet-5-5 at claude (BURST) after qwen3-8b was held back "
        "(leaving home is worth +0.40): home is asked first."
    )
