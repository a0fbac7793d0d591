"""Helicone's exports: a request and its response per value, in OpenAI's or Anthropic's dialect.

    {"request_id", "request_created_at", "request_body": {...}, "response_body": {...},
     "response_status": 200, "request_properties": {"Helicone-Session-Id": ...}, ...}

JSON lines, an array, or what its API answers: `{"data": [...]}`, on one line or many. Bodies may be
objects or text. Rows whose bodies lie elsewhere (`signed_body_url`) are told and left out: nothing
is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator

from capture.imports.bodies import Logged, body_of, conversation, reply_of
from capture.imports.conversation import Conversation, Unreadable
from capture.imports.reading import Read
from capture.imports.times import moment
from capture.narrowing import Json, count_of, list_of, object_of, text_of

_SESSION = "helicone-session-id"
_TIMES = ("request_created_at", "created_at", "requestCreatedAt")
_MODELS = ("model_override", "response_model", "request_model", "model")


def looks_like(value: Json) -> bool:
    """Whether a value is one of Helicone's rows, or a list of them."""
    data = list_of(value.get("data"))
    row = value if not data else object_of(data[0]) or {}
    return ("request_body" in row or "signed_body_url" in row) and (
        "request_id" in row or "request_created_at" in row or "response_status" in row
    )


def rows(read: Read) -> Iterator[Read]:
    """The rows of one value of a file."""
    row = object_of(read.value) or {}
    inner = list_of(row.get("data"))
    if not inner:
        yield read
    for number, each in enumerate(inner):
        yield Read(read.line, each, within=f"data[{number}]: ")


def parse(read: Read) -> Conversation:
    """One row. Raises Unreadable."""
    row = object_of(read.value) or {}
    status = count_of(row.get("response_status"))
    if status is not None and status >= 400:
        raise Unreadable(f"it failed with HTTP {status}")
    request, reply = body_of(row.get("request_body")), reply_of(row.get("response_body"))
    if (not request or not reply) and row.get("signed_body_url"):
        raise Unreadable("its bodies are not in the file: export them with their bodies")
    if request is None or reply is None:
        raise Unreadable("no request and response in it")
    at = next((at for name in _TIMES if (at := moment(row.get(name))) is not None), None)
    model = next((told for name in _MODELS if (told := text_of(row.get(name)))), None)
    return conversation(Logged(read.line, request, reply, at, _session(row), model))


def _session(row: Json) -> str | None:
    for name in ("request_properties", "properties"):
        for key, told in (object_of(row.get(name)) or {}).items():
            if key.lower() == _SESSION:
                return text_of(told)
    return None
