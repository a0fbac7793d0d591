"""User messages that nobody wrote: agents put them into a conversation themselves.

They are no next state by a person: neither correction nor approval, nor a new turn. The openings
are those of Hermes Agent 0.19, its trajectory compressor included.
"""

from __future__ import annotations

import re

_REVIEW = "Review the conversation above and "
"""How Hermes asks for the review that it forks off a conversation, in the background."""
_OPENINGS = (
    "[System: ",
    "[System note: ",
    "[CONTEXT SUMMARY]",
    "[CONTEXT COMPACTION",
    "[IMPORTANT: Background process ",
    "[IMPORTANT: MCP servers have been reloaded",
    "[ASYNC DELEGATION ",
    "[Note: model was just switched",
    "[Your active task list was preserved",
    "[Earlier conversation digest",
    _REVIEW,
)
_COMPLAINTS = (
    ("[System: Your previous response was truncated", "cut"),
    ("[System: Your previous response contained only internal reasoning", "empty"),
    ("[System: Your previous tool call", "bad_call"),
)
_STEER = re.compile(
    r"\[OUT-OF-BAND USER MESSAGE\b[^\]]*\](.*?)(?:\[/OUT-OF-BAND USER MESSAGE\]|\Z)", re.DOTALL
)


def is_synthetic(text: str) -> bool:
    """Whether a user message's text was written by the agent."""
    return text.lstrip().startswith(_OPENINGS)


def asks_for_review(text: str) -> bool:
    """Whether a user message's text has an agent review its own conversation."""
    return text.lstrip().startswith(_REVIEW)


def complaint(text: str) -> str | None:
    """The evidence code of what an agent's own message says of the reply before it: `cut`, `empty`,
    `bad_call`; None when it says nothing of it."""
    text = text.lstrip()
    return next((code for opening, code in _COMPLAINTS if text.startswith(opening)), None)


def steering(result: str) -> tuple[str, str | None]:
    """A tool's own result, and what a person said in the middle of it; None when nobody did."""
    if "[OUT-OF-BAND" not in result or (found := _STEER.search(result)) is None:
        return result, None
    return result[: found.start()] + result[found.end() :], found[1].strip() or None
