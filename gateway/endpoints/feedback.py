"""What people say of exchanges: taken at once, and told."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from capture import clock
from capture.feedback import BadFeedback, Feedback
from capture.ids import new_id
from gateway.endpoints.accepting import accept, check_known, whole_body
from gateway.endpoints.lookup import CATCH_UP_S, checked_id
from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Serving, Speaker
from gateway.wire_feedback import FeedbackBody, FeedbackList, FeedbackView, bad_field, parse

router = APIRouter(tags=["feedback"])

MOST = 500
"""Pieces of feedback in one list at most."""
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": FeedbackBody.model_json_schema()}},
    }
}
"""For the schema alone: the body is read within bounds, and told wrong in our own words."""

Id = Annotated[str | None, Query(max_length=26)]


@router.post("/v1/feedback", response_model=FeedbackView, status_code=201, openapi_extra=_BODY)
async def give_feedback(request: Request, runtime: Serving, speaker: Speaker) -> Response:
    """Say something of an exchange or a conversation: 201, or 200 when it was said before under the
    same idempotency key."""
    body = parse(await whole_body(request))
    accepted = await accept(runtime, _feedback(body, speaker))
    view = FeedbackView.model_validate(accepted.feedback)
    return json_response(view, 201 if accepted.fresh else 200)


@router.get("/v1/feedback", response_model=FeedbackList)
async def list_feedback(
    runtime: Serving, speaker: Speaker, exchange: Id = None, conversation: Id = None
) -> Response:
    """What was said of an exchange, or of a conversation and all of its exchanges, newest first."""
    about = exchange or conversation
    if about is None or (exchange and conversation):
        raise bad_field("exchange", "ask for one `exchange` or one `conversation`")
    await check_known(runtime, about, speaker)
    await runtime.ingester.catch_up(CATCH_UP_S)
    found = await run_in_threadpool(
        lambda: runtime.store.feedback(exchange=exchange, conversation=conversation, limit=MOST + 1)
    )
    data = [FeedbackView.model_validate(each) for each in found[:MOST]]
    return json_response(FeedbackList(data=data, has_more=len(found) > MOST))


def _feedback(body: FeedbackBody, speaker: str | None) -> Feedback:
    """What a body says, said by this speaker, now. Raises ClientError."""
    for about in (body.exchange, body.conversation):
        if about is not None:
            checked_id(about)
    try:
        return Feedback(
            id=new_id(),
            exchange=body.exchange,
            conversation=body.conversation,
            at=clock.now(),
            key=speaker,
            source=body.source,
            value=None if body.value is None else float(body.value),
            comment=body.comment,
            demonstration=body.demonstration,
            idempotency_key=body.idempotency_key,
            train=body.train,
        )
    except BadFeedback as error:
        raise bad_field(error.field, str(error)) from None
