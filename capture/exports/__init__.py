"""The store's trainable turns as files that other programs train on.

    chat       one row per turn, as `mlx_lm.lora` reads it; only the last message is trained
    sharegpt   one row per conversation, in the form of Hermes Agent's trajectories

The same turns always give the same bytes; rows come and go one at a time, whatever their number.
Turns come redacted, and each row is looked at once more as it is written: one in which anything is
found stays out, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import cast

from capture.exports import chat, sharegpt
from capture.exports.gather import Json, text_of
from capture.exports.manifest import Export, Filters, Left, Made, write
from capture.narrowing import loads
from capture.redact import Redactor
from capture.synthetic import asks_for_review
from capture.trainable import TrainableTurn

__all__ = ["FILES", "Export", "Filters", "Format", "Left", "Made", "Source", "made", "write_export"]


class Format(StrEnum):
    """What kind of rows."""

    CHAT = "chat"
    SHAREGPT = "sharegpt"


FILES: Mapping[Format, str] = {
    Format.CHAT: "train.jsonl",
    Format.SHAREGPT: "trajectories.jsonl",
}
"""Names of the data files: `train.jsonl` is where `mlx_lm.lora --data` looks."""


_ROWS: Mapping[Format, Callable[[Iterable[TrainableTurn | Left]], Iterator[Made | Left]]] = {
    Format.CHAT: chat.rows,
    Format.SHAREGPT: sharegpt.rows,
}


@dataclass(frozen=True, slots=True)
class Source:
    """Turns to export, and how they were chosen."""

    turns: Iterable[TrainableTurn]
    """By exchange id; read once."""
    redactor: Redactor
    """With which they were redacted, and their rows are looked at once more."""
    filters: Filters = field(default_factory=Filters)


def made(source: Source, format: Format) -> Iterator[Made | Left]:
    """The rows of these turns, and what is no row. Chat rows come in the order of exchange ids,
    conversations in that of their first exchange's. A row in which something is redacted still is
    none."""
    for row in _ROWS[format](_allowed(source)):
        if isinstance(row, Made) and source.redactor.finds(loads(row.line)):
            yield from (Left(exchange, "secret") for exchange in row.exchanges)
        else:
            yield row


def write_export(source: Source, format: Format, directory: Path, version: str) -> Export:
    """Write the data file and, last, its manifest into `directory`; what an earlier export left
    there is replaced. Raises OSError."""
    return write(
        made(source, format),
        directory=directory,
        format=format,
        file=FILES[format],
        filters=source.filters,
        redact=source.redactor.level,
        version=version,
    )


def _allowed(source: Source) -> Iterator[TrainableTurn | Left]:
    """The turns that go into files: what is private stays home, for files are made to be taken
    elsewhere; an agent's review of its conversation, forked off it, is none of its turns."""
    for turn in source.turns:
        if turn.private and not source.filters.private:
            yield Left(turn.id, "private")
        elif _is_review(turn):
            yield Left(turn.id, "review")
        else:
            yield turn


def _is_review(turn: TrainableTurn) -> bool:
    messages: object = turn.request.get("messages")
    entries = cast("list[object]", messages) if isinstance(messages, list) else []
    asked = (cast("Json", entry) for entry in reversed(entries) if isinstance(entry, dict))
    last = next((message for message in asked if message.get("role") == "user"), None)
    return last is not None and asks_for_review(text_of(last.get("content")))
