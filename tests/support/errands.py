"""Errands that Claude ran for a household and that went well: what a night trains on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from capture.exchange import Candidate, Mode
from capture.ids import new_id
from capture.journal import Journal
from tests.support.journals import attempt, begin, capturing, decision, end

CLOUD = Candidate(Mode.BURST, "claude", "claude-opus-4-5")
LAMP: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "set_lamp",
        "parameters": {
            "type": "object",
            "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}},
            "required": ["room", "on"],
        },
    },
}


def errand(
    journal: Journal, room: str, called: str | None = None, *, private: bool = False
) -> tuple[str, str]:
    """One conversation: a request, the call, its result, the closing words. Ids of both exchanges;
    the first is a success, of the second nothing is known. `called` is the room whose lamp is
    switched on, where that is another."""
    asked: list[dict[str, Any]] = [{"role": "user", "content": f"switch on the lamp in the {room}"}]
    id_ = f"call_{new_id()}"
    function = {
        "name": "set_lamp",
        "arguments": orjson.dumps({"room": called or room, "on": True}).decode(),
    }
    calls = [{"id": id_, "type": "function", "function": function}]
    said: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": calls}
    told = {"role": "tool", "tool_call_id": id_, "content": '{"success": true}'}
    done = {"role": "assistant", "content": "Done."}
    first = _exchange(journal, asked, said, private=private)
    return first, _exchange(journal, [*asked, said, told], done, private=private)


def _exchange(
    journal: Journal, messages: list[dict[str, Any]], reply: dict[str, Any], *, private: bool
) -> str:
    id_ = new_id()
    request = orjson.dumps({"model": "auto", "messages": messages, "tools": [LAMP]})
    why = replace(decision(CLOUD), private=private)
    journal.begin(begin(id_, request=request, decision=why))
    body = orjson.dumps({"choices": [{"message": reply, "finish_reason": "stop"}]})
    tried = attempt(mode=CLOUD.mode, upstream=CLOUD.upstream, model=CLOUD.model)
    journal.end(id_, end(attempts=[tried], finish_reason=None), [body], None)
    return id_


async def day(home: Path, *rooms: str) -> list[str]:
    """A day with an errand for each room; ids of the exchanges that called."""
    with capturing(home) as (journal, ingester, _):
        ids = [errand(journal, room)[0] for room in rooms]
        assert await ingester.catch_up(30)
    return ids
