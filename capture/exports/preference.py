"""Rows for TRL's preference trainers: a prompt and two replies to it, in TRL's conversational form.

    {"prompt": [...], "chosen": [{...}], "rejected": [{...}], "tools": [...], "why": ...}

Messages are those of `capture.exports.chat`: the last request and the reply to it, apart. `why`
says what made the pair (`capture.pairs`); TRL passes over columns it does not know.

What makes no row, beside what cannot be said: two replies that are the same but for their calls'
ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from capture.exports.chat import Json, Unsayable, as_line, message_as_said, row
from capture.exports.manifest import Left, Made
from capture.pairs import Pair


def rows(pairs: Iterable[Pair | Left]) -> Iterator[Made | Left]:
    """A row per pair, or why there is none; what is left out already stays so."""
    for pair in pairs:
        yield pair if isinstance(pair, Left) else _made(pair)


def _made(pair: Pair) -> Made | Left:
    try:
        return Made(_exchanges(pair), as_line(_row(pair)), pair.why)
    except Unsayable as error:
        return Left(pair.rejected.id, str(error))


def _exchanges(pair: Pair) -> tuple[str, ...]:
    return tuple(dict.fromkeys((pair.chosen.id, pair.rejected.id)))


def _row(pair: Pair) -> dict[str, Any]:
    said = row(pair.chosen.request, pair.chosen.reply)
    *prompt, chosen = said["messages"]
    rejected = message_as_said(pair.rejected.reply)
    if _without_ids(chosen) == _without_ids(rejected):
        raise Unsayable("same")
    made: dict[str, Any] = {"prompt": prompt, "chosen": [chosen], "rejected": [rejected]}
    return made | ({"tools": said["tools"]} if "tools" in said else {}) | {"why": pair.why}


def _without_ids(reply: Json) -> tuple[Any, ...]:
    calls = [call["function"] for call in reply.get("tool_calls", ())]
    return reply["content"], calls
