from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from capture.adapters import GATE, MANIFEST, WEIGHTS
from gateway.decisions import Known
from gateway.history import HistoryKeeper
from routers.history import Counted, History, Tally
from routers.ready import Latest

BASE = "b" * 64
ID = "20260101-000000-aaaaaa"
HOUSE = ("house", "majordomo-house")


class Counts:
    """A store that fails until it is told not to."""

    failing = False

    def skill_counts(self) -> Sequence[Counted]:
        if self.failing:
            raise OSError("the disk is gone")
        return []

    def last_outcomes(self, most: int) -> Latest:
        return {("timer", *HOUSE, None): (("01K", True),) * most}


def publish_adapter(directory: Path, *, base: str = BASE) -> Path:
    """An adapter that verifies, without a verdict."""
    path = directory / ID
    path.mkdir(parents=True)
    (path / WEIGHTS).write_bytes(b"weights")
    manifest: dict[str, Any] = {
        "id": ID,
        "created_at": 1.0,
        "base": "house",
        "base_sha256": base,
        "weights_sha256": hashlib.sha256(b"weights").hexdigest(),
        "dataset_sha256": "d" * 64,
        "dataset_exchanges": [],
    }
    (path / MANIFEST).write_text(json.dumps(manifest))
    return path


def pass_gate(path: Path) -> None:
    skills = [{"skill": "timer", "of": 10, "candidate": 9, "incumbent": 1}]
    verdict = {"at": 1.0, "passed": True, "reasons": ["yes"], "incumbent": None, "skills": skills}
    (path / GATE).write_text(json.dumps(verdict))


class Kept:
    """A keeper, and the last history it published."""

    def __init__(self, directory: Path) -> None:
        self.store = Counts()
        self.history = History()
        self.keeper = HistoryKeeper(self.store, directory, lambda: BASE, self._take)

    def _take(self, known: Known) -> None:
        self.history = known.history

    async def timer(self, adapter: str | None = ID) -> Tally:
        await self.keeper.refresh([HOUSE])
        return self.history.of("timer", *HOUSE, adapter)


async def test_a_gates_verdict_counts_as_soon_as_it_is_there(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "adapters")
    assert await kept.timer() == Tally()
    path = publish_adapter(tmp_path / "adapters")
    assert await kept.timer() == Tally()
    pass_gate(path)
    assert await kept.timer() == Tally(9, 1)
    assert await kept.timer(None) == Tally(1, 9)


async def test_the_last_outcomes_are_read_only_while_a_decision_asks_for_them(
    tmp_path: Path,
) -> None:
    for asked, found in ((False, {}), (True, {("timer", *HOUSE, None): (("01K", True),) * 3})):
        keeper = HistoryKeeper(
            Counts(), tmp_path, lambda: BASE, lambda _: None, partial(bool, asked)
        )
        assert keeper.read([HOUSE]).latest == found


async def test_adapters_of_another_base_say_nothing(tmp_path: Path) -> None:
    pass_gate(publish_adapter(tmp_path, base="c" * 64))
    assert await Kept(tmp_path).timer() == Tally()


async def test_what_does_not_verify_says_nothing(tmp_path: Path) -> None:
    path = publish_adapter(tmp_path)
    pass_gate(path)
    (path / WEIGHTS).write_bytes(b"others")
    assert await Kept(tmp_path).timer() == Tally()


async def test_what_was_known_stays_while_the_store_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pass_gate(publish_adapter(tmp_path))
    kept = Kept(tmp_path)
    assert await kept.timer() == Tally(9, 1)
    kept.store.failing = True
    assert await kept.timer() == Tally(9, 1)
    assert await kept.timer() == Tally(9, 1)
    assert len(caplog.records) == 1, "it is told once"
