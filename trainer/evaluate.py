"""Asking models the held-out requests: greedy, one child process per model.

What a model answered is kept, by its weights and the request, since the same weights always answer
the same: an incumbent was once a candidate, and a killed cycle need not ask again. Answers lie in
HOME/training/answers/WEIGHTS.jsonl.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from trainer.children import run_child
from trainer.files import make_private, replace
from trainer.gate import Compared
from trainer.rows import Row
from trainer.scoring import is_right, usable

LEAST_TOKENS = 48
"""An answer may always be this long."""

Answers = Mapping[str, Mapping[str, Any]]
"""Each request's key to the assistant message that answered it."""


@dataclass(frozen=True, slots=True)
class Model:
    """Weights to ask."""

    base: Path
    adapter: Path | None
    """Directory of the adapter; None for the base alone."""
    weights: str
    """Names the weights for ever: a prefix of their SHA-256."""


def useful(rows: Sequence[Row]) -> list[Row]:
    """The rows whose reply can tell a right answer from a wrong one."""
    return [row for row in rows if usable(row.reply)]


def answers(
    model: Model,
    rows: Sequence[Row],
    training: Path,
    cache: Path,
    heard: Callable[[int], None] = lambda _: None,
) -> Answers:
    """Each row's request answered; asks only what was not asked before. `heard` is told how many
    more are answered. Raises ChildFailed."""
    kept = make_private(training / "answers") / f"{model.weights}.jsonl"
    known = _read(kept)
    missing = {key_of(row): row for row in rows if key_of(row) not in known}
    if missing:
        asked = kept.with_suffix(".asked")
        replace(asked, b"".join(_request(row) + b"\n" for row in missing.values()))
        adapter = "-" if model.adapter is None else str(model.adapter)
        run_child(
            ["answer", str(model.base), adapter, str(asked), str(kept)],
            cache=cache,
            log=kept.with_suffix(".log"),
            heard=lambda line: _hear(line, heard),
        )
        known = _read(kept)
        asked.unlink(missing_ok=True)
    return {key_of(row): known[key_of(row)] for row in rows}


def key_of(row: Row) -> str:
    """What an answer is kept by."""
    return f"{row.request_key.hex()[:32]}-{_most_tokens(row)}"


def compare(
    rows: Sequence[tuple[bool, Row]], candidate: Answers, incumbent: Answers, base: Answers
) -> list[Compared]:
    """Each row (with whether it is of a base skill) and who answered it right."""
    return [
        Compared(
            skill=row.skill,
            base_skill=base_skill,
            candidate=is_right(candidate[key_of(row)], row.reply),
            incumbent=is_right(incumbent[key_of(row)], row.reply),
            base=is_right(base[key_of(row)], row.reply),
        )
        for base_skill, row in rows
    ]


def _request(row: Row) -> bytes:
    return orjson.dumps(
        {
            "key": key_of(row),
            "messages": row.messages[:-1],
            "tools": row.tools,
            "max_tokens": _most_tokens(row),
        }
    )


def _most_tokens(row: Row) -> int:
    """More than any right answer needs: a token holds a byte or more."""
    return LEAST_TOKENS + len(orjson.dumps(row.reply))


def _hear(line: str, heard: Callable[[int], None]) -> None:
    word, _, number = line.partition(" ")
    if word == "answered" and number.isdigit():
        heard(int(number))


def _read(file: Path) -> dict[str, Mapping[str, Any]]:
    """What is kept; a line that a kill cut short is passed over."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return {}
    known: dict[str, Mapping[str, Any]] = {}
    for line in lines:
        try:
            answer: Any = orjson.loads(line)
            known[answer["key"]] = answer["message"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
    return known
