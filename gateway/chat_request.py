"""A chat completion request as a client sent it: bounded, decoded once, checked as far as we must.

What an upstream can judge better is left to it; checked is what routing reads, what must never
reach an upstream, and what would otherwise be billed or built without bound. Fields nobody here
knows pass.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, cast

import orjson

from gateway.errors import ClientError
from gateway.upstreams.base import ChatRequest

REFUSED = frozenset({"adapters", "draft_model", "api_base", "base_url"})
"""Fields by which some servers load weights or call addresses that the request names."""

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_CHOICES = 16
_STOPS = 64
_MESSAGES = 20_000
_TOKENS = 10_000_000
_NUMBERS = (
    ("max_tokens", 1, _TOKENS, True),
    ("max_completion_tokens", 1, _TOKENS, True),
    ("n", 1, _CHOICES, True),
    ("temperature", 0, 2, False),
    ("top_p", 0, 1, False),
)
"""Name, least, most, and whether it must be whole."""
_NUMBERED = frozenset(name for name, *_ in _NUMBERS)
_LISTED = frozenset({"tools", "stop"})


def parse(raw: bytes, exchange_id: str) -> ChatRequest:
    """Decode and check one request body. Raises ClientError."""
    body = _decode(raw)
    if not REFUSED.isdisjoint(body):
        refused = REFUSED & body.keys()
        names = ", ".join(f"`{name}`" for name in sorted(refused))
        raise ClientError(
            f"{names}: not accepted here; upstreams and adapters are set in majordomo.yaml",
            code="field_refused",
            param=min(refused),
        )
    alias = body.get("model")
    if not isinstance(alias, str) or not alias:
        raise ClientError("`model` must be a non-empty string, `auto` for example", param="model")
    _check_messages(body.get("messages"))
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise ClientError("`stream` must be true or false", param="stream")
    if not _NUMBERED.isdisjoint(body):
        _check_numbers(body)
    if not _LISTED.isdisjoint(body):
        _check_lists(body)
    options = body.get("stream_options")
    return ChatRequest(
        id=exchange_id,
        raw=raw,
        body=body,
        alias=alias,
        stream=stream is True,
        include_usage=options is not None and _wants_usage(options),
        created=int(time.time()),
    )


def _wants_usage(options: object) -> bool:
    if not isinstance(options, dict):
        return False
    return cast("dict[str, Any]", options).get("include_usage") is True


def _decode(raw: bytes) -> Mapping[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ClientError(f"the body is not valid JSON: {error}", code="bad_json") from None
    if not isinstance(body, dict):
        raise ClientError("the body must be a JSON object", code="bad_json")
    return cast("Mapping[str, Any]", body)


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise ClientError("`messages` must be a non-empty list", param="messages")
    if len(cast("list[object]", messages)) > _MESSAGES:
        raise ClientError(f"`messages` holds more than {_MESSAGES}", param="messages")
    n = 0
    for message in cast("list[Any]", messages):
        try:
            role = message.get("role")
        except AttributeError:  # of all JSON values only objects have it
            role = None
        if type(role) is str and role in _ROLES:
            n += 1
        else:
            shown = f"{role!r:.40}" if role is not None else "missing"
            raise ClientError(
                f"`messages[{n}].role` is {shown}; it must be one of {', '.join(sorted(_ROLES))}",
                param=f"messages[{n}].role",
            )


def _check_numbers(body: Mapping[str, Any]) -> None:
    for name, low, high, whole in _NUMBERS:
        value = body.get(name)
        if value is None:
            continue
        kind = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value):
            word = "a whole number" if whole else "a number"
            raise ClientError(f"`{name}` must be {word}", param=name)
        if not low <= value <= high:
            raise ClientError(f"`{name}` must be between {low} and {high}", param=name)


def _check_lists(body: Mapping[str, Any]) -> None:
    tools = body.get("tools")
    if tools is not None and not isinstance(tools, list):
        raise ClientError("`tools` must be a list", param="tools")
    stop = body.get("stop")
    if isinstance(stop, list) and len(cast("list[object]", stop)) > _STOPS:
        raise ClientError(f"`stop` holds more than {_STOPS} sequences", param="stop")
