"""What is wrong with a settings file: every fault at once, each with its place and a suggestion.

Pydantic says what; the source says where; the schema says what else could stand there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from gateway.settings import Settings
from gateway.yaml_source import Mark, Path, Source

_SHOWN = 60
"""Most characters of a wrong value that a message repeats."""
_SECRET_FIELDS = frozenset({"api_key_env"})
"""Fields into which people paste a key by mistake: their values are never repeated."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to mend or to know, and where it stands."""

    mark: Mark
    message: str
    """One clause, no trailing full stop."""

    def at(self, file: str) -> str:
        """`file:line:column: message`, as compilers write it."""
        return f"{file}:{self.mark.line}:{self.mark.column}: {self.message}"


class ConfigErrors(Exception):
    """A settings file that cannot be used, with everything that is wrong with it, in order."""

    def __init__(self, file: str, findings: Iterable[Finding]) -> None:
        self.file = file
        self.findings = tuple(sorted(set(findings)))
        super().__init__("\n".join(self.lines))

    @property
    def lines(self) -> tuple[str, ...]:
        """Each fault as `file:line:column: message`."""
        return tuple(finding.at(self.file) for finding in self.findings)


def field_findings(
    error: ValidationError, source: Source, of: type[BaseModel] = Settings
) -> list[Finding]:
    """Pydantic's errors as findings, of a file that holds what `of` describes."""
    return [_finding(cast("Mapping[str, Any]", fault), source, of) for fault in error.errors()]


def suggestion(wrong: str, known: Sequence[str]) -> str:
    """`; did you mean ...?` where something known is close, else the list of what there is."""
    close = get_close_matches(wrong.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{next(k for k in known if k.lower() == close[0])}`?"
    if not known:
        return ""
    listed = ", ".join(f"`{k}`" for k in known[:12])
    return (
        f"; there {'is' if len(known) == 1 else 'are'} {listed}{', ...' if len(known) > 12 else ''}"
    )


def dotted(path: Path) -> str:
    """A path as people write it: `escalation.rules[0].when`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def schema_at(path: Path, of: type[BaseModel] = Settings) -> Mapping[str, Any]:
    """The part of the JSON schema that describes `path`; empty where nothing does."""
    node = _plain(_schema(of), of)
    for step in path:
        node = _plain(_below(node, step), of)
    return node


def _finding(fault: Mapping[str, Any], source: Source, of: type[BaseModel]) -> Finding:
    loc = cast("Path", fault["loc"])
    of_key = bool(loc) and loc[-1] == "[key]"
    path = loc[:-1] if of_key else loc
    field = str(path[-1]) if path else ""
    kind = cast("str", fault["type"])
    if kind == "extra_forbidden":
        where = f" in `{dotted(path[:-1])}`" if path[:-1] else ""
        known = list(schema_at(path[:-1], of).get("properties", {}))
        text = f"there is no field `{field[:_SHOWN]}`{where}{suggestion(field, known)}"
        return Finding(source.at(path, key=True), text)
    if kind == "missing":
        text = f"`{dotted(path[:-1])}` needs the field `{field}`"
        return Finding(source.at(path[:-1], key=True), text)
    if of_key:
        text = f"`{field[:_SHOWN]}` is no name: {_NAME_RULE}"
        return Finding(source.at(path, key=True), text)
    text = f"`{dotted(path) or 'the file'}` {_what(fault, kind, field)}"
    return Finding(source.at(path), text)


_NAME_RULE = "lower-case letters, digits, `.`, `_` and `-`, at most 64, a letter or digit first"

_PLAIN: Mapping[str, str] = {
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "string": "must be text; put it in quotes",
    "tuple": "must be a list",
    "dict": "must hold named entries (`name: ...`)",
    "model": "must hold fields (`name: value`)",
    "finite": "must be a finite number",
}


def _what(fault: Mapping[str, Any], kind: str, field: str) -> str:
    """What is wrong with a value, as the end of a sentence about it."""
    context = cast("Mapping[str, Any]", fault.get("ctx") or {})
    value = "" if field in _SECRET_FIELDS else f", not `{str(fault['input'])[:_SHOWN]}`"
    if kind in {"enum", "literal_error"}:
        known = re.findall(r"'([^']*)'", str(context.get("expected"))) or [str(context["expected"])]
        choice = " or ".join(f"`{k}`" for k in known)
        return f"must be {choice}{value}{_meant(str(fault['input']), known)}"
    if kind == "string_pattern_mismatch":
        if field in _SECRET_FIELDS:
            return "must be the NAME of an environment variable that holds the key, not the key"
        return f"must be a name ({_NAME_RULE}){value}"
    if kind == "value_error":
        return str(context["error"])
    bound = _bound(kind, context)
    if bound is not None:
        return f"must be {bound}{value}"
    if kind == "tuple_type" and isinstance(fault["input"], int | float):
        return f"must be text in quotes, or a list{value}"
    plain = _PLAIN.get(kind.partition("_")[0])
    return f"{plain}{value}" if plain is not None else str(fault["msg"])


def _bound(kind: str, context: Mapping[str, Any]) -> str | None:
    """The limit a number or a length missed; None for every other kind of error."""
    match kind:
        case "greater_than":
            return f"more than {context['gt']}"
        case "greater_than_equal":
            return f"{context['ge']} or more"
        case "less_than":
            return f"less than {context['lt']}"
        case "less_than_equal":
            return f"{context['le']} or less"
        case "string_too_short" | "too_short":
            return "given: it is empty"
        case "string_too_long":
            return f"{context['max_length']} characters or fewer"
        case "finite_number":
            return "a finite number"
        case _:
            return None


def _meant(wrong: str, known: Sequence[str]) -> str:
    close = get_close_matches(wrong.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


@cache
def _schema(of: type[BaseModel]) -> Mapping[str, Any]:
    return of.model_json_schema()


def _below(node: Mapping[str, Any], step: str | int) -> Mapping[str, Any]:
    """The schema of one field, entry or item of what `node` describes."""
    if isinstance(step, int):
        return node.get("items", {})
    fields = cast("Mapping[str, Mapping[str, Any]]", node.get("properties", {}))
    if step in fields:
        return fields[step]
    for entries in cast(
        "Mapping[str, Mapping[str, Any]]", node.get("patternProperties", {})
    ).values():
        return entries
    entry = node.get("additionalProperties")  # false for sections, a schema for named entries
    return cast("Mapping[str, Any]", entry) if isinstance(entry, Mapping) else {}


def _plain(node: Mapping[str, Any], of: type[BaseModel]) -> Mapping[str, Any]:
    """A schema node without references, and without the `or null` of optional fields."""
    while "$ref" in node:
        node = _schema(of)["$defs"][node["$ref"].rpartition("/")[2]]
    for option in node.get("anyOf", ()):
        if option.get("type") != "null":
            return _plain(option, of)
    return node
