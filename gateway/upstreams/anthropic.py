"""Claude through the Messages API, for clients that speak OpenAI's chat dialect.

Joins the pieces of the dialect into an `Upstream` and does no I/O. Turns that Claude thought in are
kept in the `ThinkingStore`, so that its thinking comes back with the tool results that follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from gateway.dialects.anthropic_errors import read_error, read_event
from gateway.dialects.anthropic_memory import remember
from gateway.dialects.anthropic_reply import Heading, Remember, render_reply
from gateway.dialects.anthropic_request import Limits, render_request
from gateway.dialects.anthropic_stream import ClaudeStream
from gateway.dialects.anthropic_tools import safe_tool_names
from gateway.dialects.values import Json, json_object, parse_json
from gateway.errors import ClientError, UpstreamError
from gateway.settings import UpstreamModel, UpstreamSettings
from gateway.thinking import ThinkingStore
from gateway.upstreams.base import ChatRequest, Headers, Prepared, ReplyEnd

PUBLIC_ENDPOINT = "https://api.anthropic.com"
"""Where Claude is when the settings name no `base_url`."""
_VERSION = b"2023-06-01"
"""The API version all recordings were made with."""


class Anthropic:
    """Claude, or a server that speaks as it does."""

    def __init__(
        self, name: str, settings: UpstreamSettings, api_key: str | None, thinking: ThinkingStore
    ) -> None:
        self.name = name
        self._settings = settings
        self._memory = thinking
        path = urlsplit(settings.base_url or PUBLIC_ENDPOINT).path.rstrip("/")
        self._path = path + ("/messages" if path.endswith("/v1") else "/v1/messages")
        key = ((b"x-api-key", api_key.encode()),) if api_key else ()
        self._headers = (
            (b"content-type", b"application/json"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", b"majordomo"),
            (b"anthropic-version", _VERSION),
            *key,
        )

    def prepare(self, request: ChatRequest, model: str) -> Prepared:
        known = self._settings.models.get(model) or UpstreamModel()
        rendered = render_request(
            request.body,
            model=model,
            stream=request.stream,
            limits=Limits(
                default_max_tokens=self._settings.default_max_tokens,
                max_output_tokens=known.max_output_tokens,
                prompt_cache=self._settings.prompt_cache,
            ),
            memory=self._memory,
        )
        if rendered.prefix is not None:
            self._memory.sending(request.id, model, rendered.prefix)
        return Prepared(self._path, self._headers, rendered.body, rendered.notes)

    def stream_reader(self, request: ChatRequest, model: str) -> ClaudeStream:
        return ClaudeStream(
            _heading(request),
            include_usage=request.include_usage,
            client_names=_client_names(request.body),
            remember=self._keeper(request, model),
            read_error=lambda event: read_event(self.name, self._settings.api_key_env, event),
            upstream=self.name,
        )

    def read_reply(self, request: ChatRequest, model: str, body: bytes) -> tuple[bytes, ReplyEnd]:
        message = json_object(parse_json(body))
        if message.get("type") == "error":
            raise read_event(self.name, self._settings.api_key_env, message)
        if message.get("type") != "message" or not isinstance(message.get("content"), list):
            raise UpstreamError(
                f"{self.name}: answered with something that is not a message",
                upstream=self.name,
                code="bad_reply",
                retryable=True,
            )
        keep = self._keeper(request, model)
        reply = render_reply(message, _heading(request), _client_names(request.body), keep)
        end = ReplyEnd(
            complete=True, finish_reason=reply.finish_reason, usage=reply.usage, notes=reply.notes
        )
        return reply.body, end

    def read_error(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        return read_error(self.name, self._settings.api_key_env, status, headers, body)

    def warm(self, request: ChatRequest, model: str, raw: bytes) -> None:
        """Remember a stored reply's thinking again, as if it had just come.

        Replies of one conversation are to be given in the order they came. One that is broken, or
        is none, is passed over.
        """
        with suppress(ClientError, UpstreamError):
            self.prepare(request, model)
            if raw.lstrip().startswith(b"{"):
                self.read_reply(request, model, raw)
            else:
                reader = self.stream_reader(request, model)
                reader.feed(raw)
                reader.finish()
        self._memory.sent(request.id, model)

    def _keeper(self, request: ChatRequest, model: str) -> Remember:
        def keep(blocks: Sequence[Json]) -> None:
            prefix = self._memory.sent(request.id, model)
            if prefix is not None:
                remember(self._memory, model, prefix, blocks)

        return keep


def _heading(request: ChatRequest) -> Heading:
    return Heading(id=request.id, created=request.created, model=request.alias)


def _client_names(body: Mapping[str, Any]) -> dict[str, str]:
    """The client's own tool names, by those that travelled in their stead."""
    return {safe: own for own, safe in safe_tool_names(body).items()}
