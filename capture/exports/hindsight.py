"""Rows for judging with hindsight: a reply that failed, and what came next that says so.

    {"prompt": [...], "completion": [{...}], "next_state": [...], "evidence": ["correction", ...],
     "correction": ..., "tools": [...], "exchange": ..., "model": ...}

Messages are those of `capture.exports.chat`. `next_state` is what the conversation said after the
reply and before the next one: tools' results, the user's words. `evidence` names what in it speaks
against the reply (`capture.outcomes`), a correction first; `correction` is what the user said, as
far as it was one, else null. The answer that would have been right is nobody's to make up: rows
have none. A judge reads one as: given what came next, what should have been said?
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from capture.exports.chat import Unsayable, as_line, message_as_said, row
from capture.exports.gather import text_of
from capture.exports.manifest import Left, Made
from capture.followed import Followed
from capture.synthetic import is_synthetic, steering


def rows(replies: Iterable[Followed | Left]) -> Iterator[Made | Left]:
    """A row per reply, or why there is none; what is left out already stays so."""
    for reply in replies:
        yield reply if isinstance(reply, Left) else _made(reply)


def _made(reply: Followed) -> Made | Left:
    turn = reply.turn
    try:
        return Made((turn.id,), as_line(_row(reply)), reply.evidence[0][0])
    except Unsayable as error:
        return Left(turn.id, str(error))


def _row(reply: Followed) -> dict[str, Any]:
    said = row(reply.turn.request, reply.turn.reply)
    *prompt, completion = said["messages"]
    codes = [code for code, _ in reply.evidence]
    return {
        "prompt": prompt,
        "completion": [completion],
        "next_state": [message_as_said(message) for message in reply.next],
        "evidence": codes,
        "correction": _said(reply) if "correction" in codes else None,
        **({"tools": said["tools"]} if "tools" in said else {}),
        "exchange": reply.turn.id,
        "model": reply.turn.model,
    }


def _said(reply: Followed) -> str | None:
    """What a person said first in the next state, which is what was read as a correction."""
    for message in reply.next:
        text = text_of(message.get("content"))
        if message.get("role") == "tool" and (steered := steering(text)[1]):
            return steered
        if message.get("role") == "user" and not is_synthetic(text):
            return text
    return None
