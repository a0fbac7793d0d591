"""`capture.keep_days`: old raw bytes go; what a dataset has stays, and so does what was said."""

from __future__ import annotations

from pathlib import Path

import orjson

from capture.clock import now
from capture.ids import first_id, new_id, time_of
from capture.store import Store
from gateway.retention import drop
from tests.support.journals import REPLY, REQUEST, begin, capturing, end
from tests.support.turns import REDACTOR

DAY = 86_400.0


def aged(days: float) -> str:
    """An id as it would have been made so long ago."""
    return first_id(now() - days * DAY)[:10] + new_id()[10:]


def raw(store: Store, id_: str) -> tuple[bytes, bytes]:
    found = store.exchange(id_)
    assert found is not None
    assert [m.text for m in found.messages] == ["Be brief.", "What is in notes.txt?"]
    assert found.replies[0].text == "Let me look."
    return found.request, found.delivered


async def test_only_what_is_old_and_in_no_dataset_loses_its_raw_bytes(tmp_path: Path) -> None:
    old = [aged(31 + number / 10) for number in range(450)]
    fresh, trained, going = aged(29), aged(40), aged(50)
    dataset = tmp_path / "training" / "night" / "dataset"
    dataset.mkdir(parents=True)
    named = {"train": [{"id": trained, "sha256": "0"}]}
    (dataset / "manifest.json").write_bytes(orjson.dumps(named))
    with capturing(tmp_path) as (journal, ingester, store):
        for id_ in (*old, fresh, trained):
            journal.begin(begin(id_))
            journal.end(id_, end(), [REPLY], None)
        journal.begin(begin(going))
        assert await drop(ingester, tmp_path / "training", 30, pause=0) == len(old)
        assert {raw(store, id_) for id_ in old[::50]} == {(b"", b"")}
        assert raw(store, fresh) == raw(store, trained) == (REQUEST, REPLY)
        flying = store.exchange(going)
        assert flying is not None
        assert flying.request == REQUEST
        assert await drop(ingester, tmp_path / "training", 30, pause=0) == 0
        assert [turn.id for turn in store.trainable(REDACTOR)] == [trained, fresh]


def test_the_first_id_of_a_moment_is_before_every_id_made_then_and_after_all_before() -> None:
    at = time_of(new_id())
    assert first_id(at - 0.001) < first_id(at) <= new_id()
    assert len(first_id(0)) == 26
