"""Settings with faults, and what is left of them without.

So that every fault is told at once, checks across sections run on the valid remainder of a broken
file. Taking away list items shifts the later ones: `origin` leads back to where they were written.
"""

from __future__ import annotations

from typing import cast

from pydantic import ValidationError

from gateway.config_errors import schema_at
from gateway.yaml_source import Path

_GONE = object()
"""Stands in the data for what was found invalid."""


class Salvage:
    """Raw settings, some of them given up as invalid. Never changed: `without` makes a new one."""

    def __init__(self, data: object) -> None:
        self._data = data
        self._origins: dict[Path, Path] = {}
        self.kept = self._compact(data, (), ())
        """What remains, as plain values."""

    def without(self, error: ValidationError) -> Salvage:
        """The same without whatever `error`, raised for `kept`, complains of."""
        data = self._data
        for fault in error.errors():
            path = self.origin(fault["loc"])
            data = _pruned(data, path[:-1] if fault["type"] == "missing" else path)
        return Salvage(data)

    def origin(self, path: Path) -> Path:
        """The path in the file of a path in `kept`."""
        for length in range(len(path), 0, -1):
            before = self._origins.get(path[:length])
            if before is not None:
                return (*before, *path[length:])
        return path

    def _compact(self, value: object, path: Path, new: Path) -> object:
        if isinstance(value, dict):
            return {
                name: self._compact(inner, (*path, name), (*new, name))
                for name, inner in cast("dict[str, object]", value).items()
                if inner is not _GONE
            }
        if not isinstance(value, list):
            return value
        items: list[object] = []
        for n, inner in enumerate(cast("list[object]", value)):
            if inner is not _GONE:
                here = (*new, len(items))
                self._origins[here] = (*path, n)
                items.append(self._compact(inner, (*path, n), here))
        return items


def without_nulls(value: object, path: Path = ()) -> object:
    """A field without a value is a field left out; a named entry without one has no fields."""
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [without_nulls(item, (*path, n)) for n, item in enumerate(items)]
    if not isinstance(value, dict):
        return value
    entries = cast("dict[str, object]", value)
    # few files have such a field, and the schema takes a tenth of a second to make
    fields = schema_at(path).get("properties") if None in entries.values() else None
    kept: dict[str, object] = {}
    for name, inner in entries.items():
        if inner is not None:
            kept[name] = without_nulls(inner, (*path, name))
        elif fields is None:
            kept[name] = {}
        elif name not in fields:
            kept[name] = None
    return kept


def _pruned(value: object, path: Path) -> object:
    """`value` with whatever stands at `path`, or at the last step of it that exists, gone."""
    if not path:
        return {} if isinstance(value, dict) else _GONE
    step, rest = path[0], path[1:]
    if isinstance(value, dict) and step in value:
        fields = cast("dict[object, object]", value)
        return {**fields, step: _pruned(fields[step], rest) if rest else _GONE}
    if isinstance(value, list) and isinstance(step, int):
        items = cast("list[object]", value)
        inner = _pruned(items[step], rest) if rest else _GONE
        return [*items[:step], inner, *items[step + 1 :]]
    return _GONE
