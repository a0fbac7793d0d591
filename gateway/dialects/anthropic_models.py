"""What each Claude model takes, read off its name: limits, thinking, sampling, prefill.

The recorded `GET /v1/models` answers state output limits, thinking forms and effort levels; a test
holds this table to them. What they do not state (sampling, prefill, forced tool use, system
messages between turns, thinking bound to its conversation) follows Anthropic's migration guides. A
Claude name without a version is taken for the newest and strictest; a name that is not Claude's
(another server that speaks the Messages API) for a lenient one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Traits:
    """What one model takes."""

    max_output_tokens: int | None
    """Most tokens it may generate; None when unknown, which never clamps."""
    thinking: Literal["none", "budget", "adaptive"]
    """How thinking is asked for: not at all, with a token budget, or with an effort level."""
    thinks_unasked: bool
    """Thinking is on when a request does not mention it."""
    thinking_off: Literal["omit", "disabled", "between_tools"] | None
    """How thinking is turned off: by saying nothing, or by this type; None when it cannot be."""
    efforts: tuple[str, ...]
    """Effort levels it knows, least first; empty when it has none."""
    sampling: bool
    """Takes temperature, top_p and top_k."""
    prefill: bool
    """Continues a final assistant message."""
    forced_tools: bool
    """Takes a tool_choice that forces a call."""
    inline_system: bool
    """Takes system messages between the turns."""
    structured_outputs: bool
    """Takes a JSON schema for its answer, and strict tools."""
    bound_thinking: bool
    """Refuses its own thinking when anything before it has changed since."""


_NAME = re.compile(
    r"claude-(?:(?P<family>[a-z]+)-)?(?P<major>\d{1,2})(?!\d)"
    r"(?:[-.](?P<minor>\d{1,2})(?!\d))?(?:-(?P<late_family>[a-z]+))?"
)
_NEWEST: Version = (99, 0)

_LENIENT = Traits(
    max_output_tokens=None,
    thinking="budget",
    thinks_unasked=False,
    thinking_off="omit",
    efforts=(),
    sampling=True,
    prefill=True,
    forced_tools=True,
    inline_system=False,
    structured_outputs=True,
    bound_thinking=False,
)


@lru_cache(maxsize=256)
def traits(model: str) -> Traits:
    """What the model of this name takes."""
    name = model.lower()
    if "claude" not in name:
        return _LENIENT
    match = _NAME.search(name)
    if match is None:
        return _claude("", _NEWEST)
    family = match["family"] or match["late_family"] or ""
    return _claude(family, (int(match["major"]), int(match["minor"] or 0)))


def _claude(family: str, version: Version) -> Traits:
    fable = family in {"fable", "mythos"}
    strict = version >= ((5, 1) if fable else (5, 5))
    return Traits(
        max_output_tokens=_max_output_tokens(family, version),
        thinking="adaptive" if version >= (4, 6) else "budget" if version >= (3, 7) else "none",
        thinks_unasked=version >= (5, 0),
        thinking_off=_thinking_off(family, version),
        efforts=_efforts(version),
        sampling=version < (4, 7),
        prefill=version < (4, 6),
        forced_tools=not strict or family == "haiku",
        inline_system=version >= (4, 8) and (family, version) != ("sonnet", (5, 0)),
        structured_outputs=version >= (4, 1),
        bound_thinking=strict,
    )


def _max_output_tokens(family: str, version: Version) -> int:
    if version >= (4, 6):
        return 128_000
    if family == "opus" and (4, 0) <= version < (4, 5):
        return 32_000
    if version >= (3, 7):
        return 64_000
    return 8_192 if version >= (3, 5) else 4_096


def _thinking_off(
    family: str, version: Version
) -> Literal["omit", "disabled", "between_tools"] | None:
    if version < (5, 0):
        return "omit"
    if family == "haiku":
        return "disabled"
    if family == "sonnet":
        return "between_tools" if version >= (5, 5) else "disabled"
    return "disabled" if family == "opus" and version < (5, 5) else None


def _efforts(version: Version) -> tuple[str, ...]:
    if version >= (4, 7):
        return ("low", "medium", "high", "xhigh", "max")
    return ("low", "medium", "high", "max") if version >= (4, 6) else ()
