"""`majordomo logs`: the gateway's own log for people."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

import orjson

from gateway.commands.console import clean, console, fail, plain
from gateway.home import Home

POLL_SECONDS = 0.25
_COLOURS = {"debug": "dim", "info": "", "warning": "yellow", "error": "red", "critical": "red"}
_OWN_COLUMNS = ("time", "level", "logger", "message", "error")


def logs(home: Home, *, lines: int, follow: bool, as_json: bool) -> None:
    """Show the last `lines` lines; with `follow` go on until stopped."""
    path = home.log_file
    if not path.exists():
        fail(f"there is no {path} yet: nothing has been served from this home")
    shown = _last(path, lines)
    for line in (*shown, *(_new(path) if follow else ())):
        if as_json:
            sys.stdout.write(plain(line) + "\n")
            sys.stdout.flush()
        else:
            console().print(pretty(line))


def pretty(line: str) -> str:
    """One JSON line as rich markup; a line that is none, cleaned, as it is."""
    try:
        value: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        return clean(line)
    if not isinstance(value, dict):
        return clean(line)
    record = cast("Mapping[str, Any]", value)
    level = str(record.get("level", ""))
    colour = _COLOURS.get(level, "")
    mark = f"[{colour}]{clean(level):<7}[/]" if colour else f"{clean(level):<7}"
    fields = " ".join(
        f"[dim]{clean(name)}=[/]{clean(field)}"
        for name, field in record.items()
        if name not in _OWN_COLUMNS and field is not None
    )
    error = record.get("error")
    trouble = _trouble(cast("Mapping[str, Any]", error)) if isinstance(error, dict) else ""
    said = clean(record.get("message", ""))
    return f"{_clock(record.get('time'))} {mark} {said} {fields}{trouble}"


def _trouble(error: Mapping[str, Any]) -> str:
    places = error.get("at")
    last = cast("list[object]", places)[-1:] if isinstance(places, list) else []
    where = f" at {clean(last[0])}" if last else ""
    message = f": {clean(error['message'])}" if error.get("message") else ""
    return f" [red]{clean(error.get('type', 'error'))}{message}[/]{where}"


def _clock(value: object) -> str:
    if not isinstance(value, int | float):
        return "--:--:--"
    try:
        return f"{datetime.fromtimestamp(value, UTC).astimezone():%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "--:--:--"


def _last(path: Path, lines: int) -> deque[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        return deque((line.rstrip("\n") for line in file), maxlen=lines)


def _new(path: Path) -> Iterator[str]:
    """Lines as they are written, from now on, in whichever file the log is rotated to."""
    at_end = True
    while True:
        with path.open(encoding="utf-8", errors="replace") as file:
            if at_end:
                file.seek(0, os.SEEK_END)
            yield from _until_replaced(file, path)
        at_end = False


def _until_replaced(file: TextIO, path: Path) -> Iterator[str]:
    rest = ""
    opened = os.fstat(file.fileno()).st_ino
    while True:
        replaced = _inode(path) not in (opened, None)
        rest += file.read()
        *whole, rest = rest.split("\n")
        yield from whole
        if replaced:
            return
        time.sleep(POLL_SECONDS)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
