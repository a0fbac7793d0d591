"""Is this answer good enough to hand over? What can be checked without knowing the right one. Pure.

Checked is what an agent would stumble over: a call of a tool that was not offered, arguments that
are no JSON object or do not fit the tool's schema, no call where one was demanded, nothing at all.
Whether a fit call is the right one, nobody can tell from here; what else a reply shows, and how
much it means, is `routers.checks`.
"""

from __future__ import annotations

from collections.abc import Sequence

from capture.exchange import Reason
from capture.messages import Message
from routers.checks import calls
from routers.checks.values import Finding


def unfit(message: Message, tools: Sequence[object], choice: object = None) -> Reason | None:
    """Why this answer must not be handed over; None when nothing speaks against it.

    `tools` are the tools offered and `choice` the `tool_choice`, both as the client wrote them, or
    the old `functions` and `function_call`.
    """
    finding = _first(message, tools, choice)
    return None if finding is None else Reason(finding.code, finding.text)


def _first(message: Message, tools: Sequence[object], choice: object) -> Finding | None:
    if not message.tool_calls:
        return calls.silent(message, choice)
    known = calls.offered(tools)
    found = (calls.against(call, known) for call in message.tool_calls)
    return next((finding for finding in found if finding is not None), None)
