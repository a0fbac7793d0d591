"""The seam between the relay and an upstream's dialect.

An `Upstream` knows how to say a chat request in its own dialect and how to read the answer back as
OpenAI chat bytes. It does no I/O: the relay sends what `prepare` returns through the transport and
feeds what comes back into a `StreamReader`, or into `read_reply` for a JSON body. One reader serves
one attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from capture.messages import FinishReason, Usage
from capture.values import value
from gateway.errors import UpstreamError

Headers = Sequence[tuple[bytes, bytes]]
"""Response headers as received: lower-case names, raw values."""


@value
class ChatRequest:
    """A client's chat completion request, decoded once."""

    id: str
    """Our exchange id; also the id of completions we render ourselves, as `chatcmpl-ID`."""
    raw: bytes
    """The body exactly as received."""
    body: Mapping[str, Any]
    """The same, decoded. Never changed in place."""
    alias: str
    """The model name asked for: what a rendered reply calls its model."""
    stream: bool
    include_usage: bool
    """`stream_options.include_usage`: the client wants a last chunk with usage and no choices."""
    created: int
    """Unix seconds, for replies we render."""


@value
class Prepared:
    """One HTTP POST, ready to send. Credentials are in `headers` and nowhere else."""

    path: str
    """Path and query below the upstream's origin, e.g. `/v1/chat/completions`."""
    headers: tuple[tuple[bytes, bytes], ...]
    """Lower-case names. Content-length and host are the transport's."""
    body: bytes = field(repr=False)
    notes: tuple[str, ...] = ()
    """What this dialect could not say and left out, one clause each."""


@value
class ReplyEnd:
    """What a reader knows once the reply is over."""

    complete: bool
    """The model finished its answer; False when the stream broke off."""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    error: UpstreamError | None = None
    """An error the upstream told in-band, after headers."""
    notes: tuple[str, ...] = ()


class StreamReader(Protocol):
    """Reads one upstream SSE body and gives back OpenAI chat SSE bytes."""

    done: bool
    """The reply's own terminal event (`[DONE]`, `message_stop`) or an error event was seen: nothing
    more is to be fed. The bytes after it are ignored."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrived, at any split; return bytes for the client: whole events only,
        in order, possibly none, and never the terminal `data: [DONE]`, which the relay writes once
        the exchange is journalled. Never raises for what an upstream sends."""
        ...

    def finish(self) -> tuple[bytes, ReplyEnd]:
        """At end of body or once `done`: the last bytes for the client and what is known."""
        ...


class Upstream(Protocol):
    """One configured place to send requests, as its dialect sees it. Holds no request state."""

    name: str

    def prepare(self, request: ChatRequest, model: str) -> Prepared:
        """Say the request in this dialect. Raises ClientError for what cannot be said at all."""
        ...

    def stream_reader(self, request: ChatRequest, model: str) -> StreamReader:
        """A fresh reader for one streamed attempt."""
        ...

    def read_reply(self, request: ChatRequest, model: str, body: bytes) -> tuple[bytes, ReplyEnd]:
        """A complete 200 JSON body as OpenAI chat JSON. Raises UpstreamError when it is not one."""
        ...

    def read_error(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        """A non-200 answer in our words, with its own message, request id and Retry-After."""
        ...
