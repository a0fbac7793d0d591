"""Whatever goes wrong outside the hot path, told in our error shape.

`install_handlers` covers what FastAPI and Starlette raise themselves (no such path, wrong method,
bad parameters) and what our routes raise. A crash is answered without its details, which go to the
log.
"""

from __future__ import annotations

import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.endpoints.responses import json_bytes
from gateway.errors import ClientError, GatewayError

INFERENCE_PATHS = ("/v1/chat/completions",)
"""Answered by the hot path, POST only; here only so that other methods are told so."""
KNOWN_PATHS = (*INFERENCE_PATHS, "/v1/models")
"""Paths that a wrongly written base_url makes clients miss."""
SHOWN = 200
"""Characters of a client's own text repeated in a message."""


def install_handlers(app: FastAPI) -> None:
    """Make `app` answer every failure in our shape."""
    app.add_exception_handler(GatewayError, _on_gateway_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_bad_parameters)
    app.add_exception_handler(Exception, _on_crash)


def error_response(request: Request, error: GatewayError) -> Response:
    """`error` as this request's answer."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
    return json_bytes(error.body(getattr(request.state, "request_id", None)), error.status, headers)


async def _on_gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return error_response(request, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = str(request.scope["path"])
    if error.status_code == 404 and path in INFERENCE_PATHS:
        error = HTTPException(405, headers={"Allow": "POST"})
    if error.status_code == 404:
        return error_response(request, unknown_path(path))
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        wrong = ClientError(
            f"{request.method[:SHOWN]} is not possible here; {allowed or 'no method'} is",
            status=405,
            code="method_not_allowed",
        )
        response = error_response(request, wrong)
        response.headers["allow"] = allowed
        return response
    return error_response(
        request,
        ClientError(str(error.detail)[:SHOWN], status=error.status_code),
    )


def unknown_path(path: str) -> ClientError:
    """A 404 that helps whoever wrote a wrong base_url."""
    message = f"there is nothing at {path[:SHOWN]!r}"
    for known in KNOWN_PATHS:
        if path.rstrip("/").endswith(known.removeprefix("/v1")):
            message += f"; {known} is there: a base_url ends in /v1, and /v1 comes once"
    return ClientError(message, status=404, code="not_found")


async def _on_bad_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = ".".join(str(step) for step in first["loc"][1:]) or str(first["loc"][0])
    wrong = ClientError(
        f"{name}: {first['msg']}"[:SHOWN], status=422, code="bad_parameter", param=name[:SHOWN]
    )
    return error_response(request, wrong)


async def _on_crash(request: Request, error: Exception) -> Response:
    del error  # told to the log by the server, which gets it again
    return error_response(
        request,
        GatewayError("Majordomo failed here; its log (`majordomo logs`) says where"),
    )
