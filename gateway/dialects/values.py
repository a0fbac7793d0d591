"""Other people's JSON, taken apart without trust: shapes are checked where they are read.

The dialects share these few helpers and nothing else. Nothing here knows a wire format.
"""

from __future__ import annotations

import json
from typing import Any, cast

import orjson

Json = dict[str, Any]
"""A JSON object of another party."""


def parse_json(data: bytes) -> object:
    """The JSON value in `data`; None when there is none. Half of a surrogate pair, which JSON
    allows and Unicode does not, becomes a question mark."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        mended = json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "replace")
        return orjson.loads(mended)
    except (ValueError, RecursionError):
        return None


def json_object(value: object) -> Json:
    """`value` if it is a JSON object, else an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def json_array(value: object) -> list[Any]:
    """`value` if it is a JSON array, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def json_string(value: object) -> str:
    """`value` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def json_count(value: object) -> int | None:
    """`value` if it is a whole number of things, else None: a bool or a negative is no count."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


class Notes:
    """What was dropped or repaired on the way, one clause each, in order and without repeats."""

    __slots__ = ("_clauses",)

    def __init__(self) -> None:
        self._clauses: dict[str, None] = {}

    def add(self, clause: str) -> None:
        self._clauses[clause] = None

    def all(self) -> tuple[str, ...]:
        return tuple(self._clauses)
