"""What to do after an attempt failed before its first byte: try again, go elsewhere, or give up.

`next_step` is pure. The rules (RFC 9110 section 10.2.3 for Retry-After): nothing is tried again
once a byte of a reply went out; a place that said when to come back is left alone until then;
another allowed place is preferred over waiting; retries at the same place spend a shared budget, so
that a failing upstream is not hammered by everyone at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from gateway.upstreams.base import Headers

_NOT_ELSEWHERE = frozenset({400, 413, 415, 422})
"""Statuses that say the request itself is at fault: another place would say so too."""
_LONGEST_WAIT = 86_400.0
"""Seconds; whatever asks for more is told as this."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt failed, as far as the next step depends on it."""

    status: int | None
    """HTTP status of the upstream; None when no head came."""
    retryable: bool
    """The same place may answer the same request later."""
    retry_after: float | None = None
    """Seconds the upstream asked to wait; None when it did not."""
    stale: bool = False
    """A kept-alive connection was gone; the request was not looked at."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next attempt: at which candidate, after how long."""

    candidate: int
    """Index into the decision's candidates."""
    wait: float = 0.0
    """Seconds."""


def next_step(
    failure: Failure,
    *,
    current: int,
    attempts: int,
    most: int,
    ready: Sequence[bool],
    rest_left: float,
    max_wait: float,
    may_retry: bool,
) -> Step | None:
    """Where to try next, or None to give up and tell the client.

    Args:
        failure: the attempt that just failed.
        current: index of the candidate that failed.
        attempts: attempts made so far.
        most: attempts allowed for this request.
        ready: for each candidate, whether it may be tried now.
        rest_left: seconds for which the place that failed is to be left alone.
        max_wait: longest wait at one place, in seconds.
        may_retry: the retry budget allows one more try at the same place.
    """
    if failure.stale:
        return Step(current) if attempts <= most else None
    if attempts >= most or failure.status in _NOT_ELSEWHERE:
        return None
    for other in range(current + 1, len(ready)):
        if ready[other]:
            return Step(other)
    if not failure.retryable or not may_retry:
        return None
    wait = backoff(attempts) if failure.retry_after is None else failure.retry_after
    return Step(current, wait) if rest_left <= wait <= max_wait else None


def backoff(attempts: int) -> float:
    """Seconds before another try at the same place: 0.25, 0.5, 1, ... at most 8."""
    return min(0.25 * 2 ** (attempts - 1), 8.0)


class RetryBudget:
    """Retries as a share of requests: each request earns `ratio`, each retry costs one.

    Ten are saved up at most, and given at the start, so that a quiet house may still retry.
    """

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._tokens = 10.0 if ratio else 0.0

    def earn(self) -> None:
        self._tokens = min(self._tokens + self._ratio, 10.0)

    @property
    def left(self) -> bool:
        return self._tokens >= 1.0

    def spend(self) -> None:
        self._tokens -= 1.0


def retry_after(headers: Headers) -> float | None:
    """Seconds an upstream asks to wait: `retry-after-ms`, or `retry-after` as seconds or a date.
    None when it asks for none, or for nonsense."""
    found = {k: v.decode("latin-1").strip() for k, v in headers if k.startswith(b"retry-after")}
    try:
        if b"retry-after-ms" in found:
            seconds = float(found[b"retry-after-ms"]) / 1000
        elif b"retry-after" in found:
            seconds = _seconds(found[b"retry-after"])
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT) if math.isfinite(seconds) else None


def _seconds(value: str) -> float:
    if value.replace(".", "", 1).isdigit():
        return float(value)
    when = parsedate_to_datetime(value)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - time.time()
