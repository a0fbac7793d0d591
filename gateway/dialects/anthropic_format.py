"""A wanted answer format, from `response_format` to a schema that Claude enforces.

Claude demands `additionalProperties: false` on every object of a schema (a recorded 400 says so);
OpenAI does so only in strict mode. It is added where it is absent, so that schemas written for
either work.
"""

from __future__ import annotations

from gateway.dialects.anthropic_models import Traits
from gateway.dialects.values import Json, Notes, json_array, json_object

_MOST_DEPTH = 64
"""Levels of a schema that are looked at; deeper ones go as they are."""
_BY_NAME = ("properties", "$defs", "definitions")
_BY_PLACE = ("anyOf", "allOf", "oneOf")


def output_schema(response_format: object, model: Traits, notes: Notes) -> Json | None:
    """The schema to enforce; None when the client wants none, or Claude cannot enforce it."""
    wanted = json_object(response_format)
    kind = wanted.get("type")
    if kind in (None, "text"):
        return None
    schema = json_object(json_object(wanted.get("json_schema")).get("schema"))
    if kind != "json_schema" or not schema:
        notes.add("Claude has no JSON mode without a schema; only the prompt asks for JSON")
        return None
    if not model.structured_outputs:
        notes.add("this model enforces no JSON schema; only the prompt asks for it")
        return None
    closed = _closed(schema, _MOST_DEPTH)
    if closed != schema:
        notes.add("additionalProperties: false was added to the schema, as Claude demands")
    return closed


def _closed(schema: Json, depth: int) -> Json:
    """The same schema with every object closed to further properties."""
    if depth == 0:
        return schema
    closed = dict(schema)
    for key in _BY_NAME:
        if key in closed:
            named = json_object(closed[key])
            closed[key] = {n: _closed(json_object(s), depth - 1) for n, s in named.items()}
    for key in _BY_PLACE:
        if key in closed:
            closed[key] = [_closed(json_object(s), depth - 1) for s in json_array(closed[key])]
    if isinstance(closed.get("items"), dict):
        closed["items"] = _closed(json_object(closed["items"]), depth - 1)
    if closed.get("type") == "object" and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    return closed
