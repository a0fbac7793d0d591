"""Feedback as tests have it said."""

from __future__ import annotations

from typing import Any

from capture.feedback import Feedback
from capture.ids import new_id


def said(exchange: str | None = None, **changes: Any) -> Feedback:
    """The laptop says that an exchange was good, but for what `changes` says."""
    fields: dict[str, Any] = {
        "id": new_id(),
        "exchange": exchange,
        "conversation": None,
        "at": 1_790_000_100.0,
        "key": "laptop",
        "source": "api",
        "value": 1.0,
        "comment": None,
        "demonstration": None,
        "idempotency_key": None,
    }
    return Feedback(**fields | changes)
