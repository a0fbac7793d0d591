"""Conversations as a whole: forgetting one, everywhere."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from capture.store import StoreError
from gateway.endpoints.lookup import CATCH_UP_S, checked_id, unknown_exchange
from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Serving
from gateway.errors import ClientError, ServiceError
from gateway.forgetting import allowed
from gateway.wire import ForgottenView

router = APIRouter(tags=["conversations"])


@router.delete("/v1/conversations/{id}", response_model=ForgottenView)
async def forget_conversation(id: str, request: Request, runtime: Serving) -> Response:
    """Forget the conversation that this exchange is part of, everywhere; not to be undone.

    404 also for a conversation that was held with another key. 409 while something of it is being
    answered or a training cycle runs.
    """
    checked_id(id)
    flying = [flight.id for flight in runtime.in_flight()]
    if id in flying:
        raise ClientError("this exchange is being answered now", status=409, code="in_flight")
    await runtime.ingester.catch_up(CATCH_UP_S)
    found = await run_in_threadpool(runtime.store.conversation, id)
    key: str | None = getattr(request.state, "key", None)
    if found is None or not allowed(found, key, keys=bool(runtime.keyring)):
        raise unknown_exchange(id)
    try:
        gone = await runtime.forget(id)
    except (StoreError, OSError) as error:
        raise ServiceError(
            f"it cannot be forgotten now: {error}", code="capture_unavailable"
        ) from error
    if gone is None:
        raise unknown_exchange(id)
    return json_response(ForgottenView.model_validate(asdict(gone)))
