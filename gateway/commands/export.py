"""`majordomo export`: what was asked and answered, as training data with a manifest.

The store is read directly, so this works whether or not a gateway runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from capture.exchange import Mode
from capture.exports import Export, Filters, Format, Left, Source, made, write_export
from capture.exports.manifest import plain_export
from capture.outcomes import OutcomeName
from capture.redact import Redactor
from capture.store import Store, StoreError
from capture.trainable import TrainableTurn
from gateway.commands.console import clean, fail, say, say_json
from gateway.commands.household import redactor_of, settings_of
from gateway.home import Home
from gateway.version import VERSION

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the command line asks for; None is no filter."""

    format: Format
    outcome: OutcomeName | None = None
    mode: Mode | None = None
    skill: str | None = None
    since: str | None = None
    """A day or time in ISO 8601, UTC unless it says otherwise; included."""
    until: str | None = None
    """The same, excluded."""
    private: bool = False


def export(home: Home, chosen: Chosen, out: str, *, as_json: bool) -> None:
    """Write the export into the directory `out`, or its rows to standard output for `-`."""
    filters = Filters(
        outcome=chosen.outcome,
        mode=None if chosen.mode is None else chosen.mode.value,
        skill=chosen.skill,
        since=moment(chosen.since, "--since"),
        until=moment(chosen.until, "--until"),
        private=chosen.private,
    )
    if out == STDOUT and as_json:
        fail("`--json` tells what was written to a directory; with `--out -` the rows are JSON")
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        cleaned_by = redactor_of(home, settings_of(home))
        source = Source(_turns(store, cleaned_by, chosen, filters), cleaned_by, filters)
        if out == STDOUT:
            _print(source, chosen.format)
        else:
            directory = Path(out) if out else home.exports / chosen.format
            _told(
                write_export(source, chosen.format, directory, VERSION), directory, as_json=as_json
            )
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(f"cannot write the export: {error}")
    finally:
        store.close()


def moment(text: str | None, option: str) -> float | None:
    """Unix seconds of a day or time as people type it."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        fail(f"{option} {text!r} is no day or time: write 2026-11-21, or 2026-11-21T18:30")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _turns(
    store: Store, cleaned_by: Redactor, chosen: Chosen, filters: Filters
) -> Iterator[TrainableTurn]:
    return store.trainable(
        cleaned_by,
        outcome=chosen.outcome,
        modes=None if chosen.mode is None else (chosen.mode,),
        skill=filters.skill,
        since=filters.since,
        until=filters.until,
    )


def _print(source: Source, format: Format) -> None:
    for row in made(source, format):
        if not isinstance(row, Left):
            sys.stdout.buffer.write(row.line + b"\n")
    sys.stdout.buffer.flush()


def _told(written: Export, directory: Path, *, as_json: bool) -> None:
    if as_json:
        say_json({"directory": str(directory.absolute()), **plain_export(written)})
        return
    rows = f"{written.rows:,} row{'' if written.rows == 1 else 's'}"
    say(f"{rows} in {clean(directory / written.file)}, sha256 {written.sha256}")
    for why, number in written.left_out.items():
        say(f"{number:,} left out: {_WHY.get(why, why)}")


_WHY = {
    "private": "private; `--private` takes them in",
    "review": "an agent's review of a conversation, not a part of it",
    "secret": "a secret was still in the row; please report what kind it is",
    "messages": "nothing was asked or answered",
    "tools": "the tools offered are no list of objects",
    "content": "more than text was said",
    "arguments": "a tool call's arguments are no JSON object",
}
