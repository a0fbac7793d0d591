"""Somebody else's JSON, narrowed: a value is what it should be, or it is not there.

Nothing raises but `loads` and `read_object`, for bytes that are no JSON. Pure. These run for every
chunk of every stream, so what the type checker would have cast is left to it to ignore.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

Json = Mapping[str, Any]
"""Somebody else's JSON object: every value is to be narrowed before use."""


class Malformed(ValueError):
    """Bytes that are not the JSON object they should be."""


def read_object(body: bytes) -> Json:
    """A body's JSON object as it is. Raises Malformed when it is none."""
    value: Any = loads(body)
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType]


def loads(data: bytes) -> object:
    """JSON, also with the lone surrogates that orjson refuses. Raises Malformed."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error


def dumps(value: object) -> str:
    """JSON text."""
    return orjson.dumps(value, default=str).decode()


def whole(text: str) -> str:
    """The text with surrogate pairs joined, also where a stream split them; a lone one becomes
    U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def object_of(value: Any) -> Json | None:
    """The value when it is an object."""
    return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType]


def list_of(value: Any) -> list[object]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def text_of(value: object) -> str | None:
    """The value when it is text, made whole."""
    return whole(value) if isinstance(value, str) else None


def count_of(value: object) -> int | None:
    """A whole number that is not negative; booleans are none."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None
