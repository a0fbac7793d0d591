"""`majordomo import FILE...`: what other programs recorded, kept as if it had been asked here.

Each file is looked through whole before anything of it is kept. The exchanges go to the running
gateway, which alone writes the journal; when none runs, the journal is taken as a gateway takes it.
Either way each is one record of the journal: what is cut short is completed by importing again.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from capture.exchange import Mode
from capture.imports import Format, NotThisFormat, conversations, detect
from capture.imports.source import opened
from capture.journal import JournalError
from capture.store import StoreError
from gateway.client import ClientTrouble
from gateway.commands.console import clean, console, fail, say, say_json
from gateway.commands.progress import bar
from gateway.home import Home
from gateway.import_home import ImportHome
from gateway.importing import Survey, exchanges, survey
from gateway.keys import KeysError

_ROOM = 2
"""Times its bytes that an import takes on disk: once in the journal, once in the store."""
_SPARE_BYTES = 256 << 20
_SHOWN = 20
"""Skipped lines shown; `--json` has more."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the command line asks for."""

    format: Format | None
    """None: found out."""
    mode: Mode | None = None
    """What the user says that the replies are; None goes by the models' names."""
    dry_run: bool = False


def run(home: Home, files: Sequence[Path], chosen: Chosen, *, as_json: bool) -> None:
    """Import each file; one that cannot be is told at the end, and spoils no other."""
    done: list[tuple[Path, Survey]] = []
    failed: list[str] = []
    try:
        with ImportHome(home) as into:
            for file in files:
                try:
                    found = _one(home, into, file, chosen, shown=not as_json)
                except NotThisFormat as error:
                    failed.append(f"{file}: {error}")
                else:
                    done.append((file, found))
                    if not as_json:
                        _show(file, found, dry_run=chosen.dry_run)
    except (ClientTrouble, KeysError, JournalError, StoreError, ValidationError) as error:
        fail(f"not all of it was imported ({error}); importing it again completes it")
    if as_json:
        say_json(_told(done, failed, dry_run=chosen.dry_run))
    if failed:
        fail("\n".join(failed))


def _one(home: Home, into: ImportHome, file: Path, chosen: Chosen, *, shown: bool) -> Survey:
    """Import one file. Raises NotThisFormat, also for one that cannot be read."""
    try:
        return _imported(home, into, file, chosen, shown=shown)
    except (JournalError, BrokenPipeError):
        raise
    except OSError as error:
        raise NotThisFormat(error.strerror or str(error)) from error


def _imported(home: Home, into: ImportHome, file: Path, chosen: Chosen, *, shown: bool) -> Survey:
    with opened(file) as source:
        kind = chosen.format or detect(source)
        if kind is None:
            raise NotThisFormat("it is in no format that is known here; `--format` names one")
        with bar(f"reading {file.name}", None, shown=shown) as counted:
            found = survey(counted(conversations(source, kind)), kind, into)
        if found.new and not chosen.dry_run:
            _make_room(home, found)
            with bar(f"importing {file.name}", len(found.new), shown=shown) as counted:
                held = conversations(source, kind)
                into.keep(counted(exchanges(held, kind, found.new, chosen.mode)))
    return found


def _make_room(home: Home, found: Survey) -> None:
    home.create()
    free = shutil.disk_usage(home.root).free
    if found.bytes * _ROOM + _SPARE_BYTES > free:
        fail(
            f"importing takes about {found.bytes * _ROOM / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB "
            "are free: nothing was imported"
        )


def _show(file: Path, found: Survey, *, dry_run: bool) -> None:
    new, known = len(found.new), len(found.known)
    word = "would be new" if dry_run else "new"
    say(
        f"{clean(file)}: {found.format}, {_some(found.conversations, 'conversation')}, "
        f"{_some(new + known, 'exchange')}: {new:,} {word}, {known:,} there already"
        + (f"; {found.bytes / 1e6:,.1f} MB" if dry_run else "")
    )
    errors = console(error=True)
    for each in found.skipped[:_SHOWN]:
        where = "" if each.line is None else f"line {each.line:,}: "
        errors.print(clean(f"{file}: {where}{each.why}; skipped"))
    if found.skipped_count > _SHOWN:
        errors.print(f"and {found.skipped_count - _SHOWN:,} more skipped; `--json` lists them")


def _told(
    done: Sequence[tuple[Path, Survey]], failed: Sequence[str], *, dry_run: bool
) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "files": [
            {
                "file": str(file),
                "format": found.format.value,
                "conversations": found.conversations,
                "exchanges": len(found.new) + len(found.known),
                "new": len(found.new),
                "known": len(found.known),
                "bytes": found.bytes,
                "skipped": [{"line": each.line, "why": each.why} for each in found.skipped],
                "skipped_count": found.skipped_count,
            }
            for file, found in done
        ],
        "failed": list(failed),
    }


def _some(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
