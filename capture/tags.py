"""A client's own tags for a request: names to find it by later, in a header or the body's metadata.

`x-majordomo-tags: a, b`, or `metadata.tags` (names, or one text with commas) and `metadata.corpus`
(one name). What is no name is left out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

HEADER = "x-majordomo-tags"
MOST_TAGS = 16
"""Of one request."""

_NAME = re.compile(r"[a-z0-9._-]{1,64}")
"""A tag, in small letters; capitals count as small ones."""


def tags_of(headers: Mapping[str, str], metadata: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The tags of a request, each once, in order. Header names are in lower case; `metadata` is the
    body's, None where it has none."""
    said = [*headers.get(HEADER, "").split(",")]
    if metadata is not None:
        said += [*_names(metadata.get("tags")), *_names(metadata.get("corpus"))]
    names = (each.strip().lower() for each in said)
    return tuple(dict.fromkeys(name for name in names if _NAME.fullmatch(name)))[:MOST_TAGS]


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, list):
        return [each for each in cast("list[object]", value) if isinstance(each, str)]
    return []
