"""What would become of a request: a dry run of the decision.

The body is what a client would send to `/v1/chat/completions`, and the headers are its own. Nothing
is sent anywhere, recorded, remembered or reserved.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gateway.chat_request import parse
from gateway.door import readable_headers
from gateway.endpoints.accepting import whole_body
from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Serving, Speaker
from gateway.wire_decision import DecisionView, decision_view

router = APIRouter(tags=["decision"])


@router.get("/v1/decision", include_in_schema=False)
@router.post("/v1/decision", response_model=DecisionView)
async def rehearse_decision(request: Request, runtime: Serving, speaker: Speaker) -> Response:
    """Where a chat request would go, why, and what every place would cost. GET takes a body, too,
    from clients that can send one."""
    most = runtime.settings.server.limits.body_bytes
    body = await whole_body(request, most, "the request")
    asked = await run_in_threadpool(parse, body, "rehearsal")
    found = runtime.rehearse(asked, readable_headers(request.headers.raw), speaker)
    return json_response(decision_view(found))
