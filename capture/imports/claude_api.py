"""Logs of Claude's API: a request to `/v1/messages` and the message that came back, per value.

    {"timestamp": ..., "request": {"model", "system", "messages", "tools", ...},
     "response": {"type": "message", "content": [...], "usage": {...}, ...}}

There is no one form of such a log; the bodies are Anthropic's own, and around them this is lenient.
They may stand under `request`/`response`, `input`/`output`, `params`/`result` (as message batches
have them, with the message inside the result) or `request_body`/`response_body`, as objects or as
text; a reply may be an event stream's text.
"""

from __future__ import annotations

from capture.imports.bodies import Logged, body_of, conversation, reply_of
from capture.imports.conversation import Conversation, Unreadable
from capture.imports.reading import Read
from capture.imports.times import moment
from capture.narrowing import Json, list_of, object_of, text_of
from capture.replies import Reply

_PAIRS = (
    ("request", "response"),
    ("input", "output"),
    ("params", "result"),
    ("request_body", "response_body"),
)
_TIMES = ("timestamp", "created_at", "time", "ts", "date", "started_at", "request_time")
_SESSIONS = ("session_id", "conversation_id", "session")


def looks_like(value: Json) -> bool:
    """Whether a value is a row of such a log."""
    names = _names(value)
    request = None if names is None else _request(value.get(names[0]))
    return request is not None and isinstance(request.get("messages"), list)


def parse(read: Read) -> Conversation:
    """One row. Raises Unreadable."""
    row = object_of(read.value) or {}
    names = _names(row)
    if names is None:
        raise Unreadable("no request and response in it")
    request, reply = _request(row.get(names[0])), _reply(row.get(names[1]))
    if request is None:
        raise Unreadable(f"its {names[0]} is not a body")
    if reply is None:
        raise Unreadable(f"its {names[1]} is no whole reply")
    at = next((at for name in _TIMES if (at := moment(row.get(name))) is not None), None)
    session = next((told for name in _SESSIONS if (told := text_of(row.get(name)))), None)
    return conversation(Logged(read.line, request, reply, at, session, text_of(row.get("model"))))


def _names(row: Json) -> tuple[str, str] | None:
    return next((pair for pair in _PAIRS if pair[0] in row and pair[1] in row), None)


def _request(value: object) -> Json | None:
    body = body_of(value)
    if body is not None and not list_of(body.get("messages")) and "body" in body:
        return body_of(body["body"])
    return body


def _reply(value: object) -> Json | Reply | None:
    """The message, out of what may be around it."""
    found = reply_of(value)
    while isinstance(found, dict) and found.get("type") != "message" and "choices" not in found:
        inner = next((found[name] for name in ("message", "body") if found.get(name)), None)
        if inner is None:
            break
        found = reply_of(inner)
    return found
