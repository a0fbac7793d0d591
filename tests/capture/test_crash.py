"""kill -9 at any time: what was acknowledged is in the store after the next start."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from capture.journal import Journal
from capture.store import Store
from tests.support.journals import capturing

_CHILD = """
import os, sys
from pathlib import Path
from capture.ids import new_id
from tests.support.journals import REPLY, begin, capturing, end

with capturing(Path(sys.argv[1]), segment_bytes=100_000) as (journal, ingester, store):
    while True:
        id_ = new_id()
        journal.begin(begin(id_))
        os.write(1, b"B" + id_.encode() + b"\\n")
        journal.part(id_, REPLY[:50])
        journal.end(id_, end(), [REPLY[50:]], None)
        os.write(1, b"E" + id_.encode() + b"\\n")
"""


def _run_and_kill(home: Path, lines: int) -> list[str]:
    """Lines the child wrote until it was killed, some time after so many of them."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(home)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(lines)]
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.readlines()
    child.stdout.close()
    child.wait()
    return [line.strip() for line in said if line.endswith("\n")]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.slow)])
async def test_no_exchange_that_was_acknowledged_is_lost_to_kill_9(
    tmp_path: Path, rounds: int
) -> None:
    chance = random.Random(7)
    said: list[str] = []
    for _ in range(rounds):
        said += _run_and_kill(tmp_path, chance.randrange(1, 900))
    with capturing(tmp_path) as (_, ingester, store):
        assert await ingester.catch_up(20)
        assert ingester.failure is None
        status = {each.id: each.status for each in store.exchanges(1_000_000)}
        answered = [each.id for each in store.exchanges(50) if each.answered == "Let me look."]
        unlinked = [each.id for each in store.exchanges(1_000_000) if not each.conversation]
    ended = [line[1:] for line in said if line.startswith("E")]
    begun = [line[1:] for line in said if line.startswith("B")]
    assert len(ended) > 50
    assert unlinked == []
    assert [id_ for id_ in ended if status.get(id_) != "ok"] == []
    assert [id_ for id_ in begun if id_ not in status] == []
    assert set(status.values()) <= {"ok", "interrupted"}
    assert sum(one == "interrupted" for one in status.values()) <= rounds
    assert len(answered) >= 50 - rounds


@pytest.mark.slow
async def test_a_store_is_whole_and_readable_while_and_after_its_writer_was_killed(
    tmp_path: Path,
) -> None:
    said = _run_and_kill(tmp_path, 300)
    reader = Store.open_reader(tmp_path / "majordomo.db")
    known = {each.id for each in reader.exchanges(1_000_000)}
    reader.close()
    assert len(known) <= len({line[1:] for line in said}) + 1
    with capturing(tmp_path) as (journal, ingester, store):
        assert isinstance(journal, Journal)
        assert await ingester.catch_up(20)
        assert known <= {each.id for each in store.exchanges(1_000_000)}
