"""LiteLLM's logs: its standard logging payload, and rows of its spend logs.

    payload    {"id", "call_type", "status", "startTime": 1.7e9, "model", "messages": [...],
                "response": {...}, "model_parameters": {"tools": [...]}, "trace_id", ...}
    spend log  {"request_id", "call_type", "startTime": "2026-...", "model", "messages",
                "response", "proxy_server_request": {...}, "session_id", ...}

Columns may hold JSON as text, as a database exports them. A spend log has messages only where
LiteLLM was told to store prompts (`store_prompts_in_spend_logs`).
"""

from __future__ import annotations

from capture.imports.bodies import Logged, body_of, conversation, reply_of
from capture.imports.conversation import Conversation, Unreadable
from capture.imports.reading import Read
from capture.imports.times import moment
from capture.narrowing import Json, Malformed, list_of, loads, object_of, text_of

_FIELDS = ("model", "metadata", "session_id", "litellm_session_id")
_CHATS = ("completion", "acompletion", "anthropic_messages", "chat")


def looks_like(value: Json) -> bool:
    """Whether a value is one of LiteLLM's rows."""
    return "call_type" in value and ("startTime" in value or "messages" in value)


def parse(read: Read) -> Conversation:
    """One row. Raises Unreadable."""
    row = object_of(read.value) or {}
    kind = text_of(row.get("call_type")) or ""
    if kind and not any(chat in kind for chat in _CHATS):
        raise Unreadable("it is no chat")
    if row.get("status") == "failure":
        raise Unreadable("it failed")
    reply = reply_of(row.get("response"))
    if not reply:
        raise Unreadable("no response in it")
    at = moment(row.get("startTime"))
    # a row's `session_id` and `trace_id` are made up for each request unless a client sends one,
    # which is in the request then
    return conversation(
        Logged(read.line, _request(row), reply, at, None, text_of(row.get("model")))
    )


def _request(row: Json) -> Json:
    """The request's body: as the proxy kept it, else what the row says of it."""
    kept = body_of(row.get("proxy_server_request")) or {}
    kept = body_of(kept.get("body")) or kept
    messages = _json(row.get("messages"))
    if not list_of(messages):
        messages = kept.get("messages")
    asked = object_of(row.get("model_parameters")) or {}
    tools = _json(kept.get("tools")) or _json(asked.get("tools"))
    system = kept.get("system") or asked.get("system")
    body = {name: kept[name] for name in _FIELDS if name in kept}
    return {**body, "messages": messages, "tools": tools, **({"system": system} if system else {})}


def _json(value: object) -> object:
    """A value, or what its text says."""
    if not isinstance(value, str):
        return value
    try:
        return loads(value.encode(errors="replace"))
    except Malformed:
        return None
