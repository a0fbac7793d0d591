"""The machine under the home: Python, our import names, the disk, the clock, the house model."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from capture.adapters import base_sha256, servable
from gateway import ownership
from gateway.checks.result import Check, ok
from gateway.upstreams.house_model import changed_files, context_length, unusable

MB = 1024 * 1024
LITTLE_DISK = 1024 * MB
NO_DISK = 100 * MB
LEAST_PYTHON = (3, 11)
WRITTEN = 1_763_700_000.0
"""Unix seconds at which this was written: a clock before it is wrong."""
SKEW = 300.0


def python() -> Check:
    """Whether this Python is one we run on."""
    version = platform.python_version()
    if sys.version_info[:2] < LEAST_PYTHON:
        return Check(
            "python", "problem", f"Python {version} is too old", "use Python 3.11 or newer"
        )
    return ok("python", f"Python {version} on {platform.system()} {platform.machine()}")


def names() -> Iterator[Check]:
    """Whether the four import names are ours alone."""
    found = ownership.conflicts()
    for text in found:
        yield Check("names", "problem", text)
    if not found:
        yield ok("names", f"{', '.join(ownership.NAMES)} are Majordomo's own")


def disk(root: Path) -> Check:
    """Whether there is room for the journal and the store."""
    free = shutil.disk_usage(root).free
    text = f"{free / MB:,.0f} MB free where {root} lies"
    remedy = "free some: without room exchanges cannot be recorded, and requests are refused"
    if free < NO_DISK:
        return Check("disk", "problem", text, remedy)
    if free < LITTLE_DISK:
        return Check("disk", "warning", text, remedy)
    return ok("disk", text)


def clock(newest: float | None, now: float | None = None) -> Check:
    """Whether the clock can be right, given when the newest exchange was recorded."""
    now = time.time() if now is None else now
    said = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    remedy = "set the clock: budgets count by day and month, and ids sort by time"
    if now < WRITTEN:
        return Check("clock", "problem", f"the clock says {said}, which is past", remedy)
    if newest is not None and newest > now + SKEW:
        return Check("clock", "problem", f"exchanges were recorded after now, {said}", remedy)
    return ok("clock", said)


def house_model(model_dir: Path, *, used: bool) -> Sequence[Check]:
    """Whether the model that ships with Majordomo is whole and can be served here."""
    state = "problem" if used else "note"
    why = unusable(model_dir)
    if why is not None:
        remedy = "install Majordomo again, or `make house-model` in a checkout"
        return [Check("house-model", state, f"it cannot be served: {why}", remedy)]
    changed = changed_files(model_dir)
    if changed:
        text = f"its files are not those it was made with: {', '.join(changed)}"
        return [Check("house-model", "problem", text, "install Majordomo again")]
    length = context_length(model_dir)
    holds = "" if length is None else f", {length:,} tokens of context"
    verified = "whole" if changed is not None else "there (no hashes were recorded)"
    return [ok("house-model", f"{verified}{holds}")]


def adapter(directory: Path, model_dir: Path) -> Iterator[Check]:
    """Whether the incumbent adapter can be served on the house model."""
    choice = servable(directory, base_sha256(model_dir))
    if choice.refusal is not None:
        answers = "the base alone" if choice.adapter is None else f"adapter {choice.adapter.id}"
        text = f"{choice.refusal}; {answers} stands in for it"
        yield Check("adapter", "problem", text, "`majordomo adapters rollback`, or train again")
    elif choice.incumbent is not None:
        yield ok("adapter", f"adapter {choice.incumbent} is live, and whole")
