"""A conversation in the kitchen, as an agent holds it: question, tool, result, answer, and on."""

from __future__ import annotations

from typing import Any

import orjson

from capture.exchange import Candidate, Mode
from capture.ids import new_id
from capture.journal import Journal
from tests.support.journals import attempt, begin, decision, end

CLOUD = Candidate(Mode.BURST, "claude", "claude-opus-4-5")
HOME = Candidate(Mode.RESTING, "house", "house-small")
BEGAN = 1_790_000_000.25
SYSTEM = "You are Hermes Agent."
PLAN = "The terminal will tell."
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "terminal",
            "description": "Run a command",
            "parameters": {
                "type": "object",
                "properties": {"command": {"type": "string"}, "background": {"type": "boolean"}},
                "required": ["command"],
            },
        },
    }
]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def call(id_: str, arguments: str, text: str | None = None) -> dict[str, Any]:
    function = {"name": "terminal", "arguments": arguments}
    calls = [{"id": id_, "type": "function", "function": function}]
    return {"role": "assistant", "content": text, "tool_calls": calls}


def result(id_: str, content: str) -> dict[str, Any]:
    return {"role": "tool", "name": "terminal", "tool_call_id": id_, "content": content}


def answer(text: str, thinking: str | None = None) -> dict[str, Any]:
    said = {"role": "assistant", "content": text}
    return said if thinking is None else {**said, "reasoning_content": thinking}


def exchange(
    journal: Journal,
    messages: list[dict[str, Any]],
    reply: dict[str, Any],
    *,
    place: Candidate = CLOUD,
    private: bool = False,
    **more: Any,
) -> str:
    """Write one exchange with a journal; gives its id."""
    id_ = new_id()
    request = {"model": "auto", "messages": messages, "tools": TOOLS, **more}
    why = decision(place)
    journal.begin(
        begin(
            id_,
            at=BEGAN,
            request=orjson.dumps(request),
            decision=type(why)(why.candidates, why.reasons, why.rules, private=private),
        )
    )
    body = orjson.dumps({"choices": [{"message": reply, "finish_reason": "stop"}]})
    tried = attempt(mode=place.mode, upstream=place.upstream, model=place.model)
    journal.end(id_, end(attempts=[tried], finish_reason=None), [body], None)
    return id_


def evening(journal: Journal) -> list[str]:
    """One conversation of three exchanges; gives their ids. As Hermes sends it again: sorted
    arguments without blanks, no thinking."""
    opening = [{"role": "system", "content": SYSTEM}, user("Please echo hello in the shell")]
    first = {
        **call("call_000024", '{"command": "echo hello", "background": false}', "Running it."),
        "reasoning_content": PLAN,
    }
    ids = [exchange(journal, opening, first)]
    output = '{"output": "hello", "exit_code": 0, "error": null}'
    again = call("call_000024", '{"background":false,"command":"echo hello"}', "Running it.")
    told = [*opening, again, result("call_000024", output)]
    ids.append(exchange(journal, told, answer("The command printed: hello", "Done, I think.")))
    more = [*told, answer("The command printed: hello"), user("Thank you, perfect!")]
    ids.append(exchange(journal, more, answer("You are welcome.")))
    return ids
