"""Asks the user whether money may be spent: the reply of an exchange that no upstream answers.

The question is an assistant's message like any other, streamed where the client asked for a stream;
the record says that it was nobody's answer (`asked`) before its last bytes go out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import orjson

from capture.exchange import Attempt, Candidate
from gateway.desk import Desk
from gateway.fleet import Link
from gateway.flight import Flight
from gateway.questions import question
from gateway.recorder import Recorder
from gateway.sse import DONE
from gateway.upstreams.base import ChatRequest, ReplyEnd
from routers.explain import why
from routers.features import Features

_USED = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


async def ask(
    desk: Desk, flight: Flight, record: Recorder, candidate: Candidate, features: Features
) -> None:
    """Answer the client with the question whether this place may answer."""
    link: Link = desk.links[candidate.upstream]
    text = _question(flight, record.attempts, candidate, link.worst_case(candidate.model, features))
    flight.candidate = flight.attempt = None
    flight.turned = "asked"
    request = flight.request
    if request.stream:
        flight.start_stream()
    flight.first_token_at = time.perf_counter()
    said = _streamed(request, text) if request.stream else _whole(request, text)
    record.said(said)
    end = ReplyEnd(complete=True, finish_reason="stop")
    desk.on_end(flight, await record.end("asked", 200, reply=end, last_bytes=len(said)))
    if not flight.writable:
        await flight.drain()
    if request.stream:
        flight.end_stream(said)
    else:
        flight.reply(200, said)


def _question(
    flight: Flight, attempts: Sequence[Attempt], candidate: Candidate, usd: float | None
) -> str:
    return question(flight.request.id, candidate, usd, why(flight.decision, attempts))


def _whole(request: ChatRequest, text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return orjson.dumps(_about(request, "chat.completion", choices=[choice], usage=_USED))


def _streamed(request: ChatRequest, text: str) -> bytes:
    """The whole stream: what is said, that it ends, what it used where that was asked for."""
    says: dict[str, Any] = {"role": "assistant", "content": text}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": says, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    if request.include_usage:
        chunks.append({"choices": [], "usage": _USED})
    events = [_about(request, "chat.completion.chunk", **chunk) for chunk in chunks]
    return b"".join([b"data: %b\n\n" % orjson.dumps(event) for event in events]) + DONE


def _about(request: ChatRequest, what: str, **rest: Any) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{request.id}",
        "object": what,
        "created": request.created,
        "model": request.alias,
        **rest,
    }
