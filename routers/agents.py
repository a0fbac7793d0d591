"""Which agent asks, as far as its headers say. Pure.

An agent may name itself (`x-majordomo-agent`). Else some are known by headers that only they send,
and every other by its title (`x-title`, which OpenRouter's clients send) or the product at the
head of its `user-agent`. Anyone can send any header: this tells agents apart, and keeps nobody out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

NAMED = "x-majordomo-agent"
"""The header with which an agent names itself."""
_TELLING = {"x-hermes-session-id": "hermes"}
"""Headers that one agent alone sends."""
_TITLE = "x-title"
_PRODUCT = "user-agent"
HEADERS = (NAMED, *_TELLING, _TITLE, _PRODUCT)
"""All that is looked at, lower case."""

_LONGEST = 64
_NO_WORD = re.compile(r"[^a-z0-9._]+")


def agent_of(headers: Mapping[str, str]) -> str | None:
    """The agent's name: small letters, digits, `.`, `_` and `-`; None where nothing tells."""
    named = _word(headers.get(NAMED, ""))
    if named:
        return named
    for header, agent in _TELLING.items():
        if header in headers:
            return agent
    product = headers.get(_PRODUCT, "").partition("/")[0].partition(" (")[0]
    return _word(headers.get(_TITLE, "")) or _word(product) or None


def _word(text: str) -> str:
    return _NO_WORD.sub("-", text[:_LONGEST].lower()).strip("-")
