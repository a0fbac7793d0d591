"""A held copy is one moment of the store, and the journal keeps what came after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.framing import segments
from capture.ids import new_id
from capture.ingest import Ingester
from capture.journal import Journal
from capture.store import Store, StoreError
from capture.store.copying import held_copy
from capture.store.still import damage, facts
from tests.support.journals import REPLY, begin, capturing, end


def exchange(journal: Journal) -> str:
    id_ = new_id()
    journal.begin(begin(id_))
    journal.end(id_, end(), [REPLY], None)
    return id_


async def checkpointed(ingester: Ingester) -> bool:
    return await ingester.do(lambda writer: writer.checkpoint())


@pytest.mark.parametrize("emptied", [False, True], ids=["log in use", "log just emptied"])
async def test_while_a_copy_is_held_nothing_newer_becomes_safe_and_so_no_segment_goes(
    tmp_path: Path, emptied: bool
) -> None:
    copy = tmp_path / "copy.db"
    with capturing(tmp_path, keep_segments=0, segment_bytes=4000) as (journal, ingester, _):
        before = {exchange(journal) for _ in range(4)}
        assert await ingester.catch_up(20)
        if emptied:
            assert await ingester.do(lambda writer: writer.checkpoint(truncate=True))
        with held_copy(tmp_path / "majordomo.db", copy):
            after = {exchange(journal) for _ in range(20)}
            assert await ingester.catch_up(20)
            assert not await checkpointed(ingester)
            held = facts(copy)
            assert held.position is not None
            kept = {segment.number for segment in segments(journal.directory)}
            assert {number for number in kept if number >= held.position.segment} == set(
                range(held.position.segment, journal.written.segment + 1)
            )
        assert await checkpointed(ingester)
    assert damage(copy, still=True) is None
    store = Store.open_reader(copy)
    assert {row.id for row in store.exchanges()} == before
    store.close()
    assert len(after) == 20


async def test_a_store_that_is_copied_as_it_is_written_is_whole_in_the_copy(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, _):
        for number in range(5):
            exchange(journal)
            copy = tmp_path / f"{number}.db"
            with held_copy(tmp_path / "majordomo.db", copy):
                pass
            assert copy.stat().st_mode & 0o777 == 0o600
            assert damage(copy, still=True) is None
            assert await ingester.catch_up(20)


def test_what_is_no_store_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "majordomo.db"
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(StoreError):
        facts(path)
    assert "not a database" in (damage(path) or "")
    with pytest.raises(StoreError), held_copy(path, tmp_path / "copy.db"):
        pass
