"""Whole escalation policies to begin with, by name: plain values, as `majordomo.yaml` has them.

`docs/escalation.md` has them as a table. What the user sets counts in place of what a preset says;
a preset's rules stand after the user's, since only `private` ones are among them, which are read to
the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

LOCAL_ONLY = "local-only"

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "frugal": {
        "default": "resting",
        "fallback": ["active", "resting", "burst"],
        "verify": "tool_calls",
        "budget": {"day_usd": 1.0, "month_usd": 20.0},
    },
    "balanced": {
        "default": "learned",
        "history": {"home_at": 0.7},
        "fallback": ["active", "resting", "burst"],
        "verify": "tool_calls",
        "budget": {"day_usd": 5.0, "month_usd": 50.0},
    },
    "careful": {
        "default": "learned",
        "history": {"home_at": 0.9},
        "max_quality_loss": 1.0,
        "fallback": ["burst", "active", "resting"],
        "verify": "tool_calls",
        "latch": {"minutes": 60.0},
    },
    LOCAL_ONLY: {
        "default": "resting",
        "fallback": ["active", "resting"],
        "verify": "tool_calls",
        "rules": [{"name": LOCAL_ONLY, "private": True}],
    },
}


_SECTIONS = frozenset({"history", "budget", "latch"})
"""Fields that are filled up field by field."""


def with_preset(given: object) -> object:
    """The policy as written, filled up with its preset; as it is where it names none that there is.

    Sections (`history`, `budget`, `latch`) are filled up field by field, all else counts whole.
    """
    if not isinstance(given, dict):
        return given
    own = cast("dict[str, Any]", given)
    name = own.get("preset")
    preset = PRESETS.get(name) if isinstance(name, str) else None
    if preset is None:
        return own
    whole = {**preset, **own}
    for field in _SECTIONS & preset.keys() & own.keys():
        if isinstance(own[field], dict):
            whole[field] = {**preset[field], **own[field]}
    if isinstance(rules := own.get("rules"), list | tuple):
        written = cast("Sequence[object]", rules)
        whole["rules"] = [*written, *_missing(preset.get("rules", ()), written)]
    return whole


def _missing(rules: Sequence[dict[str, Any]], written: Sequence[object]) -> list[dict[str, Any]]:
    """Those of a preset's rules that are not written out already, as `config show` does."""
    return [rule for rule in rules if not any(_is(rule, each) for each in written)]


def _is(rule: dict[str, Any], written: object) -> bool:
    if not isinstance(written, dict):
        return False
    said = cast("dict[str, Any]", written)
    return all(said.get(name) == value for name, value in rule.items()) and not said.get("when")
