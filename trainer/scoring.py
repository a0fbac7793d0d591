"""Whether an answer is right, by the reference that was held out. Pure.

Tool calls must be equal in number, order, name and arguments (as JSON values; 3 and 3.0 are the
same number); text beside them does not count. Without calls the text must be equal, but for white
space, letter case and closing punctuation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capture.exports.chat import Unsayable, arguments_of

Json = Mapping[str, Any]

LONGEST_TEXT = 200
"""Characters; of a longer text no answer is ever equal, so it is no use as a reference."""


def usable(reference: Json) -> bool:
    """Whether some answer could be told to be right by this reference."""
    return bool(reference.get("tool_calls")) or 0 < len(_plain(reference)) <= LONGEST_TEXT


def is_right(answer: Json, reference: Json) -> bool:
    """Whether the answer does what the reference does."""
    wanted = _calls(reference)
    if wanted or answer.get("tool_calls"):
        return wanted is not None and _calls(answer) == wanted
    return _plain(answer) == _plain(reference)


def _calls(message: Json) -> list[tuple[str, Json]] | None:
    """Each call's name and arguments; None when some call is broken."""
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    try:
        return [(each["name"], arguments_of(each.get("arguments"))) for each in functions]
    except Unsayable:
        return None


def _plain(message: Json) -> str:
    return " ".join(str(message.get("content") or "").split()).casefold().rstrip(".!? ")
