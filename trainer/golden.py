"""The golden set: what the base could do before any adapter, to practise and to test.

For the house model it is made by the code that made the model's own data, so there is no end of
it, and tests draw from phrasings and values that never train. For another base it is what lies in
HOME/golden/*.jsonl: rows as `trainer.rows` has them, with a `skill`; a stable fifth of them tests.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

import orjson

from capture.soul import Soul
from trainer.curate import is_held_out
from trainer.house import data, heldout
from trainer.rows import Row, row_of

TEST_SEED = 20
"""Of the house model's held-out requests: the same in every cycle, so that figures compare."""
TEST_SHARE = 0.2
SHORT_SHARE = 0.75
"""Share of the house model's training rows that have one exchange and few tools."""
FEW_TOOLS = 5


class Golden(Protocol):
    """Where golden rows come from."""

    def training(self, count: int, seed: int) -> list[Row]:
        """`count` rows to mix in, the same for the same seed; fewer where there are fewer."""
        ...

    def test(self, per_skill: int) -> list[Row]:
        """Held-out rows, never among those that train."""
        ...

    def row(self, id_: str) -> Row | None:
        """A training row by its id, for rebuilding a dataset; None when it is gone."""
        ...


@dataclass(frozen=True)
class HouseGolden:
    """Of the house model; made by code."""

    def training(self, count: int, seed: int) -> list[Row]:
        return [_made(f"golden:house:{seed}:{number}") for number in range(count)]

    def test(self, per_skill: int) -> list[Row]:
        wanted = {heldout.SEEN, heldout.WORDING, heldout.PRODUCTION}
        wanted |= {"talk, seen phrasing", "tool results"}
        found = [case for case in heldout.cases(per_skill, TEST_SEED) if case.group in wanted]
        return [_tested(number, case) for number, case in enumerate(found)]

    def row(self, id_: str) -> Row | None:
        return _made(id_) if id_.startswith("golden:house:") else None


def _made(id_: str) -> Row:
    """A training row. The last reply alone is trained, so most rows have no more before it than
    they need: what a row costs is its length."""
    dice = random.Random(id_)  # noqa: S311 - data, no secrets
    made = data.training_conversation(dice)
    *asked, reply = made.messages
    tools = made.tools
    if dice.random() < SHORT_SHARE:
        last = max(at for at, message in enumerate(asked) if message["role"] == "user")
        asked = [*(each for each in asked[:1] if each["role"] == "system"), *asked[last:]]
        tools = _few(tools, [*asked, reply])
    row = row_of(id_, id_, "base", {"messages": asked, "tools": tools}, reply)
    assert row is not None, "the house model's own data is always trainable"
    return row


def _few(tools: list[data.Json], messages: list[data.Json]) -> list[data.Json]:
    """The tools that are called, and as many others as make `FEW_TOOLS`, in their order."""
    called = {call["function"]["name"] for each in messages for call in each.get("tool_calls", ())}
    others = [tool for tool in tools if tool["function"]["name"] not in called]
    kept = others[: max(0, FEW_TOOLS - len(called))]
    return [tool for tool in tools if tool["function"]["name"] in called or tool in kept]


def _tested(number: int, case: heldout.Case) -> Row:
    id_ = f"golden:house:test:{number}"
    body = {"messages": case.messages, "tools": case.tools}
    row = row_of(id_, id_, case.label, body, case.expected)
    assert row is not None, "the house model's own data is always trainable"
    return row


@dataclass(frozen=True)
class FileGolden:
    """Rows that lie in files."""

    rows: Sequence[Row]
    """All of them, in the order of their files."""

    @classmethod
    def read(cls, directory: Path) -> FileGolden:
        """Every row in `directory/*.jsonl`; what is no row is passed over."""
        lines = [
            line for file in sorted(directory.glob("*.jsonl")) for line in _lines(file) if line
        ]
        found = [_read(line) for line in lines]
        return cls([row for row in found if row is not None])

    def training(self, count: int, seed: int) -> list[Row]:
        trained = [row for row in self.rows if not is_held_out(row.id, TEST_SHARE)]
        chosen = random.Random(seed)  # noqa: S311 - an order, no secret
        return chosen.sample(trained, min(count, len(trained)))

    def test(self, per_skill: int) -> list[Row]:
        kept: dict[str, list[Row]] = {}
        for row in self.rows:
            if is_held_out(row.id, TEST_SHARE):
                kept.setdefault(row.skill, []).append(row)
        return [row for rows in kept.values() for row in rows[: 3 * per_skill]]

    def row(self, id_: str) -> Row | None:
        return next((row for row in self.rows if row.id == id_), None)


@dataclass(frozen=True)
class WithSoul:
    """Another golden set, its rows asked as an agent with this soul asks."""

    golden: Golden
    soul: Soul

    def training(self, count: int, seed: int) -> list[Row]:
        return [self._given(row) for row in self.golden.training(count, seed)]

    def test(self, per_skill: int) -> list[Row]:
        return [self._given(row) for row in self.golden.test(per_skill)]

    def row(self, id_: str) -> Row | None:
        row = self.golden.row(id_)
        return None if row is None else self._given(row)

    def _given(self, row: Row) -> Row:
        return replace(row, messages=self.soul.before(row.messages))


def _lines(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().splitlines()
    except OSError:
        return []


def _read(line: bytes) -> Row | None:
    try:
        value: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    found = cast("dict[str, Any]", value)
    messages: Any = found.get("messages")
    if not isinstance(messages, list) or not messages:
        return None
    *asked, reply = cast("list[Any]", messages)
    body = {"messages": asked, "tools": found.get("tools")}
    row = row_of("", "", str(found.get("skill") or "base"), body, reply)
    if row is None:
        return None
    id_ = f"golden:file:{row.sha256[:16]}"
    return Row(id_, id_, row.skill, row.messages, row.tools)
