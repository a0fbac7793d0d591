"""What the Messages API refuses, as far as its documentation and recorded 400s say.

A fake that takes anything proves nothing: `why_refused` lets ours be as strict as the real one
about the shape of a conversation. It is stricter in two things: turns must alternate, and
results must come in the order of their calls.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

JsonObject = dict[str, Any]

_ID = re.compile(r"[a-zA-Z0-9_-]+\Z")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}\Z")
_FIELDS = frozenset(
    {
        "model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "metadata",
        "stop_sequences", "temperature", "top_p", "top_k", "thinking", "output_config",
        "service_tier", "cache_control",
    }
)  # fmt: skip


def why_refused(body: JsonObject) -> str | None:
    """The API's complaint about a request body; None when it takes it."""
    return next(_complaints(body), None)


def _complaints(body: JsonObject) -> Iterator[str]:
    for name in body.keys() - _FIELDS:
        yield f"{name}: Extra inputs are not permitted"
    if not isinstance(body.get("model"), str):
        yield "model: Field required"
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        yield "max_tokens: must be at least 1"
    yield from _tool_complaints(body)
    yield from _thinking_complaints(body)
    for sequence in body.get("stop_sequences", []):
        if not sequence.strip():
            yield "stop_sequences: each stop sequence must contain non-whitespace"
    for block in body.get("system", []):
        yield from _block_complaints(block, "system")
    if not body.get("messages"):
        yield "messages: at least one message is required"
        return
    yield from _turn_complaints(body["messages"])


def _tool_complaints(body: JsonObject) -> Iterator[str]:
    tools = body.get("tools", [])
    names = [tool["name"] for tool in tools]
    if len(set(names)) != len(names):
        yield "tools: Tool names must be unique."
    for tool in tools:
        if not _TOOL_NAME.match(tool["name"]):
            yield f"tools: name {tool['name']!r} should match pattern"
        if tool["input_schema"].get("type") != "object":
            yield "tools: input_schema.type: Field required"
    choice = body.get("tool_choice")
    if choice is not None and not tools:
        yield "tool_choice may only be specified while providing tools"


def _thinking_complaints(body: JsonObject) -> Iterator[str]:
    thinking = body.get("thinking", {})
    on = thinking.get("type") in ("enabled", "adaptive")
    if (
        thinking.get("type") == "enabled"
        and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]
    ):
        yield "thinking.budget_tokens: must be at least 1024 and less than max_tokens"
    if on and body.get("tool_choice", {}).get("type") in ("any", "tool"):
        yield "Thinking may not be enabled when tool_choice forces tool use."
    if on and body.get("temperature", 1) != 1:
        yield "`temperature` may only be set to 1 when thinking is enabled"


def _turn_complaints(messages: list[JsonObject]) -> Iterator[str]:
    open_calls: list[str] = []
    seen: list[str] = []
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        role, content = message["role"], message["content"]
        if not content:
            yield f"{where}: all messages must have non-empty content"
        for place, block in enumerate(content):
            yield from _block_complaints(block, f"{where}.content.{place}")
        if role == "system":
            continue
        if role == "user":
            yield from _result_complaints(content, open_calls, where)
            open_calls = []
        else:
            open_calls = [b["id"] for b in content if b["type"] == "tool_use"]
            seen.extend(open_calls)
    yield from _order_complaints([m["role"] for m in messages])
    if len(set(seen)) != len(seen):
        yield "messages: `tool_use` ids must be unique"
    if open_calls:
        yield "messages: `tool_use` ids were found without `tool_result` blocks"
    last = messages[-1]
    if last["role"] == "assistant" and last["content"][-1].get("text", "").endswith((" ", "\n")):
        yield "messages: final assistant content cannot end with trailing whitespace"


def _order_complaints(roles: list[str]) -> Iterator[str]:
    if roles[0] != "user":
        yield "messages: first message must use the user role"
    for before, role in itertools.pairwise(roles):
        if role == "system" and before != "user":
            yield "messages: a system message must follow a user message"
        if role == before:
            yield f"messages: two {role} turns in a row"


def _result_complaints(
    content: list[JsonObject], open_calls: list[str], where: str
) -> Iterator[str]:
    results = [b["tool_use_id"] for b in content if b["type"] == "tool_result"]
    if results != open_calls:
        yield f"{where}: each `tool_use` must have its `tool_result` in the next message"
    if any(b["type"] != "tool_result" for b in content[: len(results)]):
        yield f"{where}: tool_result blocks must come first"


def _block_complaints(block: JsonObject, where: str) -> Iterator[str]:
    if block["type"] == "text" and not block["text"].strip():
        yield f"{where}: text content blocks must contain non-whitespace text"
    if block["type"] == "tool_use" and not _ID.match(block["id"]):
        yield f"{where}: tool_use.id: String should match pattern"
    if block["type"] == "tool_use" and not isinstance(block["input"], dict):
        yield f"{where}: tool_use.input: Input should be a valid dictionary"
