"""The household's agent: asks through Majordomo, runs the tool, sends the result, takes the answer.

It is an ordinary client of an OpenAI-compatible server: streamed chat completions with tools. Now
and then the user behind it says thanks, and mostly they complain when something else was done than
they asked for. `judge` holds what happened against the truth, which only the demo knows.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from scripts.demo import skills
from scripts.demo.skills import Json
from scripts.demo.weeks import Request

SYSTEM = "You are the agent of a household."
THANKS_SHARE = 0.4
"""How often a user says thanks."""
COMPLAINT_SHARE = 0.9
"""How often a user says so when it went wrong."""
MOST_TURNS = 3
"""Replies that the agent takes for one request before it gives up."""
AT_ONCE = 2
"""Requests under way at the same time."""


@dataclass(frozen=True)
class Reply:
    """One assistant message, and who gave it."""

    message: Json
    """As OpenAI has it; to be sent back in the next request."""
    mode: str
    """The gateway's mode; empty when it was asked directly."""
    adapter: str | None
    """The adapter that answered; None for none."""


class Assistant(Protocol):
    """Something that answers: the gateway, or the stand-in asked directly."""

    def ask(self, messages: list[Json], tools: list[Json]) -> Reply: ...


@dataclass(frozen=True)
class Done:
    """What came of one request."""

    request: Request
    right: bool
    """Whether the right thing was done and told at the first attempt."""
    mode: str
    """Who made the first reply."""
    exchanges: int
    """Replies taken in all."""
    at_home: int
    """Of those, how many home gave."""


def calls_of(message: Json) -> list[Json]:
    """The tool calls of an assistant message."""
    return message.get("tool_calls") or list[Json]()


def called(message: Json) -> Json | None:
    """The one tool call of a message; None for none, several, or one that is broken."""
    calls = calls_of(message)
    if len(calls) != 1:
        return None
    try:
        arguments = json.loads(calls[0]["function"]["arguments"] or "{}")
    except json.JSONDecodeError:
        return None
    return {"name": calls[0]["function"]["name"], "arguments": arguments}


def run_tool(request: Request, call: Json | None) -> str:
    """What the simulated tool returns. It knows the household's things and nothing else: a room,
    parcel, town or person it never heard of is an error; what it knows it does."""
    if call is None:
        return "error: the call could not be read"
    if call == request.call:
        return request.result
    wanted = request.call["arguments"]
    if call["name"] == request.call["name"]:
        for name in ("room", "number", "town", "person", "item"):
            if name in wanted and call["arguments"].get(name) != wanted[name]:
                return f"error: there is no such {name}"
    return "ok"


def judge(request: Request, first: Json, closing: str | None) -> bool:
    """Whether the right call was made, and the closing text says what the tool found."""
    if called(first) != request.call or not closing:
        return False
    return request.needle.casefold() in closing.casefold()


def serve(request: Request, assistant: Assistant, rng: random.Random) -> Done:
    """One request from its first word to its last."""
    messages: list[Json] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": request.text},
    ]
    replies = list(_work(request, messages, assistant))
    closing = replies[-1].message.get("content") if len(replies) > 1 else None
    right = judge(request, replies[0].message, closing)
    said = _afterwards(request, right, rng)
    if said is not None:
        messages.append({"role": "user", "content": said})
        replies += _work(request, messages, assistant)
    return Done(
        request,
        right,
        replies[0].mode,
        len(replies),
        sum(reply.mode in ("resting", "active") for reply in replies),
    )


def _work(request: Request, messages: list[Json], assistant: Assistant) -> Iterator[Reply]:
    """Replies to one user turn, tools run between them; `messages` grows with each."""
    tools = list(request.tools)
    for _ in range(MOST_TURNS):
        reply = assistant.ask(messages, tools)
        yield reply
        messages.append(reply.message)
        calls = calls_of(reply.message)
        if not calls:
            return
        result = run_tool(request, called(reply.message))
        messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": result} for call in calls
        ]


def _afterwards(request: Request, right: bool, rng: random.Random) -> str | None:
    """What the user says next; None for nothing."""
    if right:
        return rng.choice(skills.THANKS) if rng.random() < THANKS_SHARE else None
    return f"{skills.CORRECTION}{request.text}" if rng.random() < COMPLAINT_SHARE else None


def serve_all(requests: Iterable[Request], assistant: Assistant, seed: str) -> list[Done]:
    """All of them, a few at once, in their order."""

    def one(numbered: tuple[int, Request]) -> Done:
        number, request = numbered
        return serve(request, assistant, random.Random(f"{seed}:{number}"))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, enumerate(requests)))


def success(done: Iterable[Done]) -> float | None:
    """Share of the requests that were done right; None of none."""
    marks = [each.right for each in done]
    return sum(marks) / len(marks) if marks else None
