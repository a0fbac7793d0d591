"""Upstreams that speak OpenAI's chat dialect: bytes go through untouched but for `model`.

The body is spliced, not re-encoded: whitespace, number spellings, key order and fields nobody here
has heard of reach the upstream as the client wrote them. Replies go back as they came, whole events
at a time, with the terminal `[DONE]` held for the relay.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

from capture.messages import FinishReason, Usage
from gateway.errors import ClientError, UpstreamError
from gateway.retry import retry_after
from gateway.settings import UpstreamSettings
from gateway.sse import end_of_events, find_done, payloads
from gateway.upstreams.base import ChatRequest, Headers, Prepared, ReplyEnd

_EVENT_BYTES = 16 * 1024 * 1024
"""Largest single event; an upstream that sends more is broken."""
_HELD_PIECES = 10_000
"""Pieces held while a stream says nothing but comments."""
_TAIL_CHUNKS = 4
"""Pieces of a stream kept to read its finish reason and usage from once it is over."""

_CHAT = "/chat/completions"

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(_STRING + rb"|[{}\[\]]", re.DOTALL)
_VALUE = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*(" + _STRING + rb")", re.DOTALL)
_MODEL_VALUE = re.compile(rb'"model"' + _VALUE.pattern, re.DOTALL)
_MOST_TOKENS = 1_000_000
"""Strings and brackets looked through for the top-level `model`: half a second of work."""

_MOST_COUNTED = 2**53
"""Token counts past this are an upstream's nonsense, and no database column holds them."""

_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


def splice_model(body: bytes, model: str) -> bytes:
    """The same JSON object with its top-level `model` value replaced; all other bytes as they were.

    `body` must be a JSON object with a string `model`. Raises ClientError when `model` is given
    twice: which one counts would depend on who reads it.
    """
    value = orjson.dumps(model)
    if body.count(b'"model"') == 1 and b"\\u006" not in body:  # no key spelt with escapes
        match = _MODEL_VALUE.search(body)
        if match is not None:
            return body[: match.start(1)] + value + body[match.end(1) :]
    spans = _top_level_model(body)
    if len(spans) != 1:
        raise ClientError("`model` is given more than once; send it once", param="model")
    start, end = spans[0]
    return body[:start] + value + body[end:]


def _top_level_model(body: bytes) -> list[tuple[int, int]]:
    """Spans of the string values of every top-level key that reads `model`."""
    spans: list[tuple[int, int]] = []
    depth = 0
    for number, token in enumerate(_TOKEN.finditer(body)):
        if number > _MOST_TOKENS:
            raise ClientError("the body holds too many values to find its `model` among")
        first = body[token.start()]
        if first in b"{[":
            depth += 1
        elif first in b"}]":
            depth -= 1
        elif depth == 1:
            value = _VALUE.match(body, token.end())
            if value is not None and orjson.loads(token.group()) == "model":
                spans.append(value.span(1))
    return spans


def read_usage(raw: object) -> Usage | None:
    """OpenAI's `usage` object in our words; None when there is none."""
    if not isinstance(raw, dict):
        return None
    usage = cast("dict[str, Any]", raw)
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cache_read_tokens=None if prompt is None else _count_in(prompt, "cached_tokens"),
        reasoning_tokens=None if completion is None else _count_in(completion, "reasoning_tokens"),
    )


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < _MOST_COUNTED else None


def _count_in(details: object, name: str) -> int | None:
    if not isinstance(details, dict):
        return None
    return _count(cast("dict[str, Any]", details).get(name))


def finish_of(chunk: Mapping[str, Any]) -> FinishReason | None:
    """The finish reason of the first choice that has one, in a reply or a chunk."""
    choices = chunk.get("choices")
    for choice in cast("list[Any]", choices) if isinstance(choices, list) else ():
        try:
            reason = choice.get("finish_reason")
        except AttributeError:  # of all JSON values only objects have it
            continue
        if isinstance(reason, str):
            return _FINISH.get(reason, "stop")
    return None


def error_of(name: str, raw: object, status: int = 502) -> UpstreamError:
    """An upstream's own error object, whatever its shape, in ours."""
    message, code = "", None
    if isinstance(raw, Mapping):
        error = cast("Mapping[str, Any]", raw)
        message = str(error.get("message") or error.get("error") or error.get("detail") or "")
        code = error.get("code") or error.get("type")
    elif raw:
        message = str(raw)
    return UpstreamError(
        f"{name}: {message[:2000] or 'failed without saying why'}",
        upstream=name,
        status=status,
        code=str(code)[:100] if code else None,
    )


class PassThrough:
    """Reads a chat stream without changing it.

    What comes before the first event with data is held until that comes: servers send comments
    while they load or read a prompt, and as long as nothing else came another may still be tried.
    """

    def __init__(self, name: str) -> None:
        self.done = False
        self._name = name
        self._rest = bytearray()
        self._held: list[bytes] | None = []
        self._tail: deque[bytes] = deque(maxlen=_TAIL_CHUNKS)
        self._error: UpstreamError | None = None

    def feed(self, data: bytes) -> bytes:
        if not self._rest and data.endswith(b"\n\n") and b"[DONE]" not in data:
            events = data
        else:
            seen = max(len(self._rest) - 3, 0)  # a boundary may have begun there
            self._rest += data
            cut = end_of_events(self._rest, seen)
            events = bytes(self._rest[:cut])
            del self._rest[:cut]
            if len(self._rest) > _EVENT_BYTES:
                return self._fail(f"{self._name}: sent an event of over {_EVENT_BYTES} bytes")
            if b"[DONE]" in events and (at := find_done(events)) >= 0:
                self.done = True
                self._rest.clear()
                events = events[:at]
        if b'"error":' in events:
            events = self._up_to_error(events)
        if self._held is not None:
            self._held.append(events)
            if next(payloads(events), None) is None and len(self._held) < _HELD_PIECES:
                return b""
            events, self._held = b"".join(self._held), None
        if events:
            self._tail.append(events)
        return events

    def finish(self) -> tuple[bytes, ReplyEnd]:
        if self._error is not None:
            return b"", ReplyEnd(complete=False, error=self._error)
        finish: FinishReason | None = None
        usage: Usage | None = None
        for data in payloads(b"".join(self._tail)):
            chunk = _object(data)
            if chunk is not None:
                finish = finish_of(chunk) or finish
                usage = read_usage(chunk.get("usage")) or usage
        notes = () if self.done else ("the upstream ended its stream without [DONE]",)
        return b"", ReplyEnd(
            complete=self.done or finish is not None,
            finish_reason=finish,
            usage=usage,
            notes=notes,
        )

    def _up_to_error(self, events: bytes) -> bytes:
        """Cut `events` before the first that is an error, and be done."""
        at = 0
        while at < len(events):
            end = at + _first_event(events[at:])
            for data in payloads(events[at:end]):
                chunk = _object(data)
                if chunk is not None and chunk.get("error"):
                    self._error = error_of(self._name, chunk["error"])
                    self.done = True
                    return events[:at]
            at = end
        return events

    def _fail(self, message: str) -> bytes:
        self._error = UpstreamError(message, upstream=self._name, code="bad_reply")
        self.done = True
        self._rest.clear()
        return b""


def _first_event(events: bytes) -> int:
    """Length of the first event of whole `events`."""
    ends = [at + len(m) for m in (b"\n\n", b"\r\n\r\n", b"\r\r") if (at := events.find(m)) >= 0]
    return min(ends, default=len(events))


def _object(data: bytes) -> Mapping[str, Any] | None:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else None


class OpenAICompatible:
    """Ollama, LM Studio, llama.cpp, vLLM and hosted servers of the same dialect."""

    def __init__(self, name: str, settings: UpstreamSettings, api_key: str | None) -> None:
        self.name = name
        self._root = urlsplit(settings.base_url or "").path.rstrip("/")
        self._path = self._root + _CHAT
        auth = ((b"authorization", b"Bearer " + api_key.encode()),) if api_key else ()
        self._headers = (
            (b"content-type", b"application/json"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", b"majordomo"),
            *auth,
        )

    def prepare(self, request: ChatRequest, model: str) -> Prepared:
        return Prepared(self._path, self._headers, splice_model(request.raw, model))

    def post(self, body: bytes, endpoint: str = _CHAT) -> Prepared:
        """One of this upstream's endpoints, with its credentials."""
        return Prepared(path=self._root + endpoint, headers=self._headers, body=body)

    def stream_reader(self, request: ChatRequest, model: str) -> PassThrough:  # noqa: ARG002
        return PassThrough(self.name)

    def read_reply(
        self,
        request: ChatRequest,  # noqa: ARG002
        model: str,  # noqa: ARG002
        body: bytes,
    ) -> tuple[bytes, ReplyEnd]:
        reply = _object(body)
        if reply is None:
            message = f"{self.name}: answered with something that is not a JSON object"
            raise UpstreamError(message, upstream=self.name, code="bad_reply", retryable=True)
        if not isinstance(reply.get("choices"), list):
            raise error_of(self.name, reply.get("error") or "the reply has no `choices`")
        return body, ReplyEnd(
            complete=True, finish_reason=finish_of(reply), usage=read_usage(reply.get("usage"))
        )

    def read_error(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        return read_error(self.name, status, headers, body)


_KEY_STATUSES = (401, 403)


def read_error(name: str, status: int, headers: Headers, body: bytes) -> UpstreamError:
    """A non-200 answer of an OpenAI-compatible server.

    Its own 4xx for a bad request keeps its status, so that clients act on it; a refused credential
    is the household's fault, not the client's, and becomes 502.
    """
    reply = _object(body)
    detail: object = body[:500].decode("utf-8", "replace").strip()
    if reply is not None:
        detail = reply.get("error") or reply
    ours = 502 if status in _KEY_STATUSES or status < 400 or status in (404, 405) else status
    error = error_of(name, detail, 503 if status == 529 else ours)
    error.retryable = status in (408, 409, 425, 429) or status >= 500
    error.upstream_request_id = next(
        (v.decode("latin-1")[:200] for k, v in headers if k in (b"x-request-id", b"request-id")),
        None,
    )
    if status in _KEY_STATUSES:
        error.code = "upstream_auth"
        error.message += " (check the key named by this upstream's `api_key_env`)"
    elif status == 429:
        error.type, error.code = "rate_limit_error", error.code or "rate_limited"
    elif ours < 500:
        error.type = "invalid_request_error"
    error.retry_after = retry_after(headers)
    return error
