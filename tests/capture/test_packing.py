"""Old bodies are packed small, and read as they were; whatever goes, the others stay readable."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.clock import now
from capture.ids import first_id, new_id
from capture.ingest import Ingester
from capture.journal import Journal
from capture.packing import packed, unpacked
from capture.store import Store
from gateway.packing import pack
from tests.support.journals import begin, capturing, end
from tests.support.turns import REDACTOR

DAY = 86_400.0
SYSTEM = {"role": "system", "content": " ".join(f"Rule {n}: be brief." for n in range(300))}


def aged(days: float, number: int) -> str:
    return first_id(now() - days * DAY + number)[:10] + new_id()[10:]


def talk(journal: Journal, turns: int, *, days: float = 3.0, about: str = "notes") -> list[str]:
    """A conversation of so many days ago: ids of its exchanges."""
    said: list[dict[str, Any]] = [SYSTEM]
    ids: list[str] = []
    for number in range(turns):
        said.append({"role": "user", "content": f"What of {about}, part {number}?"})
        ids.append(id_ := aged(days, number))
        journal.begin(begin(id_, request=orjson.dumps({"model": "auto", "messages": said})))
        reply = {
            "role": "assistant",
            "content": f"Of {about}, part {number}: " + "all is well. " * 60,
        }
        journal.end(id_, end(), [orjson.dumps({"choices": [{"index": 0, "message": reply}]})], None)
        said.append(reply)
    return ids


def read(store: Store, ids: list[str]) -> dict[str, tuple[bytes, bytes]]:
    found = {id_: store.exchange(id_) for id_ in ids}
    return {id_: (each.request, each.delivered) for id_, each in found.items() if each is not None}


def kept(home: Path) -> tuple[int, dict[str, str | None]]:
    """Bytes of all bodies, and which exchange's request is packed against which."""
    connection = sqlite3.connect(home / "majordomo.db")
    (size,) = connection.execute("SELECT sum(length(data)) FROM bodies").fetchone()
    rows = connection.execute("SELECT exchange_id, reference FROM bodies WHERE kind = 'request'")
    found = dict(rows.fetchall())
    connection.close()
    return size, found


async def pack_all(ingester: Ingester) -> int:
    return await pack(ingester, pause=0)


@given(st.binary(max_size=4000), st.none() | st.binary(max_size=4000))
def test_what_was_packed_unpacks_to_what_it_was(data: bytes, reference: bytes | None) -> None:
    small = packed(data, reference)
    if small is not None:
        assert len(small) < len(data)
        assert unpacked(small, reference) == data


def test_a_body_does_not_unpack_against_another_reference() -> None:
    reference = orjson.dumps([SYSTEM])
    small = packed(reference + b"and more", reference)
    assert small is not None
    with pytest.raises(ValueError, match="cannot be unpacked"):
        unpacked(small, None)


async def test_old_requests_are_packed_against_the_last_of_their_conversation(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ids = talk(journal, 12)
        fresh = talk(journal, 2, days=0.5, about="mail")
        assert await ingester.catch_up(30)
        whole = read(store, [*ids, *fresh])
        trainable = [turn.request for turn in store.trainable(REDACTOR)]
        before, _ = kept(tmp_path)
        assert await pack_all(ingester) == len(ids)
        after, references = kept(tmp_path)
        assert after < before / 4
        assert {references[id_] for id_ in ids[:-1]} == {ids[-1]}
        assert references[ids[-1]] is None
        assert [references[id_] for id_ in fresh] == [None, None]
        assert read(store, [*ids, *fresh]) == whole
        assert [turn.request for turn in store.trainable(REDACTOR)] == trainable
        assert await pack_all(ingester) == 0


async def test_a_conversation_that_goes_on_later_is_packed_in_two_parts(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ids = talk(journal, 4)
        assert await ingester.catch_up(30)
        assert await pack_all(ingester) == 4
        first = store.exchange(ids[-1])
        assert first is not None
        said = [*orjson.loads(first.request)["messages"], orjson.loads(first.delivered)]
        said[-1] = said[-1]["choices"][0]["message"]
        for number in range(3):
            said.append({"role": "user", "content": f"And then, part {number}?"})
            ids.append(id_ := aged(2, number))
            journal.begin(begin(id_, request=orjson.dumps({"model": "auto", "messages": said})))
            reply = {"role": "assistant", "content": f"Then, part {number}."}
            raw = orjson.dumps({"choices": [{"index": 0, "message": reply}]})
            journal.end(id_, end(), [raw], None)
            said.append(reply)
        assert await ingester.catch_up(30)
        whole = read(store, ids)
        assert await pack_all(ingester) == 3
        _, references = kept(tmp_path)
        assert [references[id_] for id_ in ids] == [*[ids[3]] * 3, None, ids[6], ids[6], None]
        assert read(store, ids) == whole


async def test_what_needs_a_body_that_goes_is_packed_anew(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ids = talk(journal, 5)
        assert await ingester.catch_up(30)
        whole = read(store, ids)
        assert await pack_all(ingester) == 5
        spared = {ids[1]}
        await ingester.do(lambda writer: writer.drop_bodies(first_id(now()), "", spared, 100))
        assert read(store, [ids[1]]) == {ids[1]: whole[ids[1]]}
        assert read(store, [ids[4]]) == {ids[4]: (b"", b"")}
        _, references = kept(tmp_path)
        assert references == {ids[1]: None}
