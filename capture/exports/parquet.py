"""What the rows of `chat` hold, and what is known of each exchange, as columns of a Parquet file.

Columns are typed; what has no one type in Parquet (messages, tools, the reply) is JSON text, said
as `capture.exports.chat` says it. Needs pyarrow, which nothing else does: it is the extra
`parquet`. Rows go out in groups, so memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import orjson

from capture.exports.chat import Json, as_line, row, row_by_row
from capture.exports.manifest import Left, Made, Written
from capture.trainable import TrainableTurn

INSTALL = "pip install 'majordomo-gateway[parquet]', or pip install pyarrow"
COLUMNS = {
    "exchange": "string",
    "conversation": "string",
    "began_at": "timestamp",
    "skill": "string",
    "mode": "string",
    "upstream": "string",
    "model": "string",
    "adapter": "string",
    "outcome": "string",
    "confidence": "double",
    "corrected": "bool",
    "evidence": "strings",
    "messages": "string",
    "reply": "string",
    "tools": "string",
}
"""Their types; `messages` are those before the reply."""
_GROUP_ROWS = 1000
_GROUP_BYTES = 16 << 20


def available() -> bool:
    """Whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


def rows(turns: Iterable[TrainableTurn | Left]) -> Iterator[Made | Left]:
    """A row per turn, or why there is none; what is left out already stays so."""
    return row_by_row(turns, _columns)


class Table:
    """Makes a Parquet file of such rows. Raises ImportError without pyarrow."""

    def __init__(self, file: Written) -> None:
        self._arrow: Any = import_module("pyarrow")
        self._schema = self._arrow.schema(
            [(name, self._type(kind)) for name, kind in COLUMNS.items()]
        )
        parquet: Any = import_module("pyarrow.parquet")
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._waiting: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, line: bytes) -> None:
        self._waiting.append(orjson.loads(line))
        self._bytes += len(line)
        if len(self._waiting) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._write()

    def finish(self) -> None:
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if self._waiting:
            table = self._arrow.Table.from_pylist(self._waiting, schema=self._schema)
            self._writer.write_table(table)
        self._waiting, self._bytes = [], 0

    def _type(self, kind: str) -> Any:
        types = {
            "string": self._arrow.string(),
            "strings": self._arrow.list_(self._arrow.string()),
            "double": self._arrow.float64(),
            "bool": self._arrow.bool_(),
            "timestamp": self._arrow.timestamp("us", tz="UTC"),
        }
        return types[kind]


def _columns(turn: TrainableTurn) -> Json:
    """Raises Unsayable."""
    said = row(turn.request, turn.reply)
    *messages, reply = said["messages"]
    return {
        "exchange": turn.id,
        "conversation": turn.conversation,
        "began_at": round(turn.began_at * 1_000_000),
        "skill": turn.skill,
        "mode": turn.mode,
        "upstream": turn.upstream,
        "model": turn.model,
        "adapter": turn.adapter,
        "outcome": turn.outcome,
        "confidence": turn.confidence,
        "corrected": turn.corrected,
        "evidence": turn.evidence,
        "messages": _text(messages),
        "reply": _text(reply),
        "tools": _text(said["tools"]) if "tools" in said else None,
    }


def _text(value: Any) -> str:
    return as_line(value).decode()
