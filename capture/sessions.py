"""Which session a client says its request belongs to: a header of the settings' list, else a field.

A session is the client's own word for a conversation. What it names is data: it is compared, kept
and shown, never looked up anywhere. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

SESSION_HEADERS = (
    "x-session-id",
    "x-hermes-session-id",
    "x-session-affinity",
    "session-id",
    "helicone-session-id",
    "x-litellm-session-id",
)
"""Headers by which clients name a conversation, the most explicit first."""

MOST_CHARACTERS = 200
"""Of a session's name; a longer one is cut."""

_FIELDS = ("session_id", "litellm_session_id")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def session_of(
    headers: Mapping[str, str], body: Mapping[str, Any], names: Sequence[str] = SESSION_HEADERS
) -> str | None:
    """The session's name; None when the client gives none.

    `headers` are lower-case, and so are `names`. In the body `session_id` counts, at the top or in
    `metadata`, and a `prompt_cache_key` that is a UUID: others name a prompt, not a session.
    """
    for name in names:
        if name in headers and (named := _name(headers[name])):
            return named
    for fields in (body, body.get("metadata")):
        if isinstance(fields, dict):
            for field in _FIELDS:
                if named := _name(cast("Mapping[str, object]", fields).get(field)):
                    return named
    cached = body.get("prompt_cache_key")
    return cached if isinstance(cached, str) and _UUID.fullmatch(cached) else None


def _name(value: object) -> str | None:
    return value.strip()[:MOST_CHARACTERS] or None if isinstance(value, str) else None
