"""Upstreams served by `mlx_lm.server`: the house model's own, and ones the user runs.

Requests are written anew (`mlx_lm_body`). Replies go back as they came, but for three things: the
model's name, which is ours and not the server's; a `finish_reason` of `tool_calls` without any
call, which it says when a stop sequence cut one short; and the usage chunk of a client that asked
for none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import orjson

from gateway.errors import UpstreamError
from gateway.settings import UpstreamSettings
from gateway.upstreams.base import ChatRequest, Prepared, ReplyEnd
from gateway.upstreams.mlx_lm_body import Capability, allowed_body
from gateway.upstreams.openai_compatible import OpenAICompatible, PassThrough

SERVER_DEFAULT = "default_model"
"""What `mlx_lm.server` calls the model it was started with."""

HOUSE_OUTPUT_TOKENS = 1024
"""Most the house model says in one reply: it is small, and may not know when to stop."""

_EVENT = re.compile(rb"(?<=\n\n)")
_CALL = re.compile(rb'"tool_calls":\s*\[\s*\{')
_CALLS_FINISH = re.compile(rb'"finish_reason":\s*"tool_calls"')
_STOP_FINISH = b'"finish_reason": "stop"'
_USAGE_ONLY = re.compile(rb'"choices":\s*\[\s*\]')
_CUT_CALL = "the reply was cut inside a tool call, which is left out"


class MlxReader(PassThrough):
    """Reads one streamed reply of `mlx_lm.server`."""

    def __init__(self, name: str, rename: Callable[[bytes], bytes], *, show_usage: bool) -> None:
        super().__init__(name)
        self._rename = rename
        self._show_usage = show_usage
        self._called = False

    def feed(self, data: bytes) -> bytes:
        events = super().feed(data)
        if b'"tool_calls"' in events:
            self._called = self._called or _CALL.search(events) is not None
            if not self._called:
                events = _CALLS_FINISH.sub(_STOP_FINISH, events)
        if not self._show_usage and _USAGE_ONLY.search(events):
            events = b"".join(e for e in _EVENT.split(events) if not _USAGE_ONLY.search(e))
        return self._rename(events)

    def finish(self) -> tuple[bytes, ReplyEnd]:
        last, end = super().finish()
        if not end.complete and end.error is None:
            broke_off = UpstreamError(
                f"{self._name}: broke off in the middle of its reply, as mlx_lm.server does when "
                "the model writes a malformed tool call",
                upstream=self._name,
                code="bad_reply",
            )
            return last, replace(end, error=broke_off)
        if end.finish_reason == "tool_calls" and not self._called:
            end = replace(end, finish_reason="stop", notes=(*end.notes, _CUT_CALL))
        return last, end


class MlxLm(OpenAICompatible):
    """The dialect of kinds `mlx_lm` and `house`."""

    def __init__(self, name: str, settings: UpstreamSettings, api_key: str | None) -> None:
        self._house = settings.kind == "house"
        self._models = settings.models
        if self._house:  # the transport knows its address; the path below it never changes
            settings = settings.model_copy(update={"base_url": "http://127.0.0.1/v1"})
        super().__init__(name, settings, api_key)

    def prepare(self, request: ChatRequest, model: str) -> Prepared:
        body, notes = allowed_body(
            request.body,
            self._server_model(model),
            stream=request.stream,
            can=self._capability(model),
        )
        return replace(self.post(orjson.dumps(body)), notes=notes)

    def stream_reader(self, request: ChatRequest, model: str) -> MlxReader:
        return MlxReader(self.name, self._renamer(model), show_usage=request.include_usage)

    def read_reply(self, request: ChatRequest, model: str, body: bytes) -> tuple[bytes, ReplyEnd]:
        body, end = super().read_reply(request, model, body)
        if end.finish_reason == "tool_calls" and not _CALL.search(body):
            body = _CALLS_FINISH.sub(_STOP_FINISH, body)
            end = replace(end, finish_reason="stop", notes=(*end.notes, _CUT_CALL))
        return self._renamer(model)(body), end

    def _server_model(self, model: str) -> str:
        """The house model is whatever the child was started with; a user's server knows its
        models by the names in the settings, and no other name reaches it."""
        return SERVER_DEFAULT if self._house else model

    def _capability(self, model: str) -> Capability:
        known = self._models.get(model)
        return Capability(
            context_length=known.context_length if known else None,
            output_tokens=(known.max_output_tokens if known else None)
            or (HOUSE_OUTPUT_TOKENS if self._house else None),
            images=not self._house and (known is None or known.images is not False),
        )

    def _renamer(self, model: str) -> Callable[[bytes], bytes]:
        """Puts the model's own name where the server says what it was asked for. Inside a JSON
        string the quotes would be escaped, so this text is a key and its value and nothing else."""
        asked = self._server_model(model)
        if asked == model:
            return bytes
        said = b'"model": ' + orjson.dumps(asked)
        says = b'"model": ' + orjson.dumps(model)
        return lambda data: data.replace(said, says)
