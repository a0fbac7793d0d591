"""How long rows are in a base's tokens: what is too long, or what its template refuses, must not
train. mlx-lm would cut off the end of a long row, which is the reply, and stop at a refused one.

Lengths are kept by base in HOME/training/lengths/BASE.jsonl, and only new rows are measured, by a
child process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from trainer.children import run_child
from trainer.files import make_private, replace
from trainer.rows import Row

Lengths = Mapping[str, int | None]
"""A row's SHA-256 to its tokens; None when the template refuses it."""


def measure(rows: Sequence[Row], base: Path, name: str, training: Path, cache: Path) -> Lengths:
    """Each row's length; `name` names the base for ever. Raises ChildFailed."""
    kept = make_private(training / "lengths") / f"{name}.jsonl"
    known = _read(kept)
    missing = {row.sha256: row for row in rows if row.sha256 not in known}
    if missing:
        asked = kept.with_suffix(".asked")
        replace(asked, b"".join(_line(row) + b"\n" for row in missing.values()))
        run_child(
            ["measure", str(base), str(asked), str(kept)],
            cache=cache,
            log=kept.with_suffix(".log"),
            heard=lambda _: None,
        )
        asked.unlink(missing_ok=True)
        known = _read(kept)
    return {row.sha256: known[row.sha256] for row in rows}


def fitting(rows: Sequence[Row], lengths: Lengths, most: int) -> list[Row]:
    """The rows that are no longer than `most` tokens."""
    return [row for row in rows if (lengths[row.sha256] or most + 1) <= most]


def _line(row: Row) -> bytes:
    return orjson.dumps({"key": row.sha256, "messages": row.messages, "tools": row.tools})


def _read(file: Path) -> dict[str, int | None]:
    """What is kept; a line that a kill cut short is passed over."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return {}
    known: dict[str, int | None] = {}
    for line in lines:
        try:
            measured: Any = orjson.loads(line)
            known[measured["key"]] = measured["tokens"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
    return known
