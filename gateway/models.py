"""The model names clients may ask for, as OpenAI model objects with a true `context_length`.

`auto` may be answered anywhere the policy allows, so it advertises the longest context among them:
a prompt that only one place can hold is sent there. Hermes Agent refuses to start under 64,000.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from routers.escalation import AUTO
from routers.features import Fleet, Place


def list_models(fleet: Fleet, created: int) -> list[dict[str, Any]]:
    """Every name, `auto` first; `context_length` is left out where it is unknown."""
    entries = [_entry(AUTO, _longest(fleet.places), "majordomo", created)]
    entries += [
        _entry(place.mode.value, place.context_length, place.upstream, created, place.model)
        for place in fleet.places
        if place.mode is not None
    ]
    entries += [
        _entry(name, place.context_length, place.upstream, created, place.model)
        for name, place in fleet.named.items()
    ]
    return entries


def _longest(places: Iterable[Place]) -> int | None:
    return max((p.context_length for p in places if p.context_length is not None), default=None)


def _entry(
    name: str, context_length: int | None, owner: str, created: int, answers: str | None = None
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": owner,
    }
    if answers is not None:
        entry["root"] = answers
    if context_length is not None:
        entry["context_length"] = context_length
    return entry
