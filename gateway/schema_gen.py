"""Writes what is generated from `gateway.settings`: the JSON schema and `docs/settings.md`.

`python -m gateway.schema_gen` writes both in a checkout; a test fails while either is out of date.
The schema also ships inside the package, for `majordomo config schema` and for editors.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from capture.exchange import Mode
from gateway import setting_types
from gateway.settings import Section, Settings

SCHEMA_PATH = "gateway/schema/majordomo.schema.json"
DOCS_PATH = "docs/settings.md"
_TITLE = "majordomo.yaml"

_NAMED_TYPES: dict[object, str] = {
    setting_types.Name: "name",
    setting_types.EnvName: "name of an environment variable",
    setting_types.ModelName: "text",
    setting_types.Seconds: "seconds",
    setting_types.Usd: "US dollars",
    setting_types.Url: "http(s) address",
    setting_types.Host: "address or host name",
    setting_types.HostNames: "host name, or list of them",
    setting_types.Words: "text, or list of texts",
    setting_types.KeyNames: "name, or list of names",
    setting_types.KeyList: "name, or list of names",
    setting_types.Patterns: "pattern, or list of them",
    setting_types.Channels: "header names, each to a pattern or a list of them",
    setting_types.Windows: "part of the day, or list of them",
    setting_types.TimeOfDay: "time of day",
    setting_types.TimeZone: "time zone",
    setting_types.Thresholds: "patterns of skills, each to a number from 0 to 1",
    setting_types.SkillNames: "keys or patterns of keys, each to a name",
    setting_types.SkillPins: "patterns of skills, each to a mode",
    setting_types.ModeNames: "mode, or list of modes",
    setting_types.ModeOrder: "mode, or list of modes",
    setting_types.ToolNames: "true, false, tool name, or list of names",
    setting_types.HeaderNames: "header name, or list of them",
    setting_types.HeaderValues: "header names, each to a value, true or false",
    Mode: " or ".join(f"`{mode.value}`" for mode in Mode),
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
}


def schema_text() -> str:
    """The JSON schema of `majordomo.yaml`, as the file that ships holds it."""
    schema = Settings.model_json_schema()
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _TITLE,
        **{key: value for key, value in schema.items() if key != "title"},
    }
    return json.dumps(_tidy(schema), indent=2, ensure_ascii=False) + "\n"


def shipped_schema() -> str:
    """The schema file inside the installed package."""
    return resources.files("gateway").joinpath("schema/majordomo.schema.json").read_text("utf-8")


def docs_text() -> str:
    """The reference of all settings, in Markdown."""
    return "\n".join([*_DOCS_HEAD, *_section(Settings, "", 0, {})]).rstrip() + "\n"


def main() -> None:
    """Write both files below the current directory, a checkout's root."""
    for name, text in ((SCHEMA_PATH, schema_text()), (DOCS_PATH, docs_text())):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, "utf-8")


_DOCS_HEAD = (
    "# Settings",
    "",
    "Generated from `gateway/settings.py` by `python -m gateway.schema_gen`; change that, not",
    "this. How a request finds its model is told in [escalation.md](escalation.md).",
    "",
    "`majordomo.yaml` lies in Majordomo's home (`~/.majordomo`, or `MAJORDOMO_HOME`). It is YAML",
    "1.2 of at most 256 KiB, without tags and merge keys. A change is taken in a second or two;",
    "a file with mistakes changes nothing, and `majordomo config check` lists them all as",
    "`file:line:column`. Secrets are never written here: a setting names the environment variable",
    "that holds one. Durations are seconds, money is US dollars, days and months are UTC.",
    "",
)


def _tidy(node: object) -> object:
    """Without the titles pydantic makes up from field names; descriptions on one line."""
    if isinstance(node, list):
        return [_tidy(item) for item in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    tidy: dict[str, object] = {}
    for name, value in cast("dict[str, object]", node).items():
        if name == "description" and isinstance(value, str):
            tidy[name] = " ".join(value.split())
        elif name != "title" or not isinstance(value, str) or value == _TITLE:
            tidy[name] = _tidy(value)
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False  # names that break their pattern are refused
    return tidy


def _section(
    section: type[Section], path: str, depth: int, told: dict[type[Section], str]
) -> Iterator[str]:
    """One section's table, then the sections inside it. `told` are those described already."""
    told[section] = path
    if path:
        yield f"{'#' * min(1 + depth, 4)} `{path}`"
        yield ""
        yield _joined(section.__doc__)
        yield ""
    yield "| setting | value | default | meaning |"
    yield "|---|---|---|---|"
    inner: list[tuple[str, type[Section]]] = []
    for name, field in section.model_fields.items():
        below = _inner(field)
        meaning = _joined(field.description).replace("|", "\\|")
        kind = "" if below else _kind(field)
        if below is not None:
            below_path = f"{path}.{name}{below[1]}".lstrip(".")
            meaning = meaning or _joined(below[0].__doc__)
            kind = _link(told.get(below[0], below_path))
            if below[0] not in told:
                told[below[0]] = below_path
                inner.append((below_path, below[0]))
        yield f"| `{field.alias or name}` | {kind} | {_default(field)} | {meaning} |"
    yield ""
    for below_path, below_section in inner:
        yield from _section(below_section, below_path, depth + 1, told)


def _joined(text: str | None) -> str:
    return " ".join((text or "").split())


def _link(path: str) -> str:
    anchor = "".join(c for c in path.lower() if c.isalnum() or c in "-_")
    return f"[`{path}`](#{anchor})"


def _inner(field: FieldInfo) -> tuple[type[Section], str] | None:
    """The section a field holds, and how an entry of it is written below it."""
    for option in _options(field.annotation):
        origin, args = typing.get_origin(option), typing.get_args(option)
        if isinstance(option, type) and issubclass(option, Section):
            return option, ""
        if origin is dict and _is_section(args[1]):
            return args[1], ".NAME"
        if origin is tuple and _is_section(args[0]):
            return args[0], "[]"
    return None


def _is_section(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _options(annotation: object) -> list[Any]:
    """The alternatives of a type, None left out."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [o for o in typing.get_args(annotation) if o is not type(None)]
    return [annotation]


def _kind(field: FieldInfo) -> str:
    words = [_words(option, field) for option in _options(field.annotation)]
    return " or ".join(dict.fromkeys(words)) + _bounds(field)


def _words(option: object, field: FieldInfo) -> str:
    if typing.get_origin(option) is Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(option))
    each = typing.get_args(option)[:1] if typing.get_origin(option) is tuple else ()
    if each and typing.get_origin(each[0]) is Literal:
        return "list of " + ", ".join(f"`{value}`" for value in typing.get_args(each[0]))
    for known, words in _NAMED_TYPES.items():
        if option == known or (
            typing.get_args(known)[:1] == (option,) and _same_metadata(known, field)
        ):
            return words
    return _NAMED_TYPES.get(option, str(option))


def _same_metadata(known: object, field: FieldInfo) -> bool:
    """Whether a field was declared with the annotated type `known`, which pydantic takes apart."""
    probe = FieldInfo.from_annotation(cast("Any", known))
    return bool(probe.metadata) and probe.metadata == field.metadata


def _bounds(field: FieldInfo) -> str:
    signs = ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"), (Lt, "lt", "<"))
    found = [
        f"{sign} {getattr(limit, attribute):,}"
        for limit in field.metadata
        for kind, attribute, sign in signs
        if isinstance(limit, kind)
    ]
    return f" ({', '.join(found)})" if found else ""


def _default(field: FieldInfo) -> str:
    value: object = field.default
    if field.is_required():
        return "required"
    if value is PydanticUndefined or isinstance(value, Section) or value in (None, ()):
        return ""
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in cast("tuple[object, ...]", value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    main()
