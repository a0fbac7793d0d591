"""The Claude upstream as the relay uses it, and over real HTTP against the fake."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from gateway.errors import UpstreamError
from gateway.settings import UpstreamSettings
from gateway.thinking import ThinkingStore
from gateway.upstreams.anthropic import PUBLIC_ENDPOINT, Anthropic
from gateway.upstreams.base import ChatRequest, ReplyEnd, Upstream
from tests.support.claude_oracle import openai_says
from tests.support.claude_upstream import BUDGET, asks, result, tool, upstream, user
from tests.support.fake_claude import Breaks, Fails, FakeClaude, Says, Use


def test_it_is_an_upstream() -> None:
    claude: Upstream = upstream()

    assert claude.name == "claude"


def test_a_request_goes_to_the_messages_endpoint_with_its_credentials_in_headers_only() -> None:
    prepared = upstream().prepare(asks(), BUDGET)

    assert PUBLIC_ENDPOINT == "https://api.anthropic.com"
    assert prepared.path == "/v1/messages"
    headers = dict(prepared.headers)
    assert headers[b"x-api-key"] == b"sk-secret"
    assert headers[b"anthropic-version"] == b"2023-06-01"
    assert headers[b"content-type"] == b"application/json"
    assert b"sk-secret" not in prepared.body
    assert "sk-secret" not in repr(prepared.body)


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://api.anthropic.com", "/v1/messages"),
        ("https://api.anthropic.com/v1", "/v1/messages"),
        ("http://127.0.0.1:11434/", "/v1/messages"),
        ("https://proxy.example/anthropic", "/anthropic/v1/messages"),
    ],
)
def test_a_base_url_may_point_elsewhere(base_url: str, path: str) -> None:
    assert upstream(base_url=base_url).prepare(asks(), BUDGET).path == path


def test_without_a_key_none_is_sent() -> None:
    claude = Anthropic("claude", UpstreamSettings(kind="anthropic"), None, ThinkingStore())

    assert b"x-api-key" not in dict(claude.prepare(asks(), BUDGET).headers)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"type":"message"}'])
def test_a_200_that_is_no_message_is_an_error_worth_another_try(body: bytes) -> None:
    with pytest.raises(UpstreamError) as failed:
        upstream().read_reply(asks(), BUDGET, body)

    assert (failed.value.status, failed.value.code) == (502, "bad_reply")
    assert failed.value.retryable


def test_an_error_in_a_200_body_is_an_error() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'

    with pytest.raises(UpstreamError) as failed:
        upstream().read_reply(asks(), BUDGET, body)

    assert failed.value.code == "upstream_overloaded"


def test_a_whole_reply_says_what_a_chat_completion_says() -> None:
    message = Says("Hi.", thinking="Hm.").message(BUDGET)

    body, end = upstream().read_reply(asks(), BUDGET, json.dumps(message).encode())

    reply = json.loads(body)
    assert reply["id"] == "chatcmpl-01TEST"
    assert reply["object"] == "chat.completion"
    assert (reply["model"], reply["created"]) == ("auto", 1_700_000_000)
    assert reply["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi.", "reasoning_content": "Hm."},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert end.complete


def test_a_reply_of_calls_alone_has_no_content() -> None:
    message = Says(uses=[Use("toolu_1", "look")]).message(BUDGET)

    body, _ = upstream().read_reply(asks(), BUDGET, json.dumps(message).encode())

    said = json.loads(body)["choices"][0]["message"]
    assert said["content"] is None
    assert said["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}


# --- over real HTTP, with the fake as strict as the real one


async def _exchange(
    http: httpx2.AsyncClient, claude: Anthropic, request: ChatRequest
) -> tuple[bytes, ReplyEnd]:
    """What the relay does, without a client: one attempt, and what it delivers."""
    prepared = claude.prepare(request, BUDGET)
    headers = [(k.decode(), v.decode()) for k, v in prepared.headers]
    async with http.stream("POST", prepared.path, headers=headers, content=prepared.body) as reply:
        if reply.status_code != 200:
            raw = [(k.lower(), v) for k, v in reply.headers.raw]
            raise claude.read_error(reply.status_code, raw, await reply.aread())
        if not request.stream:
            return claude.read_reply(request, BUDGET, await reply.aread())
        reader = claude.stream_reader(request, BUDGET)
        delivered = [reader.feed(data) async for data in reply.aiter_raw()]
    tail, end = reader.finish()
    return b"".join(delivered) + tail, end


def _http(claude: FakeClaude) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=claude.base_url)


@pytest.mark.parametrize("streamed", [True, False])
async def test_an_agents_tool_loop_with_thinking_goes_round(streamed: bool) -> None:
    fields: dict[str, Any] = {"tools": [tool()], "reasoning_effort": "high", "stream": streamed}
    async with FakeClaude() as fake, _http(fake) as http:
        fake.script(
            Says("I look.", thinking="Hm.", uses=[Use("toolu_1", "look", {"at": 1})]),
            Says("It is 42."),
        )
        claude = upstream()
        first, end = await _exchange(http, claude, asks([user("go")], **fields))
        told = openai_says(first, streamed=streamed)
        assert end.finish_reason == "tool_calls"
        call_id, name, arguments = told.calls[0]
        echo = {
            "role": "assistant",
            "content": told.text,
            "tool_calls": [
                {
                    "id": call_id,
                    "type": "function",
                    "function": {"name": name, "arguments": json.dumps(arguments)},
                }
            ],
        }
        history = [user("go"), echo, result(call_id, "42")]
        second, end = await _exchange(http, claude, asks(history, id="02", **fields))

    assert openai_says(second, streamed=streamed).text == "It is 42."
    assert end.complete
    types = [b["type"] for b in fake.requests[1].body["messages"][1]["content"]]
    assert types == ["thinking", "text", "tool_use"]


async def test_errors_come_through_with_status_and_request_id() -> None:
    async with FakeClaude() as fake, _http(fake) as http:
        fake.script(Fails(529, "overloaded_error", "Overloaded", {"retry-after": "3"}))
        with pytest.raises(UpstreamError) as failed:
            await _exchange(http, upstream(), asks())

    assert (failed.value.status, failed.value.retry_after) == (503, 3.0)
    assert failed.value.upstream_request_id == "req_fake"


@pytest.mark.parametrize("error", [None, ("api_error", "Internal server error")])
async def test_a_stream_that_breaks_is_told_as_broken(error: tuple[str, str] | None) -> None:
    async with FakeClaude() as fake, _http(fake) as http:
        fake.script(Breaks(Says("Hello there, all of you."), after=5, error=error))
        claude = upstream()
        request = asks(stream=True)
        prepared = claude.prepare(request, BUDGET)
        reader = claude.stream_reader(request, BUDGET)
        await _feed_until_broken(http, prepared.path, prepared.headers, prepared.body, reader.feed)
        _, end = reader.finish()

    assert not end.complete
    assert (end.error is not None) == (error is not None)


async def _feed_until_broken(
    http: httpx2.AsyncClient,
    path: str,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes,
    feed: object,
) -> None:
    assert callable(feed)
    plain = [(k.decode(), v.decode()) for k, v in headers]
    try:
        async with http.stream("POST", path, headers=plain, content=body) as reply:
            async for data in reply.aiter_raw():
                feed(data)
    except httpx2.RemoteProtocolError:
        return


async def test_the_fake_refuses_what_claude_refuses() -> None:
    async with FakeClaude() as fake, _http(fake) as http:
        without_key = await http.post("/v1/messages", json={})
        blank = {"role": "user", "content": [{"type": "text", "text": " "}]}
        headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
        body = {"model": "m", "max_tokens": 1, "messages": [blank]}
        refused = await http.post("/v1/messages", json=body, headers=headers)

    assert without_key.status_code == 401
    assert refused.status_code == 400
    assert "non-whitespace" in refused.json()["error"]["message"]


async def test_the_fake_notices_a_client_that_hangs_up() -> None:
    async with FakeClaude() as fake, _http(fake) as http:
        fake.may_go_on.clear()
        prepared = upstream().prepare(asks(stream=True), BUDGET)
        headers = [(k.decode(), v.decode()) for k, v in prepared.headers]
        async with http.stream("POST", prepared.path, headers=headers, content=prepared.body):
            pass
        await fake.client_gone.wait()
