"""A decision as it is told: of a stored exchange as values again, in one true sentence, as a body.
Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from capture.exchange import Attempt, Candidate, ExchangeStatus, RouteDecision, RuleTrace
from capture.store.rows import AttemptDetail, ExchangeDetail
from capture.weighing import Weighing
from gateway.wire import (
    AttemptView,
    CandidateView,
    CheckView,
    ExcludedView,
    Explanation,
    ReasonView,
    RuleView,
    WeighingView,
)
from routers.explain import explain

_DECISION = TypeAdapter(RouteDecision)

_ANSWERED = "Answered "
_UNANSWERED: Mapping[ExchangeStatus, str] = {
    "asked": "Asked about before it would be answered ",
    "open": "Being answered ",
    "ok": _ANSWERED,
    "client_gone": "Left by its client before it was answered ",
    "interrupted": "Cut off, because Majordomo stopped, while being answered ",
    "refused": "Refused before it could be answered ",
    "truncated": "Broken off while being answered ",
    "upstream_error": "Failed before it could be answered ",
}
"""How the sentence of an exchange without a recorded attempt begins."""


def decision_of(stored: Mapping[str, Any]) -> RouteDecision:
    """The decision as it was taken. Raises ValidationError for what is none."""
    return _DECISION.validate_python(dict(stored))


def sentence(detail: ExchangeDetail, decision: RouteDecision) -> str:
    """Who answered and why, or what came instead."""
    asked = detail.summary.status == "asked"
    tried = () if asked else [_attempt(each) for each in detail.attempts]
    text = explain(decision, tried, detail.weighing)
    if (detail.attempts and not asked) or not text.startswith(_ANSWERED):
        return text
    return _UNANSWERED[detail.summary.status] + text.removeprefix(_ANSWERED)


def explanation(detail: ExchangeDetail) -> Explanation:
    """Why an exchange went where it went."""
    decision = decision_of(detail.decision)
    return Explanation(
        id=detail.summary.id,
        sentence=sentence(detail, decision),
        status=detail.summary.status,
        attempts=[AttemptView.model_validate(attempt) for attempt in detail.attempts],
        weighing=_weighing(detail.weighing),
        **parts(decision),
    )


def parts(decision: RouteDecision) -> dict[str, Any]:
    """What every body that tells a decision has of it."""
    return {
        "private": decision.private,
        "candidates": _candidates(decision.candidates),
        "reasons": [ReasonView.model_validate(reason) for reason in decision.reasons],
        "rules": [_rule(trace) for trace in decision.rules],
        "excluded": [
            ExcludedView(
                place=CandidateView.model_validate(place), reason=ReasonView.model_validate(reason)
            )
            for place, reason in decision.excluded
        ],
        "config_generation": decision.config_generation,
        "skill": decision.skill,
        "skill_name": decision.skill_name,
        "confidence": decision.confidence,
        "propensity": decision.propensity,
        "checked": _candidates(decision.checked),
    }


def _weighing(weighing: Weighing | None) -> WeighingView | None:
    return None if weighing is None else WeighingView.model_validate(weighing)


def _candidates(places: tuple[Candidate, ...]) -> list[CandidateView]:
    return [CandidateView.model_validate(place) for place in places]


def _rule(trace: RuleTrace) -> RuleView:
    saw = [
        CheckView(condition=condition, wanted=wanted, found=found, held=held)
        for condition, wanted, found, held in trace.saw
    ]
    return RuleView(name=trace.name, outcome=trace.outcome, saw=saw)


def _attempt(stored: AttemptDetail) -> Attempt:
    return Attempt(
        mode=stored.mode,
        upstream=stored.upstream,
        model=stored.model,
        started_at=stored.started_at,
        status=stored.status,
        http_status=stored.http_status,
        error=stored.error,
    )
