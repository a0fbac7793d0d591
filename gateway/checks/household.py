"""The home itself: its modes, its keys, its settings file and schema, its journal and store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from capture.addresses import is_loopback
from capture.store import Store, StoreDamaged, StoreError
from gateway.checks import integrity
from gateway.checks.result import Check, ok
from gateway.config import Loaded, load_file
from gateway.config_errors import ConfigErrors
from gateway.home import Home
from gateway.keys import KeysError, load_keys
from gateway.schema_gen import shipped_schema
from gateway.settings import Settings

SHOWN = 5


def modes(home: Home) -> Iterator[Check]:
    """Whether the home is there and its owner's alone."""
    if not home.root.is_dir():
        yield Check("home", "note", f"there is no {home.root} yet", "`majordomo up` makes it")
        return
    owner = home.root.stat().st_uid
    if owner != os.getuid():
        text = f"{home.root} belongs to user {owner}, not to you (user {os.getuid()})"
        yield Check("home", "problem", text, "run as its owner, or choose another MAJORDOMO_HOME")
    problems = home.mode_problems()
    for problem in problems[:SHOWN]:
        if problem.found is None:
            text = f"{problem.path} is missing"
        else:
            text = f"others can get at {problem.path} (mode {problem.found:04o})"
        yield Check("home", "problem", text, f"make it {problem.wanted:04o}", fixable=True)
    if len(problems) > SHOWN:
        text = f"and {len(problems) - SHOWN} more paths"
        yield Check("home", "problem", text, "the same", fixable=True)
    if not problems and owner == os.getuid():
        yield ok("home", f"{home.root} is yours alone")


def settings(home: Home) -> tuple[Loaded | None, Sequence[Check]]:
    """The settings, if they are right, and all that is to be said of the file."""
    if not home.settings.exists():
        text = f"there is no {home.settings} yet"
        return None, [Check("settings", "note", text, "`majordomo up` writes one")]
    try:
        loaded = load_file(home.settings)
    except ConfigErrors as error:
        return None, [Check("settings", "problem", line, "mend the file") for line in error.lines]
    said = [Check("settings", "warning", line) for line in loaded.warnings]
    return loaded, [ok("settings", f"{home.settings} is right"), *said]


def schema(home: Home) -> Iterator[Check]:
    """Whether editors find the schema that majordomo.yaml names."""
    if not home.settings.exists():
        return
    try:
        current = home.schema.read_text(encoding="utf-8") == shipped_schema()
    except FileNotFoundError:
        text = f"{home.schema} is missing: editors cannot complete or check majordomo.yaml"
        yield Check("schema", "warning", text, "write it", fixable=True)
        return
    if current:
        yield ok("schema", "of this version")
    else:
        text = f"{home.schema} is of another version"
        yield Check("schema", "warning", text, "write it anew", fixable=True)


def keys(home: Home, found: Settings | None) -> Iterator[Check]:
    """Whether the keys can be read, and are there where one is needed."""
    try:
        entries = load_keys(home.keys)
    except KeysError as error:
        yield Check("keys", "problem", str(error))
        return
    host = None if found is None else found.server.host
    if not entries and host is not None and not is_loopback(host):
        text = f"the settings listen on {host}, which others can reach, and there is no key"
        yield Check("keys", "problem", text, "make one with `majordomo key create NAME`")
    elif entries:
        yield ok("keys", ", ".join(entry.name for entry in entries))
    else:
        yield ok("keys", "none: whoever is on this machine may ask, and nobody else")


@dataclass(frozen=True, slots=True)
class Books:
    """What the store told, for other checks."""

    newest: float | None
    """When the newest exchange began, Unix seconds; None when there is none."""


def books(home: Home) -> tuple[Books, Sequence[Check]]:
    """Whether the store can be read and the journal lost nothing."""
    if not home.database.exists():
        return Books(None), [ok("store", "nothing has been recorded yet")]
    try:
        store = Store.open_reader(home.database)
    except StoreDamaged as error:
        return Books(None), [Check("store", "problem", str(error), integrity.remedy(home))]
    except StoreError as error:
        remedy = "use the Majordomo that wrote it, or let this one serve once, which migrates it"
        return Books(None), [Check("store", "problem", str(error), remedy)]
    try:
        total = store.counts().get("total", 0)
        newest = next((row.began_at for row in store.exchanges(limit=1)), None)
        losses = store.losses()
    except SQLAlchemyError as error:
        text = f"the store cannot be read: {getattr(error, 'orig', None) or error}"
        return Books(None), [Check("store", "problem", text, integrity.remedy(home))]
    finally:
        store.close()
    said = [ok("store", f"{total:,} exchanges")]
    if losses:
        lost = sum(loss.bytes for loss in losses)
        text = f"{lost:,} bytes of the journal could not be read, last: {losses[-1].reason}"
        said.append(Check("journal", "warning", text, "look at the disk this home lies on"))
    else:
        said.append(ok("journal", "nothing lost"))
    return Books(newest), said
