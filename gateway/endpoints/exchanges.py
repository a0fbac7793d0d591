"""What was asked and answered, as data: lists, one exchange, why it went where it went, raw bytes.

Raw bytes are somebody else's: they are sent as a plain-text download that no browser will render.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from capture.exchange import ExchangeStatus, Mode
from capture.plain import plain_message
from capture.store.rows import ExchangeDetail
from gateway.endpoints.explaining import decision_of, explanation, sentence
from gateway.endpoints.lookup import Wanted, checked_id, client_got, find, recent
from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Serving
from gateway.wire import (
    AttemptView,
    ExchangeHead,
    ExchangeList,
    ExchangeSummaryView,
    ExchangeView,
    Explanation,
    OldOutcomeView,
    OutcomeView,
)

router = APIRouter(tags=["exchanges"])

MOST = 500
"""Exchanges in one list at most."""


@router.get("/v1/exchanges", response_model=ExchangeList)
async def list_exchanges(
    runtime: Serving,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    before: Annotated[str | None, Query(max_length=26)] = None,
    mode: Mode | None = None,
    status: ExchangeStatus | None = None,
) -> Response:
    """The newest exchanges, newest first; `before` an id for older ones.

    With a filter a stretch may hold fewer than `limit` though `has_more` is true.
    """
    if before is not None:
        checked_id(before)
    found = await recent(runtime, limit, Wanted(mode, status, before))
    data = [ExchangeSummaryView.model_validate(row) for row in found.rows]
    more = found.next_before
    return json_response(ExchangeList(data=data, has_more=more is not None, next_before=more))


@router.get("/v1/exchanges/{id}", response_model=ExchangeView)
async def one_exchange(id: str, runtime: Serving) -> Response:
    """Everything known of one exchange, in flight or over."""
    detail = await find(runtime, id)
    return await run_in_threadpool(lambda: json_response(_view(detail)))


@router.get("/v1/exchanges/{id}/explain", response_model=Explanation)
async def explain_exchange(id: str, runtime: Serving) -> Response:
    """Why it went where it went: one sentence, and every rule with what it saw."""
    return json_response(explanation(await find(runtime, id)))


@router.get("/v1/exchanges/{id}/request", response_class=Response)
async def raw_request(id: str, runtime: Serving) -> Response:
    """The request body as received."""
    return _download((await find(runtime, id)).request, f"{id}-request.txt")


@router.get("/v1/exchanges/{id}/response", response_class=Response)
async def raw_response(id: str, runtime: Serving) -> Response:
    """The response body as the client got it, or as much of it as there is."""
    return _download(client_got(await find(runtime, id)), f"{id}-response.txt")


@router.get("/v1/exchanges/{id}/attempts/{number}/response", response_class=Response)
async def raw_attempt(id: str, number: int, runtime: Serving) -> Response:
    """An attempt's response body as its upstream sent it; attempts count from 1."""
    attempts = (await find(runtime, id)).attempts
    body = attempts[number - 1].raw if 0 < number <= len(attempts) else b""
    return _download(body, f"{id}-attempt-{max(number, 0)}.txt")


def _download(body: bytes, name: str) -> Response:
    return Response(
        body,
        media_type="text/plain",
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{name}"',
            "content-security-policy": "default-src 'none'; sandbox",
            "x-content-type-options": "nosniff",
        },
    )


def _view(detail: ExchangeDetail) -> ExchangeView:
    summary = detail.summary
    decision = decision_of(detail.decision)
    replies = [plain_message(reply) for reply in detail.replies]
    return ExchangeView(
        **{name: getattr(summary, name) for name in ExchangeHead.model_fields},
        explanation=sentence(detail, decision),
        attempts=_attempts(detail),
        decision=dict(detail.decision),
        config_generation=detail.config_generation,
        headers=dict(detail.headers),
        messages=[plain_message(message) for message in detail.messages],
        tools=detail.tools,
        reply=replies[0] if replies else None,
        replies=replies,
        continues=detail.continues,
        session=detail.session,
        purpose=detail.purpose,
        parent=detail.parent,
        what_came_of_it=detail.outcome and OutcomeView.model_validate(detail.outcome),
        what_was_thought=tuple(map(OldOutcomeView.model_validate, detail.outcome_before)),
        queue_s=detail.queue_s,
        connect_s=detail.connect_s,
        delivered_bytes=detail.delivered_bytes,
        error=None if detail.error is None else dict(detail.error),
        notes=detail.notes,
        request_url=f"/v1/exchanges/{summary.id}/request",
        response_url=f"/v1/exchanges/{summary.id}/response",
    )


def _attempts(detail: ExchangeDetail) -> list[AttemptView]:
    return [AttemptView.model_validate(attempt) for attempt in detail.attempts]
