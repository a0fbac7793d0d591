"""A conversation in the kitchen, as an agent holds it: question, tool, result, answer, and on."""

from __future__ import annotations

from typing import Any

import orjson

from capture.exchange import AttemptStatus, Candidate, Mode
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
    skill: str | None = None,
    unfit: dict[str, Any] | None = None,
    dropped: AttemptStatus = "unfit",
    key: str = "laptop",
    at: float = BEGAN,
    raw: dict[str, Any] | None = None,
    **more: Any,
) -> str:
    """Write one exchange with a journal; gives its id. `unfit` is what home had said first, and
    was not handed over, because it was `dropped` as unfit or as held; `raw` what the upstream sent,
    where that is more than the reply."""
    id_ = new_id()
    request = {"model": "auto", "messages": messages, "tools": TOOLS, **more}
    why = decision(place)
    journal.begin(
        begin(
            id_,
            at=at,
            key=key,
            request=orjson.dumps(request),
            decision=type(why)(
                why.candidates, why.reasons, why.rules, private=private, skill=skill
            ),
        )
    )
    body = _body(reply) if raw is None else orjson.dumps(raw)
    tried = attempt(mode=place.mode, upstream=place.upstream, model=place.model)
    if unfit is None:
        journal.end(id_, end(attempts=[tried], finish_reason=None), [body], None)
    else:
        both = [attempt(status=dropped), tried]
        journal.end(id_, end(attempts=both, finish_reason=None), [_body(unfit), body], None)
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


def quarrel(journal: Journal) -> list[str]:
    """A conversation in which home is wrong, says so after an error, and is asked again what it
    was asked first; gives the exchanges' ids.

    The first reply's tool fails and the second's does not: one request, two outcomes. The last
    reply had been unfit at home.
    """
    opening = [{"role": "system", "content": SYSTEM}, user("How large is the file notes.txt?")]
    wrong = call("call_w", '{"command": "ls notes"}')
    ids = [exchange(journal, opening, wrong, place=HOME)]
    failed = [*opening, wrong, result("call_w", '{"error": "no such file"}')]
    ids.append(exchange(journal, failed, answer("It is empty."), place=HOME))
    denied = [*failed, answer("It is empty."), user("No, that is wrong. Look at notes.txt.")]
    right = call("call_x", '{"command": "wc -c notes.txt"}')
    unfit = call("call_u", '{"path": "notes.txt"}')
    ids.append(exchange(journal, denied, right, unfit=unfit))
    known = [*denied, right, result("call_x", "120 notes.txt")]
    ids.append(exchange(journal, known, answer("120 bytes.")))
    ids.append(exchange(journal, opening, call("call_y", '{"command": "wc -c notes.txt"}')))
    again = [*opening, call("call_y", '{"command": "wc -c notes.txt"}')]
    again.append(result("call_y", "120 notes.txt"))
    ids.append(exchange(journal, again, answer("It has 120 bytes.")))
    return ids


def _body(reply: dict[str, Any]) -> bytes:
    return orjson.dumps({"choices": [{"message": reply, "finish_reason": "stop"}]})
