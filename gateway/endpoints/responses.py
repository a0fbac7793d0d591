"""The one JSON response of our own endpoints: never cached, never sniffed."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from pydantic import BaseModel
from starlette.responses import Response


def json_response(
    content: BaseModel | Mapping[str, object],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`content` as JSON."""
    body = (
        content.model_dump_json().encode()
        if isinstance(content, BaseModel)
        else orjson.dumps(content)
    )
    return json_bytes(body, status, headers)


def json_bytes(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A body that is JSON already."""
    return Response(
        body,
        status,
        media_type="application/json",
        headers={
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            **(headers or {}),
        },
    )
