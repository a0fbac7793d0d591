"""Our own terms as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from capture.exchange import AttemptStatus, ExchangeStatus
from capture.outcomes import OutcomeName
from capture.side_calls import Purpose

STATUS: Mapping[ExchangeStatus, str] = {
    "open": "answering",
    "ok": "ok",
    "upstream_error": "upstream failed",
    "client_gone": "client left",
    "truncated": "broken off",
    "interrupted": "interrupted",
    "refused": "refused",
    "asked": "asked the user",
}
ATTEMPT: Mapping[AttemptStatus, str] = {
    "ok": "answered",
    "connect_error": "could not be reached",
    "timeout": "took too long",
    "http_error": "refused",
    "broken": "broke off",
    "cancelled": "cancelled",
    "unfit": "answered, but not fit to hand over",
    "held": "answered, and was held back for a second opinion",
}
OUTCOME: Mapping[OutcomeName, str] = {
    "success": "success",
    "failure": "failure",
    "unknown": "nothing that says success or failure",
}
PURPOSE: Mapping[Purpose, str] = {
    "title": "a title for the conversation",
    "summary": "a summary to go on with",
    "vision": "what an image shows",
    "approval": "whether a call may run",
    "judge": "whether the goal was achieved",
    "review": "a look back over the conversation",
    "subagent": "a task for another agent",
    "side": "something for the agent itself",
}
RULE: Mapping[str, str] = {
    "chosen": "decided",
    "matched": "applied",
    "no_match": "did not apply",
    "not_reached": "not reached",
}


@dataclass(frozen=True, slots=True)
class Status:
    """How an exchange stands."""

    name: ExchangeStatus
    words: str


def status(name: ExchangeStatus) -> Status:
    """`name` with its words."""
    return Status(name, STATUS[name])


def missing(name: ExchangeStatus) -> str:
    """What an amount that nobody knows is called: not yet, never, or unknown."""
    if name == "open":
        return "\u2026"
    return "none" if name in ("refused", "asked") else "unknown"
