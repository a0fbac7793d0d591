"""Parquet: the chat rows' facts as columns. What needs pyarrow skips without it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from capture.exports import Format, Made, Source, made, write_export
from capture.exports.parquet import COLUMNS
from tests.support.journals import capturing
from tests.support.kitchen import BEGAN, PLAN, TOOLS, evening, quarrel, user
from tests.support.memory import peak
from tests.support.turns import REDACTOR, turn


def test_a_row_has_every_column_and_no_other() -> None:
    (row,) = made(Source([turn("1")], REDACTOR), Format.PARQUET)
    assert isinstance(row, Made)
    assert list(json.loads(row.line)) == list(COLUMNS)


async def test_columns_are_typed_and_what_was_said_is_json_text(tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    with capturing(tmp_path / "home") as (journal, ingester, store):
        ids = [*evening(journal), *quarrel(journal)]
        assert await ingester.catch_up(30)
        written = write_export(
            Source(store.trainable(REDACTOR), REDACTOR), Format.PARQUET, tmp_path / "out", "0.1.0"
        )
    data = (tmp_path / "out" / "exchanges.parquet").read_bytes()
    assert (written.bytes, written.rows) == (len(data), len(ids))
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    table = parquet.read_table(tmp_path / "out" / "exchanges.parquet")
    rows = table.to_pylist()
    assert [row["exchange"] for row in rows] == ids
    assert rows[0]["began_at"] == datetime.fromtimestamp(BEGAN, UTC)
    assert rows[0]["evidence"] == ["tool_ok", "later_approval"]
    assert (rows[0]["skill"], rows[0]["mode"], rows[4]["corrected"]) == (None, "burst", True)
    assert json.loads(rows[0]["tools"]) == TOOLS
    assert json.loads(rows[0]["reply"])["reasoning_content"] == PLAN
    assert [message["role"] for message in json.loads(rows[0]["messages"])] == ["system", "user"]


def test_rows_go_out_in_groups(tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    given = Source((turn(f"{number:04}") for number in range(2500)), REDACTOR)
    assert write_export(given, Format.PARQUET, tmp_path, "0.1.0").rows == 2500
    file = parquet.ParquetFile(tmp_path / "exchanges.parquet")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [
        1000,
        1000,
        500,
    ]


def test_memory_holds_a_group_and_no_more(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

    def memory(number: int) -> int:
        said = {"messages": [user("x" * 200_000)]}

        def write() -> None:
            given = Source((turn(f"{each:04}", request=said) for each in range(number)), REDACTOR)
            write_export(given, Format.PARQUET, tmp_path, "0.1.0")

        return peak(write)

    assert memory(400) < memory(100) + 1_000_000
