"""One real completion through the gateway's own door, timed: the proof that it works.

It goes the way every client's request goes, over HTTP and streamed, and is recorded like theirs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import orjson

from gateway.client import error_message
from gateway.sse import end_of_events, payloads
from gateway.upstreams.openai_compatible import finish_of

QUESTION = "Hello, who are you?"
OUTPUT_TOKENS = 64
SECONDS = 180.0
"""A local model may have to be loaded first."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What one completion showed."""

    ok: bool
    text: str
    """The answer's words, which may be none; or why there is no answer."""
    mode: str | None
    """Of whoever answered; None when nobody did."""
    model: str | None
    exchange: str | None
    """Its id, for `majordomo explain`; None when the gateway gave none."""
    first_token_s: float | None
    """From sending to the first piece of the answer; None when it was empty, or there was none."""
    total_s: float


async def run_self_test(
    base_url: str, key: str | None, *, model: str = "auto", seconds: float = SECONDS
) -> SelfTest:
    """Ask one question. Never raises for what the gateway or a model does."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": OUTPUT_TOKENS,
        "stream": True,
    }
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    started = time.monotonic()
    async with httpx2.AsyncClient(
        base_url=base_url, trust_env=False, timeout=seconds, headers=headers
    ) as client:
        try:
            async with client.stream("POST", "/v1/chat/completions", json=body) as reply:
                return await _read(reply, started)
        except httpx2.TimeoutException:
            return _failed(f"no answer within {seconds:.0f} s", started)
        except httpx2.HTTPError as error:
            return _failed(f"the connection failed: {type(error).__name__}", started)


async def _read(reply: httpx2.Response, started: float) -> SelfTest:
    if reply.status_code != 200:
        return _failed(error_message(await reply.aread()), started, reply)
    rest, text, first, finished = b"", "", None, False
    async for piece in reply.aiter_bytes():
        rest += piece
        cut = end_of_events(rest)
        events, rest = rest[:cut], rest[cut:]
        for data in payloads(events):
            chunk = _chunk(data)
            if chunk.get("error"):
                return _failed(error_message(data), started, reply)
            said = _said(chunk)
            if said is not None and first is None:
                first = time.monotonic() - started
            text += said or ""
            finished = finished or finish_of(chunk) is not None
    if not finished:
        return _failed("the stream broke off before the answer was complete", started, reply)
    return SelfTest(
        ok=True,
        text=text.strip(),
        mode=reply.headers.get("x-majordomo-mode"),
        model=reply.headers.get("x-majordomo-model"),
        exchange=reply.headers.get("x-majordomo-exchange"),
        first_token_s=first,
        total_s=time.monotonic() - started,
    )


def _failed(why: str, started: float, reply: httpx2.Response | None = None) -> SelfTest:
    headers: Mapping[str, str] = {} if reply is None else reply.headers
    return SelfTest(
        ok=False,
        text=why,
        mode=headers.get("x-majordomo-mode"),
        model=headers.get("x-majordomo-model"),
        exchange=headers.get("x-majordomo-exchange"),
        first_token_s=None,
        total_s=time.monotonic() - started,
    )


def _chunk(data: bytes) -> Mapping[str, Any]:
    try:
        value: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _said(chunk: Mapping[str, Any]) -> str | None:
    """The words of one chunk; "" for thinking and tool calls, None when it holds nothing said."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not choices:
        return None
    first = cast("list[object]", choices)[0]
    delta: object = cast("Mapping[str, Any]", first).get("delta") if first else None
    if not isinstance(delta, dict):
        return None
    said = cast("Mapping[str, Any]", delta)
    if isinstance(said.get("content"), str) and said["content"]:
        return str(said["content"])
    told = ("reasoning_content", "reasoning", "tool_calls")
    return "" if any(said.get(name) for name in told) else None
