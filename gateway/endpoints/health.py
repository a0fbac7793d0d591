"""Is it alive, is it ready, and its metrics.

`/livez` and `/readyz` are public and tell codes only: what is behind them needs a key.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Serving
from gateway.endpoints.vitals import problems, vitals
from gateway.telemetry import CONTENT_TYPE
from gateway.wire import Liveness, Readiness

router = APIRouter(tags=["health"])


@router.head("/livez", include_in_schema=False)
@router.get("/livez", response_model=Liveness)
async def livez() -> Response:
    """Whether the process answers at all."""
    return json_response(Liveness())


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", response_model=Readiness)
async def readyz(runtime: Serving) -> Response:
    """Whether a request sent now would be answered; 503 and the reasons' codes when not."""
    stops = [problem.code for problem in problems(vitals(runtime)) if problem.effect == "stops"]
    state = Readiness(status="unready" if stops else "ready", reasons=list(dict.fromkeys(stops)))
    return json_response(state, 503 if stops else 200)


@router.get("/metrics", response_class=Response)
async def metrics(runtime: Serving) -> Response:
    """All metrics, in Prometheus's text format."""
    return Response(runtime.telemetry.render(vitals(runtime)), media_type=CONTENT_TYPE)
