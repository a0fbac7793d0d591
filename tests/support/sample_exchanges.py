"""A household's afternoon, for looking at pages: exchanges of every kind, and hostile ones.

`HOSTILE` is what an attacker would put wherever text goes. Nothing of it may run, load, hide what
is beside it, or widen the page.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import orjson

from capture.exchange import Reason, RouteDecision, RuleTrace
from capture.messages import Usage
from tests.support.standing import CLOUD, DECISION, HOME, LARGE, Standing, attempt

RUN = "document.title=`pwned`"
HOSTILE = (
    f'<script>{RUN}</script><img src=x onerror="{RUN}"><svg/onload={RUN}>'
    f"</textarea></details></pre>\"'><a href=javascript:{RUN}>click</a>{{{{7*7}}}}${{7*7}}"
)
TURNED = "invoice\u202egpj.exe \u2066hidden\u2069 \x1b[2J\x1b[31mred\x1b[0m zero\u200bwidth \r gone"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGM4Y"
    "RKAFTEMLYkEAAAuAEABOsCDEwAAAABJRU5ErkJggg=="
)
SYSTEM = (
    "You are Hermes Agent. You are helpful, knowledgeable, and direct.\n\n## Skills (mandatory)\n"
    + "Be targeted and efficient. " * 300
)
TERMINAL = {"name": "terminal", "arguments": '{"command":"ls -la ~/notes | head -20"}'}


def fill(runtime: Standing) -> dict[str, str]:
    """Write the afternoon; gives the ids by what they show."""
    now = time.time()
    ids: dict[str, str] = {}
    ids["hostile"] = _hostile(runtime, now - 4000)
    ids["long"] = _long(runtime, now - 3600)
    ids["refused"] = _refused(runtime, now - 3000)
    ids["failed"] = _failed(runtime, now - 2400)
    ids["cloud"] = _cloud(runtime, now - 1800)
    ids["unknown"] = _unknown(runtime, now - 1500)
    ids["gone"] = _gone(runtime, now - 900)
    ids["simple"] = _simple(runtime, now - 300)
    ids["tools"] = _tools(runtime, now - 120)
    ids["open"] = runtime.begin(_request("And what is on my calendar tomorrow?"), at=now - 4)
    return ids


def _request(text: Any, *before: dict[str, Any], **more: Any) -> bytes:
    messages = [*before, {"role": "user", "content": text}]
    return orjson.dumps({"model": "auto", "messages": messages, **more})


def _reply(text: str | None, *calls: dict[str, Any], thinking: str | None = None) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if thinking:
        message["reasoning_content"] = thinking
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{n}", "type": "function", "function": call}
            for n, call in enumerate(calls, 31)
        ]
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "tool_calls" if calls else "stop",
    }
    return orjson.dumps({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]})


def _tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def _simple(runtime: Standing, at: float) -> str:
    id_ = runtime.begin(_request("How many tablespoons are in a cup?"), at=at)
    tried = attempt(usage=Usage(412, 23), total_s=0.84, first_byte_s=0.19)
    raw = [_reply("There are 16 tablespoons in a cup.")]
    runtime.end(id_, tried, raw=raw, first_token_s=0.2, total_s=0.84)
    return id_


def _tools(runtime: Standing, at: float) -> str:
    history: list[dict[str, Any]] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "What did I write about the boiler?"},
        {"role": "assistant", "content": "It was serviced in March."},
    ]
    call = {"id": "call_21", "type": "function", "function": TERMINAL}
    lost = {"id": "call_22", "type": "function", "function": {"name": "notes", "arguments": "{bad"}}
    turn: list[dict[str, Any]] = [
        {"role": "user", "content": "List my notes and open the newest."},
        {"role": "assistant", "content": "Looking.", "tool_calls": [call, lost]},
        {
            "role": "tool",
            "tool_call_id": "call_21",
            "content": '{"output":"boiler.md\\ngarden.md\\ntaxes-2026.md","exit_code":0}',
        },
        {"role": "tool", "tool_call_id": "call_99", "content": "a result nobody asked for"},
    ]
    names = ("terminal", "read_file", "write_file", "web_search", "skill_view", "memory")
    body = {"model": "auto", "stream": True, "messages": [*history, *turn]}
    body["tools"] = [_tool(name) for name in names]
    rules = (
        RuleTrace("secrets", "matched", (("header x-home", "present", "present", True),)),
        RuleTrace(
            "chores", "chosen", (("tools", "terminal or notes", "terminal, read_file", True),)
        ),
        RuleTrace("long", "not_reached"),
    )
    why = (
        Reason("private", "rule `secrets` marks it"),
        Reason("rule:chores", "rule `chores` sends it to ACTIVE because terminal is offered"),
    )
    decision = replace(DECISION, candidates=(LARGE, HOME), rules=rules, reasons=why, private=True)
    id_ = runtime.begin(orjson.dumps(body), decision=decision, at=at, stream=True, key="hermes")
    reading = {"name": "read_file", "arguments": '{"path": "~/notes/taxes-2026.md", "lines": 40}'}
    raw = [_reply("The newest is taxes-2026.md.", reading, thinking="Which is newest? " * 12)]
    tried = attempt(LARGE, usage=Usage(6890, 118, cache_read_tokens=6200), total_s=5.4)
    runtime.end(id_, tried, raw=raw, first_token_s=0.92, total_s=5.41, finish_reason="tool_calls")
    return id_


def _cloud(runtime: Standing, at: float) -> str:
    why = (
        Reason("rule:long", "rule `long` sends it to BURST because about 61,000 tokens came in"),
    )
    decision = replace(DECISION, candidates=(CLOUD, LARGE), reasons=why, excluded=())
    parts = [
        {"type": "text", "text": "Compare these two contracts and say what changed."},
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "image_url", "image_url": {"url": "https://example.org/tracker.png"}},
    ]
    id_ = runtime.begin(_request(parts), decision=decision, at=at, stream=True)
    usage = Usage(61_240, 1_904, cache_read_tokens=58_000, cache_write_tokens=2_100)
    tried = attempt(CLOUD, usage=usage, cost_usd=0.0931, total_s=34.2, connect_s=0.081)
    tried.upstream_request_id = "req_011CVbN8xPzQ"
    raw = [b'event: message_start\ndata: {"type":"message_start"}\n\n']
    delivered = _reply(
        "Three clauses changed:\n\n1. Notice period, from one month to three.\n2. ..."
    )
    runtime.end(
        id_, tried, raw=raw, delivered=delivered, first_token_s=1.9, total_s=34.3, cost_usd=0.0931
    )
    return id_


def _failed(runtime: Standing, at: float) -> str:
    id_ = runtime.begin(_request("Summarise today's mail."), at=at, stream=True)
    first = attempt(HOME, status="connect_error", http_status=None, usage=None)
    first.error, first.first_byte_s, first.total_s = "[Errno 111] Connection refused", None, 0.002
    second = attempt(LARGE, status="http_error", http_status=500, usage=None, cost_usd=0.0)
    second.error = "CUDA out of memory: tried to allocate 2.30 GiB"
    error = {"message": "no upstream could answer: ollama, lmstudio", "code": "upstream_failed"}
    told: dict[str, Any] = {"status": "upstream_error", "http_status": 502, "error": error}
    raw = [b"", b'{"error":"CUDA out of memory"}']
    runtime.end(id_, first, second, raw=raw, first_token_s=None, finish_reason=None, **told)
    return id_


def _unknown(runtime: Standing, at: float) -> str:
    id_ = runtime.begin(_request("Translate this letter into French."), at=at)
    tried = attempt(CLOUD, usage=None, cost_usd=None)
    decision_free = [_reply("Cher Monsieur, ...")]
    runtime.end(id_, tried, raw=decision_free, first_token_s=2.2, total_s=8.1)
    return id_


def _gone(runtime: Standing, at: float) -> str:
    id_ = runtime.begin(_request("Write me a very long poem."), at=at, stream=True)
    tried = attempt(status="cancelled", usage=None)
    told: dict[str, Any] = {"status": "client_gone", "finish_reason": None, "total_s": 2.2}
    runtime.end(
        id_, tried, raw=[b'data: {"choices":[{"index":0,"delta":{"content":"O "}}]}\n\n'], **told
    )
    return id_


def _refused(runtime: Standing, at: float) -> str:
    why = (Reason("private", "the client asks for privacy and no place at home is healthy"),)
    id_ = runtime.begin(_request("Diagnose this rash."), decision=RouteDecision((), why, ()), at=at)
    error = {"message": "nothing at home may answer this private request", "code": "no_upstream"}
    told: dict[str, Any] = {"status": "refused", "http_status": 503, "error": error}
    runtime.end(id_, cost_usd=0.0, first_token_s=None, finish_reason=None, **told)
    return id_


def _hostile(runtime: Standing, at: float) -> str:
    """The same attack in every place that text of others can reach."""
    call = {"id": HOSTILE, "type": "function", "function": {"name": HOSTILE, "arguments": HOSTILE}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": HOSTILE + TURNED},
        {"role": "user", "name": HOSTILE, "content": TURNED + HOSTILE},
        {"role": "assistant", "content": HOSTILE, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": HOSTILE, "name": HOSTILE, "content": HOSTILE + TURNED},
        {"role": "user", "content": [{"type": HOSTILE, "x": HOSTILE}, _text(HOSTILE + TURNED)]},
    ]
    body = {"model": HOSTILE, "messages": messages, "tools": [_tool(HOSTILE), _tool(TURNED)]}
    place = replace(HOME, model=HOSTILE, upstream="ollama")
    decision = RouteDecision(
        candidates=(place,),
        reasons=(Reason(HOSTILE, HOSTILE + TURNED),),
        rules=(RuleTrace(HOSTILE, "chosen", ((HOSTILE, HOSTILE, TURNED, True),)),),
        excluded=((replace(CLOUD, model=HOSTILE), Reason(HOSTILE, HOSTILE)),),
        alias=HOSTILE,
    )
    id_ = runtime.begin(
        orjson.dumps(body), decision=decision, at=at, headers={"user-agent": HOSTILE}, key=None
    )
    tried = attempt(place, error=HOSTILE + TURNED, status="broken")
    tried.upstream_request_id = HOSTILE
    reply = _reply(HOSTILE + TURNED, {"name": HOSTILE, "arguments": HOSTILE}, thinking=HOSTILE)
    error = {"message": HOSTILE + TURNED, "code": HOSTILE}
    told: dict[str, Any] = {"status": "truncated", "error": error, "notes": (HOSTILE, TURNED)}
    runtime.end(id_, tried, raw=[reply], **told)
    return id_


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _long(runtime: Standing, at: float) -> str:
    """A megabyte without a blank, in request and reply, and a name of 300 characters."""
    decision = replace(DECISION, candidates=(replace(HOME, model="m" * 300),))
    id_ = runtime.begin(_request("x" * 1_000_000), decision=decision, at=at)
    tried = attempt(replace(HOME, model="m" * 300), error="e" * 3000)
    raw = [_reply("y" * 1_000_000, {"name": "n" * 300, "arguments": "z" * 30_000})]
    runtime.end(id_, tried, raw=raw)
    return id_
