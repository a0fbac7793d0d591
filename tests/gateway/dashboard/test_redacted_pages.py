"""A planted set of secrets is on no page, wherever it stands in an exchange."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest

from capture.exchange import Candidate, Mode, Reason, RuleTrace
from gateway.settings import CaptureSettings, Settings
from tests.support.planted import said
from tests.support.standing import DECISION, Standing, attempt

SAID = said()


def asked(text: str) -> bytes:
    half = len(text) // 2
    function = {"name": "terminal", "arguments": json.dumps({"command": text})}
    calls = [{"id": "c1", "type": "function", "function": function}]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": f"You are an agent. {text}"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": json.dumps({"output": text})},
        {
            "role": "user",
            "content": [{"type": "text", "text": each} for each in (text[:half], text[half:])],
        },
    ]
    return orjson.dumps({"model": "auto", "messages": messages, "note": text})


def answered(text: str) -> bytes:
    """The text in four characters an event, as OpenAI streams it."""
    events: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": text[at : at + 4]}}]}
        for at in range(0, len(text), 4)
    ]
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)


def claude(text: str) -> bytes:
    """The same as Claude streams it."""
    return b"".join(
        b"event: content_block_delta\ndata: "
        + orjson.dumps({"type": "content_block_delta", "index": 0, "delta": {"text": piece}})
        + b"\n\n"
        for piece in (text[at : at + 4] for at in range(0, len(text), 4))
    )


def put(runtime: Standing, text: str) -> str:
    seen = RuleTrace("header", "no_match", (("header x-note", "none", text, False),))
    excluded = ((Candidate(Mode.BURST, "claude", "opus"), Reason("said", text)),)
    id_ = runtime.begin(
        asked(text), decision=replace(DECISION, rules=(seen,), alias=text, excluded=excluded)
    )
    failed = attempt(status="http_error", http_status=500, error=f"it said: {text}")
    runtime.end(
        id_,
        failed,
        attempt(),
        raw=[claude(text), answered(text)],
        error={"message": text, "type": "upstream_error", "code": "x"},
        notes=(f"left out {text}",),
    )
    return id_


def leaks(page: str) -> bool:
    text = html.unescape(page)
    return any(secret in text or secret in page for _, secret in SAID.values())


@pytest.mark.slow
async def test_planted_secrets_are_on_no_page(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    ids = {name: put(runtime, text) for name, (text, _) in SAID.items()}
    assert await runtime.ingester.catch_up(30)
    for path in ("/", "/live", *(f"/?before={id_}" for id_ in ids.values())):
        assert not leaks((await client.get(path)).text), path
    for name, id_ in ids.items():
        page = await client.get(f"/exchanges/{id_}")
        assert page.status_code == 200
        assert not leaks(page.text), name
        assert f"[redacted:{name.split(',')[0]}:" in page.text
        assert page.text.count("Not shown here") == 3


async def test_the_owner_s_own_data_is_there_as_it_was_said(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    text, secret = SAID["github-token"]
    id_ = put(runtime, text)
    assert await runtime.ingester.catch_up(30)
    assert secret in (await client.get(f"/v1/exchanges/{id_}")).text
    assert secret in (await client.get(f"/v1/exchanges/{id_}/request")).text


async def test_off_shows_what_was_said(runtime: Standing, client: httpx2.AsyncClient) -> None:
    text, secret = SAID["github-token"]
    id_ = put(runtime, text)
    assert await runtime.ingester.catch_up(30)
    runtime.settings = Settings(capture=CaptureSettings(redact="off"))
    page = await client.get(f"/exchanges/{id_}")
    assert secret in page.text
    assert "Not shown here" not in page.text


@pytest.mark.parametrize("at", range(180, 260, 7))
async def test_no_half_of_a_secret_that_a_list_s_excerpt_cut_is_shown(
    runtime: Standing, client: httpx2.AsyncClient, at: int
) -> None:
    _, secret = SAID["github-token"]
    text = ("see" + " " * 117) * (at // 120) + "x" * (at % 120 - 1) + " " + secret
    runtime.exchange(orjson.dumps({"messages": [{"role": "user", "content": text}]}))
    assert await runtime.ingester.catch_up(30)
    page = (await client.get("/")).text
    assert "see" in page
    assert secret[:8] not in page
