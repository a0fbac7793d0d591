"""A stored exchange's decision as values again, and as one true sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from capture.exchange import Attempt, ExchangeStatus, RouteDecision
from capture.store.rows import AttemptDetail, ExchangeDetail
from routers.explain import explain

_DECISION = TypeAdapter(RouteDecision)

_ANSWERED = "Answered "
_UNANSWERED: Mapping[ExchangeStatus, str] = {
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
    text = explain(decision, [_attempt(each) for each in detail.attempts])
    if detail.attempts or not text.startswith(_ANSWERED):
        return text
    return _UNANSWERED[detail.summary.status] + text.removeprefix(_ANSWERED)


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
