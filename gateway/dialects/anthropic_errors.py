"""Anthropic's errors in ours: who failed, whether another try helps, what to do.

Anthropic tells an error as `{"type": "error", "error": {type, message, details?}, "request_id"}`,
in a body or inside a stream. A refused key or a model that does not exist is the household's
settings, not the client's request, so it becomes 502 and another place may answer; a request that
Claude rejects keeps 400, because every place would reject it. A spent budget is never tried again.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.dialects.values import Json, json_object, json_string, parse_json
from gateway.errors import UpstreamError
from gateway.retry import retry_after
from gateway.upstreams.base import Headers

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""HTTP status of an error told inside a stream; any other type is a 500."""
_OVERFLOW = ("prompt is too long", "exceed context limit", "exceeds the context window")
_SPENT = ("credit balance is too low", "spend limit")
_MESSAGE_CHARS = 2000


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of failure as a client sees it."""

    status: int
    code: str
    type: str = "upstream_error"
    retryable: bool = False
    advice: str = ""


def read_error(
    name: str, key_env: str | None, status: int, headers: Headers, body: bytes
) -> UpstreamError:
    """A non-200 answer of the Messages API, or of something in front of it."""
    answer = json_object(parse_json(body))
    error = json_object(answer.get("error"))
    if not error:
        error = {"message": body[:500].decode("utf-8", "replace").strip()}
    told = dict(headers)
    request_id = json_string(answer.get("request_id")) or told.get(b"request-id", b"").decode(
        "latin-1"
    )
    read = _error(name, key_env, status, error, request_id)
    read.retry_after = retry_after(headers)
    if told.get(b"x-should-retry") == b"false":
        read.retryable = False
    return read


def read_event(name: str, key_env: str | None, event: Json) -> UpstreamError:
    """An `error` event inside a stream."""
    error = json_object(event.get("error"))
    status = _STATUS.get(json_string(error.get("type")), 500)
    return _error(name, key_env, status, error, json_string(event.get("request_id")))


def _error(
    name: str, key_env: str | None, status: int, error: Json, request_id: str
) -> UpstreamError:
    message = json_string(error.get("message"))[:_MESSAGE_CHARS] or "failed without saying why"
    cause = json_string(json_object(error.get("details")).get("error_code"))
    kind = _kind(status, json_string(error.get("type")), cause, message, key_env)
    return UpstreamError(
        f"{name}: {message}{kind.advice}",
        upstream=name,
        upstream_request_id=request_id[:200] or None,
        retryable=kind.retryable,
        status=kind.status,
        type=kind.type,
        code=kind.code,
    )


def _kind(status: int, type: str, cause: str, message: str, key_env: str | None) -> _Kind:
    lower = message.lower()
    if (
        status == 402
        or type == "billing_error"
        or cause.endswith("spend_limit_reached")
        or (status in (400, 403, 429) and any(phrase in lower for phrase in _SPENT))
    ):
        return _Kind(402, "upstream_spend_limit", advice=" (see Billing in the Claude Console)")
    if status in (401, 403):
        where = f"the environment variable {key_env}" if key_env else "this upstream's api_key_env"
        return _Kind(502, "upstream_auth", advice=f" (check the key in {where})")
    if status == 404:
        advice = " (check the model's name in majordomo.yaml)"
        return _Kind(502, "upstream_model_not_found", advice=advice)
    if status == 429:
        return _Kind(429, "rate_limited", "rate_limit_error", retryable=True)
    if status == 413:
        return _Kind(413, "request_too_large", "invalid_request_error")
    if status == 400 and any(phrase in lower for phrase in _OVERFLOW):
        return _Kind(400, "context_length_exceeded", "invalid_request_error")
    if status in (400, 422):
        return _Kind(400, "upstream_rejected", "invalid_request_error")
    if status == 529:
        return _Kind(503, "upstream_overloaded", retryable=True)
    if status >= 500:
        return _Kind(status if status in (503, 504) else 502, "upstream_failed", retryable=True)
    return _Kind(502, "upstream_failed", retryable=status in (408, 409, 425))
