"""Do a tool call's arguments fit the schema its tool declares? Pure.

Schemas are the client's own and run on the path of its request, so they get neither the network nor
much time: references lead nowhere outside the schema, regular expressions are not run (one can
stall a process), and a schema that takes too long, or is none, judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any

import orjson

Json = Mapping[str, Any]

_SHOWN = 64
"""Most characters of a name that is repeated."""
_REFERENCES = 1000
"""References followed for one call before its schema judges nothing."""
_COMPARED = 100
"""Items of a list that `uniqueItems` compares, each with each."""

_left: ContextVar[int] = ContextVar("references_left")


class _TooMuch(Exception):
    """The schema takes too long."""


def misfit(arguments: Json, schema: Json) -> str | None:
    """How the arguments break the schema, as the end of a sentence about them and without their
    values; None when they fit it."""
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
    return "".join(c for c in str(name)[:_SHOWN] if c.isprintable() and c != "`")


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
