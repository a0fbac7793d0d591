"""Do a tool call's arguments fit the schema its tool declares? Pure.

Schemas are the client's own and run on the path of its request, so they get neither the network nor
much time: references lead nowhere outside the schema, regular expressions are not run (one can
stall a process), and a schema that takes too long, or is none, judges nothing. Most schemas are
plain and most arguments fit them: that is seen without the library, thirty times as fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any

import orjson

from capture.narrowing import Json, list_of, object_of

_SHOWN = 64
"""Most characters of a name that is repeated."""
_REFERENCES = 1000
"""References followed for one call before its schema judges nothing."""
_COMPARED = 100
"""Items of a list that `uniqueItems` compares, each with each."""

_DEPTH = 16
"""Levels of nesting up to which a plain schema is held against a value without the library."""
_PLAIN = frozenset(
    {"type", "properties", "required", "enum", "items", "additionalProperties"}
    | {"description", "title", "default", "examples"}
)
"""Keywords that `_plainly_fits` knows; a schema with any other is left to the library."""
_TYPES: Mapping[str, type] = {
    "string": str,
    "boolean": bool,
    "object": dict,
    "array": list,
    "integer": int,
    "number": float,
}

_left: ContextVar[int] = ContextVar("references_left")


class _TooMuch(Exception):
    """The schema takes too long."""


def misfit(arguments: Json, schema: Json) -> str | None:
    """How the arguments break the schema, as the end of a sentence about them and without their
    values; None when they fit it."""
    if _plainly_fits(arguments, schema, _DEPTH):
        return None
    _left.set(_REFERENCES)
    try:
        error = next(iter(_validator()(schema).iter_errors(arguments)), None)
    except Exception:  # somebody else's schema: one that cannot be evaluated judges nothing
        return None
    return None if error is None else _told(error)


def warm() -> None:
    """Load the schema library (0.1 s) ahead of the first request that needs it."""
    _validator()


def shown(name: object) -> str:
    """A name from outside, fit for a record."""
    text = str(name)[:_SHOWN]
    if text.isprintable() and "`" not in text:
        return text
    return "".join(c for c in text if c.isprintable() and c != "`")


def _plainly_fits(held: Any, schema: Any, depth: int) -> bool:
    """Whether a value certainly fits; False says no more than that the library must be asked."""
    declared = object_of(schema)
    if not depth or declared is None or not _PLAIN.issuperset(declared):
        return False
    if "type" in declared and not _is_of(held, declared["type"]):
        return False
    choices = declared.get("enum")
    if choices is not None and not (isinstance(held, str) and held in list_of(choices)):
        return False
    if isinstance(held, str | int | float):
        return True
    fields = object_of(held)
    if fields is not None:
        return _object_fits(fields, declared, depth)
    if "items" not in declared:
        return True
    return all(_plainly_fits(item, declared["items"], depth - 1) for item in list_of(held))


def _object_fits(held: Json, schema: Json, depth: int) -> bool:
    known, required = object_of(schema.get("properties", {})), schema.get("required", [])
    more = schema.get("additionalProperties", True)
    if known is None or not isinstance(required, list):
        return False
    for name in list_of(schema.get("required")):
        if not isinstance(name, str) or name not in held:
            return False
    if more is not True and not (more is False and held.keys() <= known.keys()):
        return False
    for name, item in held.items():
        if name in known and not _plainly_fits(item, known[name], depth - 1):
            return False
    return True


def _is_of(held: object, name: object) -> bool:
    """Whether a value is of a type by its one name; a number written whole is left open."""
    wanted = _TYPES.get(name) if isinstance(name, str) else None
    return wanted is not None and (type(held) is wanted or (name == "number" and type(held) is int))


def _told(error: Any) -> str:
    """A validation error in our words: names and the schema's own, never the model's values."""
    path = ".".join(shown(step) for step in error.absolute_path)
    where = f"do not fit at `{path}`" if path else "do not fit"
    match error.validator:
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            return f"{where}: {', '.join(f'`{shown(name)}`' for name in missing)} missing"
        case "type":
            return f"{where}: not of type {shown(orjson.dumps(error.validator_value).decode())}"
        case "enum" | "const":
            return f"{where}: none of the values allowed"
        case "additionalProperties":
            return f"{where}: an argument that is not declared"
        case _:
            return f"{where}: `{shown(error.validator)}` is broken"


@cache
def _validator() -> Callable[[Json], Any]:
    """Makes a validator of a schema: JSON Schema 2020-12, its dangerous keywords taken in hand."""
    import jsonschema.validators
    import referencing

    library: Any = jsonschema.validators
    references: Any = referencing
    base = library.Draft202012Validator
    known: Mapping[str, Callable[..., Iterable[Any] | None]] = base.VALIDATORS
    unrun = ("pattern", "patternProperties", "unevaluatedProperties", "$dynamicRef")

    def reference(*held: Any) -> Iterable[Any]:
        left = _left.get() - 1
        if left < 0:
            raise _TooMuch
        _left.set(left)
        return known["$ref"](*held) or ()

    def additional(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterable[Any]:
        if "patternProperties" in schema:  # which ones those are, a pattern would say
            return ()
        return known["additionalProperties"](validator, wanted, instance, schema) or ()

    def unique(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterable[Any]:
        if hasattr(instance, "__len__") and len(instance) > _COMPARED:
            return ()
        return known["uniqueItems"](validator, wanted, instance, schema) or ()

    def nothing(*_: Any) -> Iterable[Any]:
        return ()

    kind = library.extend(
        base,
        {
            **dict.fromkeys(unrun, nothing),
            "$ref": reference,
            "additionalProperties": additional,
            "uniqueItems": unique,
        },
    )
    registry = references.Registry()  # empty: nothing is ever fetched
    return lambda schema: kind(schema, registry=registry)
