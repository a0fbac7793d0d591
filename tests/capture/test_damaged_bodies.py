"""A body that a disk has damaged: whoever reads that one is told, and everybody else goes on."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import zstandard

from capture.clock import now
from capture.exports import Filters, Format, Made, Source, made
from capture.ids import first_id
from capture.indexing import take_in
from capture.packing import packed, unpacked
from capture.recall import Recall
from capture.sought import Sought
from capture.store import BodyDamaged, Wanted
from tests.capture.test_packing import aged, kept, pack_all, read, talk
from tests.support.damage import damage_body
from tests.support.journals import begin, capturing
from tests.support.kitchen import answer, exchange, quarrel, user
from tests.support.tokens import BYTES
from tests.support.turns import REDACTOR

LONG = "All is well in the kitchen, and in the attic. " * 40


async def test_packing_goes_on_after_a_damaged_body_and_names_it_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        first, second = talk(journal, 4), talk(journal, 4, about="mail", days=2.5)
        assert await ingester.catch_up(30)
        damage_body(store.path, first[1])
        caplog.set_level(logging.WARNING)
        assert await pack_all(ingester) == 8
        assert await pack_all(ingester) == 0
        _, references = kept(tmp_path)
        assert [references[id_] for id_ in first] == [first[3], None, first[3], None]
        assert [references[id_] for id_ in second] == [second[3]] * 3 + [None]
        assert len(read(store, [first[0], *first[2:], *second])) == 7
        (said,) = (each.getMessage() for each in caplog.records)
        assert first[1] in said
        assert "majordomo restore" in said


async def test_where_the_last_of_a_conversation_is_damaged_the_others_are_packed_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ids = talk(journal, 4)
        assert await ingester.catch_up(30)
        whole = read(store, ids[:3])
        damage_body(store.path, ids[3])
        assert await pack_all(ingester) == 4
        assert kept(tmp_path)[1] == dict.fromkeys(ids)
        assert read(store, ids[:3]) == whole
        assert len([each for each in caplog.records if ids[3] in each.getMessage()]) == 1


async def test_what_a_damaged_body_is_needed_for_is_damaged_too_and_no_other(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ids, other = talk(journal, 3), talk(journal, 3, about="mail")
        assert await ingester.catch_up(30)
        whole = read(store, other)
        assert await pack_all(ingester) == 6
        damage_body(store.path, ids[2])
        for id_ in ids:
            with pytest.raises(BodyDamaged, match=f"exchange {id_} is damaged") as caught:
                store.exchange(id_)
            assert caught.value.exchange == id_
        assert read(store, other) == whole


async def test_what_goes_takes_nothing_with_it_that_a_damaged_body_could_hold_up(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ids = talk(journal, 3)
        assert await ingester.catch_up(30)
        whole = read(store, ids[1:2])
        assert await pack_all(ingester) == 3
        damage_body(store.path, ids[0])
        dropped = await ingester.do(
            lambda writer: writer.drop_bodies(first_id(now()), "", set(ids[:2]), 100)
        )
        assert dropped[0] == 1
        assert read(store, ids[1:2]) == whole
        with pytest.raises(BodyDamaged):
            store.exchange(ids[0])
        assert await ingester.do(lambda writer: writer.forget(ids)) > 0
        assert store.exchange(ids[0]) is None


async def test_a_damaged_part_of_a_reply_holds_nothing_up_when_its_exchange_is_closed(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, _):
        journal.begin(begin(id_ := aged(1, 0)))
        piece = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"'
        journal.part(id_, piece + LONG.encode())
        assert await ingester.catch_up(30)
    damage_body(tmp_path / "majordomo.db", id_, "response")
    with capturing(tmp_path) as (journal, ingester, store):
        assert await ingester.catch_up(30)
        assert ingester.failure is None
        found = store.summary(id_)
        assert found is not None
        assert found.status == "interrupted"


async def test_lists_weekly_figures_and_search_have_a_damaged_exchange_as_any_other(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        lost = exchange(journal, [user(LONG)], answer("Good."), metadata={"tags": "house"})
        sound = exchange(journal, [user("Is the attic tidy?")], answer("Yes."))
        assert await ingester.catch_up(30)
        before = store.weeks()
        damage_body(store.path, lost)
        assert {each.id for each in store.exchanges()} == {lost, sound}
        assert store.weeks() == before
        recall = Recall.open(tmp_path / "search.db", store.path, "secrets")
        assert take_in(store, recall, REDACTOR) == 2
        found = recall.find(Sought("attic"))
        recall.close()
        assert {hit.exchange for hit in found.hits} == {lost, sound}


@pytest.mark.parametrize("format", [each for each in Format if each != "parquet"])
async def test_an_export_goes_on_without_a_damaged_exchange_and_counts_it(
    tmp_path: Path, format: Format
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        quarrel(journal)
        ids = quarrel(journal)
        assert await ingester.catch_up(30)
        damage_body(store.path, ids[0])
        wanted, damaged = Wanted(), set[str]()
        source = Source(
            store.trainable(REDACTOR, damaged=damaged),
            REDACTOR,
            Filters(trust="any"),
            pairs=store.pairs(REDACTOR, wanted, damaged=damaged),
            replies=store.next_states(REDACTOR, wanted, damaged=damaged),
            groups=store.groups(REDACTOR, wanted, damaged=damaged),
            tokenizer=BYTES,
            damaged=damaged,
        )
        rows = list(made(source, format))
        left = [each for each in rows if not isinstance(each, Made) and each.why == "damaged"]
        assert [each.exchange for each in left] == [ids[0]]
        assert any(isinstance(each, Made) for each in rows)


@pytest.mark.parametrize("which", ["body", "reference"])
def test_a_checksum_tells_that_a_packed_body_or_what_it_is_packed_against_has_changed(
    which: str,
) -> None:
    reference = LONG.encode()
    small = packed(reference + b"and in the hall", reference)
    assert small is not None
    assert unpacked(small, reference).endswith(b"hall")
    if which == "body":
        small = small[:-6] + bytes([small[-6] ^ 1]) + small[-5:]
    else:
        reference = reference.replace(b"attic", b"annex")
    with pytest.raises(ValueError, match="cannot be unpacked"):
        unpacked(small, reference)


def test_what_was_packed_without_a_checksum_is_still_read() -> None:
    old = zstandard.ZstdCompressor(level=9).compress(LONG.encode())
    assert unpacked(old, None) == LONG.encode()
