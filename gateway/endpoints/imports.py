"""Taking in what other programs recorded, from `majordomo import` alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from capture.imported import Imported
from capture.journal import JournalError
from gateway.endpoints.accepting import whole_body
from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Runtime, Serving
from gateway.errors import CaptureUnavailable, Forbidden, ServiceError
from gateway.import_key import HEADER, opens
from gateway.wire_imports import BODY_BYTES, ImportBody, ImportTaken, parse

router = APIRouter(tags=["import"])

_SECONDS = 60.0
"""How long what was journalled may take to reach the store."""
_YIELD_EVERY = 8
"""Exchanges journalled before requests get their turn."""
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ImportBody.model_json_schema()}},
    }
}
"""For the schema alone: the body is read within bounds, and told wrong in our own words."""


@router.post("/v1/import", response_model=ImportTaken, openapi_extra=_BODY)
async def import_exchanges(request: Request, runtime: Serving) -> Response:
    """Keep exchanges that somebody else served. Told when they are in the journal and the store;
    those that are there already stay as they are. Needs the secret in HOME/run/import.key."""
    if not await run_in_threadpool(opens, runtime.home, request.headers.get(HEADER)):
        raise Forbidden("importing is for who owns this home: use `majordomo import`")
    body = await whole_body(request, BODY_BYTES, "an import")
    exchanges = await run_in_threadpool(parse, body)
    await _keep(runtime, exchanges)
    if not await runtime.ingester.catch_up(_SECONDS):
        raise ServiceError(
            "what was imported is in the journal, and the store is far behind; go on later",
            retry_after=_SECONDS,
        )
    if exchanges:
        runtime.came_late(min(each.id for each in exchanges))
    return json_response(ImportTaken(taken=len(exchanges)))


async def _keep(runtime: Runtime, exchanges: Sequence[Imported]) -> None:
    """Journal them. Raises CaptureUnavailable; those before the failure are kept."""
    position = None
    try:
        for number, each in enumerate(exchanges, 1):
            position = runtime.journal.imported(each)
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        if position is not None and runtime.settings.capture.durability == "strict":
            await runtime.journal.synced(position)
    except JournalError as error:
        raise CaptureUnavailable(f"what is imported cannot be kept now: {error}") from error
