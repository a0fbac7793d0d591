"""What judges said, as it lies on disk: the trainer writes it, exports and forgetting read it.

    training/
      .lock             held while judges are asked (and while a cycle runs)
      judgements/
        answers.jsonl   every question and answer, a line each (`trainer.judges.ledger`); each line
                        names the `exchanges` whose words were shown, or is `forgotten`
        pairs.jsonl     replies that judges prefer, made anew of the answers: {"chosen": ID,
                        "rejected": ID}

Reading passes over what is no such line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import orjson

from capture.narrowing import Json, Malformed, list_of, read_object, text_of

DIRECTORY, ANSWERS, PAIRS = "judgements", "answers.jsonl", "pairs.jsonl"
_PAID = ("event", "request", "at", "reserve_usd", "cost_usd")
"""What a forgotten line keeps: none of it says what was judged."""


def preferred(training: Path) -> list[tuple[str, str]]:
    """The pairs that judges made: ids of the chosen exchange and of the rejected one."""
    found: list[tuple[str, str]] = []
    for line in lines(training / DIRECTORY / PAIRS):
        chosen, rejected = text_of(line.get("chosen")), text_of(line.get("rejected"))
        if chosen and rejected:
            found.append((chosen, rejected))
    return found


def lines(file: Path) -> Iterator[Json]:
    """The JSON objects in a file of lines, one at a time; those that a kill cut short are passed
    over. None where there is no file."""
    try:
        opened = file.open("rb")
    except OSError:
        return
    with opened:
        for line in opened:
            try:
                yield read_object(line)
            except Malformed:
                continue


def forget(training: Path, ids: AbstractSet[str], replace: Callable[[Path, bytes], None]) -> None:
    """Take out every line about one of these exchanges, by `replace`, which puts a file's new bytes
    in its place; of a question and its answer what was paid stays. Doing it again does no more.
    Raises OSError."""
    for name in (ANSWERS, PAIRS):
        file = training / DIRECTORY / name
        if not file.exists():
            continue
        said = file.read_bytes().splitlines(keepends=True)
        kept = [line if ids.isdisjoint(_about(line)) else _money(line) for line in said]
        if kept != said:
            replace(file, b"".join(kept))


def _money(line: bytes) -> bytes:
    said = read_object(line)
    paid = {name: said[name] for name in _PAID if name in said}
    return orjson.dumps({**paid, "forgotten": True}) + b"\n" if paid else b""


def _about(line: bytes) -> Iterable[str]:
    try:
        said = read_object(line)
    except Malformed:
        return ()
    named = (*list_of(said.get("exchanges")), said.get("chosen"), said.get("rejected"))
    return [each for each in named if isinstance(each, str)]
