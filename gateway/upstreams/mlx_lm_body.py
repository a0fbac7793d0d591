"""A chat request as `mlx_lm.server` may see it: written anew from an allow-list.

That server takes fields that no client may set (`adapters`, `draft_model`, image addresses it
would fetch for anyone, a replacement of the chat template), refuses nulls, and drops what it does
not know without a word. What is not on the list here never reaches it, and is noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson

from gateway.errors import ClientError

JsonObject = Mapping[str, Any]

DEFAULT_OUTPUT_TOKENS = 4096
"""For clients that set no limit; the server's own default would cut replies at 512."""
MOST_TOP_LOGPROBS = 11
MOST_NOTES = 8

NUMBERS = (
    "temperature",
    "top_p",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "xtc_probability",
    "xtc_threshold",
)
INTEGERS = (
    "top_k",
    "seed",
    "repetition_context_size",
    "presence_context_size",
    "frequency_context_size",
)
AS_THEY_ARE = (*NUMBERS, *INTEGERS, "stop", "logit_bias")
LIMITS = ("max_tokens", "max_completion_tokens")
REWRITTEN = (
    "model",
    "messages",
    "tools",
    "tool_choice",
    "stream",
    "stream_options",
    "logprobs",
    "top_logprobs",
    "chat_template_kwargs",
)
HANDLED = frozenset((*AS_THEY_ARE, *LIMITS, *REWRITTEN))
TEMPLATE_ARGUMENTS = frozenset(("enable_thinking", "thinking", "reasoning_effort"))
"""Of `chat_template_kwargs`: the rest can replace the template itself."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What one model behind the server takes."""

    context_length: int | None
    """Most tokens of prompt and reply together; None when unknown, which never clamps."""
    output_tokens: int | None
    """Most tokens of one reply; None: as the context allows."""
    images: bool
    """It takes images, as `data:` URLs only."""


def allowed_body(
    body: JsonObject, server_model: str, *, stream: bool, can: Capability
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The request as the server may see it, and what was left out, one clause each.

    Raises ClientError for messages that cannot be said to it at all.
    """
    notes: list[str] = []
    out: dict[str, Any] = {
        "model": server_model,
        "messages": _messages(body.get("messages"), can, notes),
        "stream": stream,
        "max_tokens": _output_tokens(body, can, notes),
    }
    if stream:
        out["stream_options"] = {"include_usage": True}
    for name in AS_THEY_ARE:
        if body.get(name) is not None:
            out[name] = body[name]
    _add_tools(body, out, notes)
    _add_logprobs(body, out, stream, notes)
    _add_template_arguments(body.get("chat_template_kwargs"), out, notes)
    unknown = [_shown(name) for name in body if name not in HANDLED and body[name] is not None]
    notes.extend(f"`{name}` left out: mlx_lm.server takes no such field" for name in unknown)
    if len(notes) > MOST_NOTES:
        notes[MOST_NOTES - 1 :] = [f"and {len(notes) - MOST_NOTES + 1} more fields left out"]
    return out, tuple(notes)


def _output_tokens(body: JsonObject, can: Capability, notes: list[str]) -> Any:
    """The reply's limit. A wrong type goes through, for the server to name."""
    wanted = next((body[name] for name in reversed(LIMITS) if body.get(name) is not None), None)
    most = min((n for n in (can.context_length, can.output_tokens) if n), default=None)
    if wanted is None:
        return min(most or DEFAULT_OUTPUT_TOKENS, DEFAULT_OUTPUT_TOKENS)
    if isinstance(wanted, int) and most is not None and wanted > most:
        notes.append(f"max_tokens {wanted} lowered to {most}, the most this model can give")
        return most
    return wanted


def _add_tools(body: JsonObject, out: dict[str, Any], notes: list[str]) -> None:
    choice = body.get("tool_choice")
    if not body.get("tools"):
        return
    if choice == "none":
        notes.append("tools left out: tool_choice is none")
        return
    out["tools"] = body["tools"]
    if choice not in (None, "auto"):
        notes.append("`tool_choice` left out: mlx_lm.server lets the model choose")


def _add_logprobs(body: JsonObject, out: dict[str, Any], stream: bool, notes: list[str]) -> None:
    if not body.get("logprobs"):
        return
    if stream:
        notes.append("`logprobs` left out: mlx_lm.server gives them without streaming only")
        return
    out["logprobs"] = body["logprobs"]
    top = body.get("top_logprobs")
    if isinstance(top, int) and top > 0:
        out["top_logprobs"] = min(top, MOST_TOP_LOGPROBS)


def _add_template_arguments(raw: object, out: dict[str, Any], notes: list[str]) -> None:
    if not isinstance(raw, Mapping):
        return
    given = cast("JsonObject", raw)
    kept = {
        name: value
        for name, value in given.items()
        if name in TEMPLATE_ARGUMENTS and isinstance(value, bool | str)
    }
    if kept:
        out["chat_template_kwargs"] = kept
    notes.extend(f"chat_template_kwargs.{_shown(n)} left out" for n in given if n not in kept)


def _messages(raw: object, can: Capability, notes: list[str]) -> list[dict[str, Any]]:
    if not isinstance(raw, list) or not raw:
        raise ClientError("`messages` must be a list of at least one message", param="messages")
    messages = cast("list[object]", raw)
    said = [_message(message, number, can) for number, message in enumerate(messages)]
    if any(cast("JsonObject", message).get("role") == "developer" for message in messages):
        notes.append("role `developer` said as `system`")
    return said


def _message(raw: object, number: int, can: Capability) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise ClientError("each message must be an object", param=f"messages[{number}]")
    message = {name: value for name, value in cast("JsonObject", raw).items() if value is not None}
    if message.get("role") == "developer":
        message["role"] = "system"
    content = message.get("content", "")
    if isinstance(content, list):
        content = [_part(part, number, can) for part in cast("list[object]", content)]
    elif not isinstance(content, str):
        raise ClientError(
            "content must be text or a list of parts", param=f"messages[{number}].content"
        )
    message["content"] = content
    if message.get("tool_calls"):
        message["tool_calls"] = _calls(message["tool_calls"], number)
    return message


def _part(raw: object, number: int, can: Capability) -> JsonObject:
    part: JsonObject = cast("JsonObject", raw) if isinstance(raw, Mapping) else {}
    if part.get("type") == "text" and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    where = f"messages[{number}].content"
    if part.get("type") != "image_url":
        raise ClientError("this model reads text only", code="unsupported_content", param=where)
    if not can.images:
        raise ClientError("this model reads no images", code="unsupported_content", param=where)
    image: object = part.get("image_url")
    url: object = cast("JsonObject", image).get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str) or not url.startswith("data:"):
        raise ClientError(
            "send the image itself as a data: URL; addresses are not fetched", param=where
        )
    return {"type": "image_url", "image_url": {"url": url}}


def _calls(raw: object, number: int) -> list[JsonObject]:
    """Earlier tool calls. The server decodes their arguments, so text that is no JSON, which a
    model did write once, is sent as a JSON string and comes out as it was."""
    calls = cast("list[object]", raw) if isinstance(raw, list) else [None]
    if not all(isinstance(call, Mapping) for call in calls):
        raise ClientError(
            "tool_calls must be a list of objects", param=f"messages[{number}].tool_calls"
        )
    return [_call(cast("JsonObject", call)) for call in calls]


def _call(call: JsonObject) -> JsonObject:
    function = call.get("function")
    if not isinstance(function, Mapping):
        return call
    named = cast("JsonObject", function)
    arguments = named.get("arguments")
    if not isinstance(arguments, str) or _is_json(arguments):
        return call
    return {**call, "function": {**named, "arguments": orjson.dumps(arguments).decode()}}


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return not text
    return True


def _shown(name: object) -> str:
    """A client's field name, fit for a record."""
    return "".join(c for c in str(name)[:64] if c.isprintable() and c != "`")
