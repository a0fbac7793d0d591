"""Recorded requests to Claude, asked again through the chat dialect: the same must reach Claude.

`why_not_chat` states which recorded requests no chat client could have made. Every other one is
written as the chat request it would have been, with earlier turns' thinking only in the gateway's
memory, and must come out as the request that was recorded.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from gateway.dialects.anthropic_models import traits
from gateway.settings import UpstreamSettings
from gateway.thinking import ThinkingStore
from gateway.upstreams.anthropic import Anthropic
from gateway.upstreams.base import ChatRequest
from tests.support.claude_requests import chat_request, comparable, why_not_chat
from tests.support.claude_rules import why_refused
from tests.support.recordings import Recording, recordings, skip_without_recordings

skip_without_recordings()

_REQUESTS = [r for r in recordings("anthropic") if r.path == "/v1/messages"]
_FROM_CHAT = [r for r in _REQUESTS if why_not_chat(r.sent) is None]


def _name(recording: Recording) -> str:
    return recording.name


def _ask(body: dict[str, Any], *, id: str = "01TEST") -> ChatRequest:
    return ChatRequest(
        id=id,
        raw=json.dumps(body).encode(),
        body=body,
        alias="burst",
        stream=bool(body.get("stream")),
        include_usage=False,
        created=1,
    )


def _claude_that_remembers(sent: dict[str, Any]) -> Anthropic:
    """Claude's upstream after it has answered each assistant turn of a recorded history."""
    claude = Anthropic("claude", UpstreamSettings(kind="anthropic"), "key", ThinkingStore())
    for number, message in enumerate(sent["messages"]):
        if message["role"] != "assistant" or isinstance(message["content"], str):
            continue
        earlier = chat_request({**sent, "messages": sent["messages"][:number]})
        reply = {"type": "message", "content": message["content"], "stop_reason": "end_turn"}
        claude.warm(_ask(earlier, id=str(number)), sent["model"], json.dumps(reply).encode())
    return claude


def test_most_recorded_requests_could_have_come_from_a_chat_client() -> None:
    reasons = Counter(why_not_chat(r.sent) for r in _REQUESTS)

    assert reasons.pop(None) == 92
    assert sum(reasons.values()) == 70


@pytest.mark.parametrize("recording", _FROM_CHAT, ids=_name)
def test_a_recorded_request_reaches_claude_again_from_chat(recording: Recording) -> None:
    sent = recording.sent
    wanted = comparable(sent)
    if traits(sent["model"]).thinks_unasked and "thinking" not in wanted:
        wanted["thinking"] = {"type": "adaptive", "display": "summarized"}  # its text is asked for
    if recording.status == 400:  # refused because a schema was open; it is closed on the way
        wanted["output_config"]["format"]["schema"]["additionalProperties"] = False

    prepared = _claude_that_remembers(sent).prepare(_ask(chat_request(sent)), sent["model"])

    assert comparable(json.loads(prepared.body)) == wanted
    assert why_refused(json.loads(prepared.body)) is None


@pytest.mark.parametrize("recording", _FROM_CHAT, ids=_name)
def test_the_same_request_gives_the_same_bytes(recording: Recording) -> None:
    sent = recording.sent
    claude = _claude_that_remembers(sent)
    asked = _ask(chat_request(sent))

    first = claude.prepare(asked, sent["model"])
    second = claude.prepare(asked, sent["model"])

    assert first.body == second.body
