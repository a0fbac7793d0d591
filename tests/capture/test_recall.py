from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.exchange import Mode
from capture.indexing import Indexer, take_in
from capture.model_work import embed_all
from capture.recall import Document, Recall
from capture.recall_vectors import no_meaning
from capture.redact import Redactor
from capture.sought import MARKS, MOST_WORDS, NoMeaning, Nothing, Sought, match
from capture.store import Store
from tests.support.journals import BURST, capturing
from tests.support.kitchen import HOME, answer, call, exchange, user

CLEAN = Redactor("secrets", b"of this house")


@pytest.fixture
async def ids(tmp_path: Path) -> list[str]:
    """Four exchanges, the second of which calls a tool."""
    with capturing(tmp_path) as (journal, ingester, _):
        ids = [
            exchange(journal, [user("Wo ist das Caf\u00e9 am M\u00fcnster?")], answer("Links.")),
            exchange(
                journal,
                [user("Turn the LIGHTS off")],
                call("c1", '{"room": "attic"}', "Off they go."),
                place=HOME,
            ),
            exchange(journal, [user("Lights on, off, on")], answer("Which ones?")),
            exchange(journal, [user("hi"), answer("Hello"), user("bye")], answer("Good night")),
        ]
        assert await ingester.catch_up(30)
    return ids


@pytest.fixture
def store(tmp_path: Path, ids: list[str]) -> Iterator[Store]:
    assert ids
    store = Store.open_reader(tmp_path / "majordomo.db")
    yield store
    store.close()


@pytest.fixture
def recall(tmp_path: Path, store: Store) -> Iterator[Recall]:
    with Recall.open(tmp_path / "search.db", store.path, "secrets") as recall:
        take_in(store, recall, CLEAN)
        yield recall


def found(recall: Recall, words: str, **filters: object) -> set[str]:
    """By words, unless told otherwise."""
    sought = Sought(words, **{"by": "words", **filters})  # type: ignore[arg-type]
    return {hit.exchange for hit in recall.find(sought).hits}


def test_words_are_found_in_any_case_with_or_without_accents(
    recall: Recall, ids: list[str]
) -> None:
    assert found(recall, "cafe munster") == {ids[0]}
    assert found(recall, "lights") == {ids[1], ids[2]}
    assert found(recall, "attic") == {ids[1]}
    assert found(recall, "links") == {ids[0]}
    assert found(recall, "elephant") == set()


def test_phrases_beginnings_and_what_is_left_out(recall: Recall, ids: list[str]) -> None:
    assert found(recall, '"lights off"') == {ids[1]}
    assert found(recall, "lights off") == {ids[1], ids[2]}
    assert found(recall, "ligh*") == {ids[1], ids[2]}
    assert found(recall, "lights -which") == {ids[1]}
    assert found(recall, "bye") == {ids[3]}
    assert found(recall, "hi") == set(), "only what was asked last"


def test_filters_narrow_what_is_found(recall: Recall, ids: list[str]) -> None:
    assert found(recall, "lights", mode=Mode.RESTING) == {ids[1]}
    assert found(recall, "lights", mode=BURST.mode) == {ids[2]}
    assert found(recall, "lights", outcome="unknown") == {ids[1], ids[2]}
    assert found(recall, "lights", outcome="success") == set()
    assert found(recall, "lights", until=1.0) == set()
    assert found(recall, "lights", since=1.0) == {ids[1], ids[2]}
    assert found(recall, "lights", skill="no such") == set()
    assert len(recall.find(Sought("lights", limit=1)).hits) == 1


def test_an_excerpt_marks_what_was_found(recall: Recall, ids: list[str]) -> None:
    (hit,) = recall.find(Sought("attic")).hits
    assert hit.exchange == ids[1]
    assert f"{MARKS[0]}attic{MARKS[1]}" in hit.excerpt


@given(st.text(max_size=60))
def test_no_words_are_a_command_to_the_database(words: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(a)")
    try:
        found = connection.execute("SELECT * FROM t WHERE t MATCH ?", (match(words),))
        assert found.fetchall() == []
    except Nothing:
        pass
    finally:
        connection.close()


@pytest.mark.parametrize("words", ["", "  ", "-lights", "***", "w " * (MOST_WORDS + 1)])
def test_a_search_for_nothing_or_for_too_much_is_told_so(recall: Recall, words: str) -> None:
    with pytest.raises(Nothing):
        recall.find(Sought(words))


def test_what_is_forgotten_is_found_no_more_nor_left_in_the_file(
    tmp_path: Path, recall: Recall, ids: list[str], store: Store
) -> None:
    recall.forget([ids[1], "never there"])
    assert found(recall, "lights") == {ids[2]}
    assert b"attic" not in (tmp_path / "search.db").read_bytes()
    assert take_in(store, recall, CLEAN) == 1, "it is still in the store"


def test_what_is_in_already_is_not_taken_in_again(recall: Recall, store: Store) -> None:
    assert take_in(store, recall, CLEAN) == 0
    assert len(recall.find(Sought("lights")).hits) == 2


def test_the_words_are_their_owners_alone_and_made_anew_when_of_another_version(
    tmp_path: Path, recall: Recall, store: Store
) -> None:
    path = tmp_path / "search.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    recall.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with Recall.open(path, store.path, "secrets") as anew:
        assert anew.find(Sought("lights")).hits == ()
        assert take_in(store, anew, CLEAN) == 4


def test_an_indexer_takes_in_what_is_left_step_by_step(
    tmp_path: Path, store: Store, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.indexing._AT_ONCE", 3)
    indexer = Indexer(store, tmp_path / "search.db", lambda: CLEAN)
    with Recall.open(tmp_path / "search.db", store.path, "secrets") as recall:
        indexer.open()
        assert [indexer.step(), indexer.step(), indexer.step()] == [3, len(ids) - 3, 0]
        assert len(found(recall, "lights")) == 2
    indexer.stop()


async def test_secrets_are_not_among_the_words_and_another_level_makes_them_anew(
    tmp_path: Path,
) -> None:
    key = "sk-ant-" + "api03-" + "Q7w8E9r0T1y2U3i4" * 6
    path = tmp_path / "search.db"
    with capturing(tmp_path) as (journal, ingester, store):
        exchange(journal, [user(f"Use {key} for bob@example.com")], answer(f"I use {key}."))
        assert await ingester.catch_up(30)
        with Recall.open(path, store.path, "secrets") as recall:
            assert take_in(store, recall, CLEAN) == 1
            assert len(recall.find(Sought("bob")).hits) == 1
        assert b"Q7w8E9" not in path.read_bytes()
        with Recall.open(path, store.path, "all") as anew:
            assert anew.find(Sought("use")).hits == ()
            assert take_in(store, anew, Redactor("all", b"of this house")) == 1
            assert anew.find(Sought("bob")).hits == ()
            assert len(anew.find(Sought("use")).hits) == 1


def test_a_damaged_file_is_made_anew(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "search.db"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 200)
    with Recall.open(path, store.path, "secrets") as anew:
        assert take_in(store, anew, CLEAN) == 4
        assert len(anew.find(Sought("lights")).hits) == 2


def test_words_that_could_not_be_taken_in_are_taken_in_later(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexer = Indexer(store, tmp_path / "search.db", lambda: CLEAN)
    indexer.open()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Recall, "add", full)
        with pytest.raises(sqlite3.OperationalError):
            indexer.step()
    assert indexer.step() == 4
    indexer.stop()


def test_what_asks_alike_is_found_without_holding_the_words(recall: Recall, ids: list[str]) -> None:
    (hit, *_) = recall.find(Sought("turning the light off", by="meaning")).hits
    assert hit.exchange == ids[1]
    assert hit.excerpt == "Turn the LIGHTS off"
    assert not hit.held
    assert hit.alike is not None
    assert 0.25 < hit.alike <= 1
    assert found(recall, "turning the light off") == set()
    assert found(recall, "elephant", by="meaning") == set()
    with pytest.raises(Nothing):
        recall.find(Sought("-lights", by="meaning"))


def test_both_ways_are_fused_and_say_how_each_was_found(recall: Recall, ids: list[str]) -> None:
    hits = recall.find(Sought("lights off", by="both")).hits
    assert {hit.exchange for hit in hits} == {ids[1], ids[2]}
    assert all(hit.held and hit.alike for hit in hits)
    (attic,) = recall.find(Sought("attic", by="both")).hits
    assert attic.held, "by a word of a call"
    assert attic.alike is None
    assert hits[0].exchange == recall.find(Sought("lights off", limit=1)).hits[0].exchange


def test_filters_and_words_left_out_narrow_what_is_alike(recall: Recall, ids: list[str]) -> None:
    meant = {"by": "meaning"}
    assert found(recall, "light off", **meant) == {ids[1], ids[2]}
    assert found(recall, "light off -which", **meant) == {ids[1]}
    assert found(recall, "light off", mode=Mode.RESTING, **meant) == {ids[1]}
    assert found(recall, "light off", until=1.0, **meant) == set()
    assert found(recall, "light off", adapter="no such", **meant) == set()


def test_a_router_asks_which_past_requests_are_like_one(recall: Recall, ids: list[str]) -> None:
    first, *_ = recall.vectors.like("Turn lights off, please", 5)
    assert first.exchange == ids[1]
    assert first.cosine > 0.5
    assert recall.vectors.like("?!") == []
    assert recall.vectors.like("elephant") == []


def test_what_comes_in_later_is_alike_too_and_what_is_forgotten_no_more(
    tmp_path: Path, recall: Recall, ids: list[str], store: Store
) -> None:
    assert [each.exchange for each in recall.vectors.like("cellar door locked")] == []
    recall.add([Document("later", "Lock the cellar door", "", "")])
    embed_all(recall)
    assert [each.exchange for each in recall.vectors.like("cellar door locked")] == ["later"]
    with Recall.open(tmp_path / "search.db", store.path, "secrets") as other:
        assert [each.exchange for each in other.vectors.like("cellar door locked")] == ["later"]
    recall.forget(["later", ids[1]])
    assert recall.vectors.like("cellar door locked") == []
    assert ids[1] not in {each.exchange for each in recall.vectors.like("lights off")}
    left = sqlite3.connect(tmp_path / "search.db")
    assert left.execute("SELECT count(*) FROM documents").fetchone() == (len(ids) - 1,)
    left.close()


def test_without_numpy_words_are_searched_and_meaning_says_why_not(
    recall: Recall, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert no_meaning() is None
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert "numpy" in (no_meaning() or "")
    assert found(recall, "attic", by="both") == {ids[1]}
    for ask in (
        lambda: recall.find(Sought("attic", by="meaning")),
        lambda: recall.vectors.like("attic"),
    ):
        with pytest.raises(NoMeaning):
            ask()


def test_a_gateway_that_starts_imports_nothing_of_it_and_words_need_no_numpy() -> None:
    look = """
import sys, capture.indexing
late = {"capture.recall", "capture.model_work", "capture.embedding", "capture.distill"}
assert not late & set(sys.modules), late & set(sys.modules)
import capture.recall, capture.model_work
assert "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", look], check=True)


async def test_tags_and_what_it_comes_down_to_are_kept_and_redacted(tmp_path: Path) -> None:
    key = "sk-ant-" + "api03-" + "q7w8e9r0t1y2u3i4" * 6
    asked = f"Why does the import of invoices fail? I use {key}. " + "More of that. " * 200
    with capturing(tmp_path) as (journal, ingester, store):
        tags = {"tags": ["Billing", "ghp_" + "a1b2" * 9], "corpus": "work"}
        (id_, other) = (
            exchange(journal, [user(asked)], answer("Because of it."), metadata=tags),
            exchange(journal, [user("Why does it fail? metadata")], answer("Who knows.")),
        )
        assert await ingester.catch_up(30)
        with Recall.open(tmp_path / "search.db", store.path, "secrets") as recall:
            take_in(store, recall, CLEAN)
            assert found(recall, "fail") == {id_, other}
            assert found(recall, "fail", tag="billing") == {id_}
            assert found(recall, "failing imports", by="meaning", tag="work") == {id_}
            assert found(recall, "fail", tag="ghp_" + "a1b2" * 9) == set(), "a secret is no tag"
            (hit,) = recall.find(Sought("fail", tag="work")).hits
            recall.forget([id_])
            assert found(recall, "fail", tag="work") == set()
    assert hit.distilled is not None
    assert hit.distilled["core"].startswith("Why does the import of invoices fail?")
    assert "q7w8e9" not in str(hit)
    assert b"q7w8e9" not in (tmp_path / "search.db").read_bytes()
