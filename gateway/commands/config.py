"""`majordomo config check|show|schema`: the settings, checked, as they count, and their schema."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from gateway.commands.console import clean, fail, plain, say, say_json, say_plainly
from gateway.config import Loaded, load_file
from gateway.config_errors import ConfigErrors
from gateway.schema_gen import shipped_schema


def check(path: Path, *, as_json: bool) -> None:
    """Say whether the file is right; every fault, each with its line and column."""
    try:
        loaded = load_file(path)
    except ConfigErrors as error:
        if as_json:
            say_json({"ok": False, "errors": error.lines, "warnings": []})
            raise SystemExit(1) from None
        fail("\n".join(error.lines))
    if as_json:
        say_json({"ok": True, "errors": [], "warnings": loaded.warnings})
        return
    for warning in loaded.warnings:
        say(f"[yellow]warning:[/] {clean(warning)}")
    say(f"{clean(path)} is right.")


def show(path: Path, *, as_json: bool) -> None:
    """Print all settings as they count, defaults filled in. There are no secrets among them."""
    values = _load(path).settings.model_dump(mode="json", exclude_none=True)
    if as_json:
        say_json(values)
        return
    say_plainly(plain(as_yaml(values)))


def as_yaml(values: Mapping[str, Any]) -> str:
    """Plain values as YAML, in this order."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # pyright: ignore[reportAttributeAccessIssue]
    text = io.StringIO()
    writer.dump(values, text)  # pyright: ignore[reportUnknownMemberType]  # ruamel is untyped
    return text.getvalue()


def schema() -> None:
    """Print the JSON schema of majordomo.yaml."""
    sys.stdout.buffer.write(shipped_schema().encode())


def _load(path: Path) -> Loaded:
    try:
        return load_file(path)
    except ConfigErrors as error:
        fail("\n".join(error.lines))
