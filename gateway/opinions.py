"""What the local models say of one request: a reply goes out once another has said the same.

Compared are the calls (`routers.agreement`). Where neither calls a tool they agree on what to do,
and how it is said in words is not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capture.exchange import Reason
from capture.messages import Message
from routers.agreement import agree
from routers.checks import Asked

UNCONFIRMED = Reason("unconfirmed", "held until another local model says the same")
CONFIRMED = "another local model then said the same"


class Opinions:
    """The fit replies of one exchange's local places, in the order they came."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        """`body` is the request as the client wrote it; it offers tools."""
        self._asked = Asked(
            body.get("messages") or (),
            body.get("tools") or body.get("functions") or (),
            body.get("tool_choice", body.get("function_call")),
        )
        self._said: list[Message] = []

    def against(self, message: Message) -> Reason | None:
        """Why this reply must not go out; None once another says the same."""
        before = tuple(self._said)
        self._said.append(message)
        if not before:
            return UNCONFIRMED
        compared = [self._compared(other, message) for other in before]
        return None if None in compared else Reason("disagreement", compared[-1] or "")

    def _compared(self, one: Message, other: Message) -> str | None:
        """What they disagree on; None when they agree."""
        if not one.tool_calls and not other.tool_calls:
            return None
        agreement = agree(self._asked, one, other)
        return None if agreement.same else f"the local models disagree: {agreement.text}"
