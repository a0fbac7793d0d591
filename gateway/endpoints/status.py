"""How the gateway is doing, for people and for `majordomo status`."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import Response

from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Serving
from gateway.endpoints.vitals import problems, vitals
from gateway.wire import Status

router = APIRouter(tags=["status"])


@router.get("/v1/status", response_model=Status)
async def status(runtime: Serving) -> Response:
    """What the runtime says of itself, and `problems`, worst first."""
    found = [asdict(problem) for problem in problems(vitals(runtime))]
    return json_response({**runtime.status(), "problems": found})
