"""How an attempt ended: in the record's words, and as the error a client may come to see. Pure."""

from __future__ import annotations

from capture.exchange import Attempt, AttemptStatus, Candidate
from gateway.errors import NothingMayAnswer, UpstreamError
from gateway.holding import UnfitReply
from gateway.upstreams.transport import (
    ConnectFailed,
    DeadlineExceeded,
    StaleConnection,
    TransportError,
)

DROPPED = ("unfit", "held")
"""How an attempt ended whose reply was whole, and not handed over."""


def is_request_fault(status: int | None) -> bool:
    """Whether an HTTP status speaks of the request, and not of the server that gave it."""
    return status is not None and 400 <= status < 500 and status not in (401, 403, 404, 408, 429)


def failed_status(error: UpstreamError, attempt: Attempt) -> AttemptStatus:
    """Of an attempt that was answered, but not well."""
    if isinstance(error, UnfitReply):
        return "held" if error.fit else "unfit"
    return "http_error" if attempt.http_status != 200 else "broken"


def lost_status(error: TransportError) -> AttemptStatus:
    """Of an attempt whose connection failed."""
    if isinstance(error, DeadlineExceeded):
        return "timeout"
    return "connect_error" if isinstance(error, ConnectFailed | StaleConnection) else "broken"


def as_upstream_error(name: str, error: TransportError) -> UpstreamError:
    """What failed on the way to the upstream `name`, in a client's words."""
    if isinstance(error, DeadlineExceeded):
        status, code, retryable = 504, f"upstream_{error.name}_timeout", False
    elif isinstance(error, ConnectFailed):
        status, code, retryable = 502, "upstream_unreachable", True
    else:
        status, code, retryable = 502, "bad_reply", True
    return UpstreamError(
        f"{name}: {error}", upstream=name, status=status, code=code, retryable=retryable
    )


def bad_reply(name: str, what: str) -> UpstreamError:
    """A reply of the upstream `name` that is none."""
    return UpstreamError(f"{name}: {what}", upstream=name, code="bad_reply", retryable=True)


def over_budget(candidate: Candidate) -> NothingMayAnswer:
    """The money for an attempt is not there."""
    return NothingMayAnswer(
        f"{candidate.upstream}: the budget for {candidate.mode.value} does not cover this "
        "request's worst case; raise `escalation.budget` or ask for less (`max_tokens`)",
        status=402,
        type="insufficient_quota",
        code="budget_exhausted",
    )
