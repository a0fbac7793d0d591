"""The store's trainable turns as files that other programs train on.

    chat       one row per turn, as `mlx_lm.lora` reads it; only the last message is trained
    sharegpt   one row per conversation, in the form of Hermes Agent's trajectories

The same turns always give the same bytes; rows come and go one at a time, whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from capture.exports import chat, sharegpt
from capture.exports.manifest import Export, Filters, Left, Made, write
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


@dataclass(frozen=True, slots=True)
class Source:
    """Turns to export, and how they were chosen."""

    turns: Iterable[TrainableTurn]
    """By exchange id; read once."""
    filters: Filters = field(default_factory=Filters)


def made(source: Source, format: Format) -> Iterator[Made | Left]:
    """The rows of these turns, and what is no row. Chat rows come in the order of exchange ids,
    conversations in that of their first exchange's."""
    make = chat.rows if format is Format.CHAT else sharegpt.rows
    return make(_allowed(source))


def write_export(source: Source, format: Format, directory: Path, version: str) -> Export:
    """Write the data file and, last, its manifest into `directory`; what an earlier export left
    there is replaced. Raises OSError."""
    return write(
        made(source, format),
        directory=directory,
        format=format,
        file=FILES[format],
        filters=source.filters,
        version=version,
    )


def _allowed(source: Source) -> Iterator[TrainableTurn | Left]:
    """The turns that may leave the store: files are made to be taken elsewhere."""
    for turn in source.turns:
        allowed = source.filters.private or not turn.private
        yield turn if allowed else Left(turn.id, "private")
