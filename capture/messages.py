"""The one normalised vocabulary for what was said: messages, tool calls, usage.

Every dialect parses into these values and renders from them; nothing here knows a wire format.
Values are frozen: a message that was said is a fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from capture.values import value

Role = Literal["system", "developer", "user", "assistant", "tool"]

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
"""Why a model stopped, in OpenTelemetry's gen_ai words as OpenAI's chat dialect spells them."""

PartKind = Literal["text", "image", "document", "audio", "thinking", "refusal", "other"]


@value
class ContentPart:
    """One piece of a message's content."""

    kind: PartKind
    text: str | None = None
    """The words, for text, thinking and refusal; None for parts that have none (an image)."""
    data: Mapping[str, Any] | None = None
    """The part as the client wrote it, for kinds that are not plain text; None for text."""


@value
class ToolCall:
    """A model's request to run one tool."""

    id: str
    """The join key to its result; kept verbatim. Empty when the model gave none."""
    name: str
    arguments: str
    """JSON text exactly as the model wrote it: it may be invalid, and is data either way."""


@value
class Message:
    """One turn as it stood on the wire."""

    role: Role
    content: tuple[ContentPart, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    """For role `tool`: the call this answers. None elsewhere, or when the client left it out."""
    name: str | None = None

    @property
    def text(self) -> str:
        """All text parts joined; thinking is not part of it."""
        return "".join([p.text or "" for p in self.content if p.kind == "text"])

    @property
    def says_something(self) -> bool:
        """Whether whoever gets it has anything of it: words, a refusal, an image, a call. Thinking
        alone is nothing, nor is white space."""
        return bool(self.tool_calls) or any(
            part.kind != "thinking" and (part.text is None or part.text.strip())
            for part in self.content
        )


@value
class Usage:
    """Tokens as the upstream counted them. None means it did not say; never zero instead."""

    input_tokens: int | None = None
    """All tokens of the prompt, cache reads and writes included."""
    output_tokens: int | None = None
    """All generated tokens, reasoning included."""
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
