"""Every failure a client can see, in OpenAI's error shape, with who failed and what to do.

    GatewayError
    ├── ClientError          the request is at fault: mend it and send again
    │   ├── Unauthorized        401
    │   ├── Forbidden           403
    │   ├── UnknownModel        404
    │   ├── TooLarge            413
    │   └── RateLimited         429
    ├── ServiceError         Majordomo is at fault, or cannot serve now
    │   ├── NothingMayAnswer    503  no upstream is allowed and healthy
    │   └── CaptureUnavailable  503  the journal cannot be written and the settings say refuse
    └── UpstreamError        the model server is at fault; its own words are passed on

The body is `{"error": {message, type, param, code, who, upstream?, request_id?}}`: OpenAI's four
fields, then ours. Messages say what to do next and never hold a secret. Hermes Agent reads words
like "context length" in a 400 as an overflow, so no unrelated message uses them.
"""

from __future__ import annotations

from typing import Any

import orjson

from capture.exchange import Culprit


class GatewayError(Exception):
    """Root of all errors that reach a client."""

    status: int = 500
    type: str = "server_error"
    code: str = "internal_error"
    who: Culprit = "gateway"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = self.status if status is None else status
        self.type = self.type if type is None else type
        self.code = self.code if code is None else code
        self.param = param
        self.retry_after = retry_after
        """Seconds to wait before trying again; None when waiting would not help or is unknown."""

    def as_dict(self, request_id: str | None = None) -> dict[str, Any]:
        """The `error` object."""
        error: dict[str, Any] = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
            "who": self.who,
        }
        if request_id is not None:
            error["request_id"] = request_id
        return error

    def body(self, request_id: str | None = None) -> bytes:
        """The JSON response body."""
        return orjson.dumps({"error": self.as_dict(request_id)})


class ClientError(GatewayError):
    """The request is at fault."""

    status = 400
    type = "invalid_request_error"
    code = "bad_request"
    who: Culprit = "client"


class Unauthorized(ClientError):
    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class Forbidden(ClientError):
    status = 403
    type = "permission_error"
    code = "forbidden"


class UnknownModel(ClientError):
    status = 404
    code = "model_not_found"


class TooLarge(ClientError):
    status = 413
    code = "request_too_large"


class RateLimited(ClientError):
    status = 429
    type = "rate_limit_error"
    code = "rate_limited"


class ServiceError(GatewayError):
    """Majordomo itself cannot serve this now."""

    status = 503
    code = "unavailable"


class NothingMayAnswer(ServiceError):
    code = "no_upstream"


class CaptureUnavailable(ServiceError):
    code = "capture_unavailable"


class UpstreamError(GatewayError):
    """The model server failed; carries which one and its own request id."""

    status = 502
    type = "upstream_error"
    code = "upstream_failed"
    who: Culprit = "upstream"

    def __init__(
        self,
        message: str,
        *,
        upstream: str = "",
        upstream_request_id: str | None = None,
        retryable: bool = False,
        **kw: Any,
    ) -> None:
        super().__init__(message, **kw)
        self.upstream = upstream
        self.upstream_request_id = upstream_request_id
        self.retryable = retryable
        """Another try, here or elsewhere, may succeed."""

    def as_dict(self, request_id: str | None = None) -> dict[str, Any]:
        error = super().as_dict(request_id)
        error["upstream"] = self.upstream
        if self.upstream_request_id:
            error["upstream_request_id"] = self.upstream_request_id
        return error


def failed_here() -> GatewayError:
    """What a client is told when the gateway itself failed, in a way nobody foresaw."""
    return GatewayError("Majordomo failed here; its log (`majordomo logs`) says where")
