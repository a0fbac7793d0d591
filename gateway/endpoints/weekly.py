"""The sovereignty index and its companions, per week."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Serving
from gateway.wire import WeekList, WeekView

router = APIRouter(tags=["weekly"])


@router.get("/v1/weekly", response_model=WeekList)
async def weekly(runtime: Serving) -> Response:
    """Every week with a request in it, oldest first."""
    weeks = await run_in_threadpool(runtime.weeks)
    return json_response(WeekList(weeks=[WeekView.model_validate(week) for week in weeks]))
