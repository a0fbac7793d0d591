"""Vectors by a model, and distilling by one, as the index thread has them done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pytest

from bench.linking import FILL
from capture.model_work import ModelWork, embed_all
from capture.recall import EXTRACTED, Document, Recall
from capture.recall_models import BUILT_IN, Embedder, Models, ModelTrouble, Patience, Writer
from capture.sought import NoMeaning, Sought
from capture.store import Store
from tests.support.meanings import Meanings

LAMP, CAT, KEY = "Switch the lamp off", "Order cat food", "Where is the attic key?"
LONG = "The import of invoices fails. " + "Line 7 of /srv/app/rows.py is wrong. " * 60
GOOD = {"core": "The import fails.", "context": ["7"], "rooms": ["invoices"], "files": ["rows.py"]}


class Notes:
    """A model that writes what it is given to say."""

    name = "home/notes"

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, str]] = []

    def write(self, instruction: str, text: str, tokens: int, seconds: float) -> str:
        assert tokens > 0
        assert seconds > 0
        self.asked.append((instruction, text))
        if not self.replies:
            raise ModelTrouble("home/notes is away")
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which there are exchanges e1 to e4 and n0 to n7."""
    path = tmp_path_factory.mktemp("store") / "majordomo.db"
    Store.open(path).close()
    ids = [*(f"e{at}" for at in range(1, 5)), *(f"n{at}" for at in range(8))]
    with sqlite3.connect(path) as connection:
        connection.executemany(FILL, [(id_, 1.7e9, b"", b"") for id_ in ids])
    connection.close()
    return path


@pytest.fixture
def recall(tmp_path: Path, store: Path) -> Iterator[Recall]:
    with Recall.open(tmp_path / "search.db", store, "secrets") as recall:
        recall.add(
            [Document(f"e{at}", text, "", "") for at, text in enumerate((LAMP, CAT, KEY), 1)]
        )
        yield recall


@pytest.fixture(autouse=True)
def asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.model_work._LEFT_ALONE", 0.0)


def work(recall: Recall, embedder: Embedder, writer: Writer | None = None) -> ModelWork:
    """One round of it."""
    done = ModelWork(recall)
    done.do(Models(embedder, writer))
    return done


def meant(recall: Recall, words: str) -> list[str]:
    return [hit.exchange for hit in recall.find(Sought(words, by="meaning")).hits]


def test_a_model_finds_what_is_meant_whatever_the_words(recall: Recall) -> None:
    assert meant(recall, "Make it dark") == []
    work(recall, Meanings())
    assert meant(recall, "Make it dark") == ["e1"]
    found = recall.find(Sought("feed kibble"))
    assert [(hit.exchange, hit.held) for hit in found.hits] == [("e2", False)]
    assert found.note is None


def test_when_the_model_cannot_be_asked_words_are_searched_and_a_note_says_so(
    recall: Recall,
) -> None:
    model = Meanings()
    work(recall, model)
    model.away = True
    found = recall.find(Sought("lamp off"))
    assert [hit.exchange for hit in found.hits] == ["e1"]
    assert "home/meanings is away" in (found.note or "")
    assert recall.find(Sought("lamp", by="words")).note is None
    with pytest.raises(NoMeaning, match="home/meanings is away"):
        meant(recall, "lamp")


def test_vectors_of_two_embedders_are_never_compared(recall: Recall) -> None:
    embed_all(recall)
    assert meant(recall, "lamps switched off") == ["e1"]
    model = Meanings()
    recall.vectors.embedder = model
    assert meant(recall, "lamp") == [], "the built-in embedder's are not its own"
    assert "home/meanings yet: 3" in (recall.find(Sought("lamp")).note or "")
    assert [hit.exchange for hit in recall.find(Sought("lamp")).hits] == ["e1"]
    other = Meanings("home/other", 12)
    for embedder in (model, other):
        work(recall, embedder)
        assert meant(recall, "dark") == ["e1"]
    work(recall, BUILT_IN)
    assert meant(recall, "dark") == []
    assert meant(recall, "lamps switched off") == ["e1"]


def test_a_model_that_makes_wider_vectors_than_before_has_all_made_anew(recall: Recall) -> None:
    model = Meanings()
    work(recall, model)
    assert meant(recall, "dark") == ["e1"]
    model.dimensions = 16
    with pytest.raises(NoMeaning, match="another width"):
        meant(recall, "dark")
    recall.add([Document("e4", "feed it", "", "")])
    done = work(recall, model)
    done.do(Models(model))
    assert meant(recall, "dark") == ["e1"]
    assert recall.find(Sought("dark")).note is None


def test_the_newest_are_embedded_first_and_each_once(
    recall: Recall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.model_work._AT_ONCE", 2)
    model = Meanings()
    done = ModelWork(recall)
    for _ in range(3):
        done.do(Models(model))
    assert model.asked == [[KEY, CAT], [LAMP]]


def test_what_is_forgotten_while_its_vector_is_made_gets_none(recall: Recall) -> None:
    class Slow(Meanings):
        def embed(self, texts: Sequence[str], seconds: float) -> list[list[float] | None]:
            recall.forget(["e1"])
            return super().embed(texts, seconds)

    work(recall, Slow())
    recall.vectors.embedder = Meanings()
    assert meant(recall, "dark") == []
    assert meant(recall, "feed") == ["e2"]


def test_a_model_that_is_away_is_left_alone_and_then_asked_again(
    recall: Recall, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [1000.0]
    monkeypatch.setattr("capture.recall_models.time.monotonic", lambda: at[0])
    model = Meanings()
    model.away = True
    done = work(recall, model)
    assert "found by their words alone: home/meanings is away" in done.failures[0]
    done.do(Models(model))
    assert len(model.asked) == 1
    at[0] += 6
    model.away = False
    done.do(Models(model))
    assert done.failures == []
    assert meant(recall, "dark") == ["e1"]


def test_a_model_is_left_alone_for_three_times_as_long_as_it_took(
    recall: Recall, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [1000.0]
    monkeypatch.setattr("capture.recall_models.time.monotonic", lambda: at[0])
    monkeypatch.setattr("capture.model_work._LEFT_ALONE", 3.0)
    monkeypatch.setattr("capture.model_work._AT_ONCE", 1)

    class Slow(Meanings):
        def embed(self, texts: Sequence[str], seconds: float) -> list[list[float] | None]:
            at[0] += 2
            return super().embed(texts, seconds)

    model = Slow()
    done = work(recall, model)
    for seconds, asked in ((0, 1), (5, 1), (1, 2)):
        at[0] += seconds
        done.do(Models(model))
        assert len(model.asked) == asked


def test_one_that_fails_rests_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr("capture.recall_models.time.monotonic", lambda: at[0])
    patience, rests = Patience(), list[float]()
    for _ in range(9):
        patience.failed("away")
        began = at[0]
        while not patience.over:
            at[0] += 1
        rests.append(at[0] - began)
    assert rests == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    patience.served()
    assert patience.failure is None


def test_a_text_that_the_model_refuses_keeps_its_words_and_is_not_asked_again(
    recall: Recall,
) -> None:
    model = Meanings()
    model.refuses = "cat"
    done = work(recall, model)
    assert done.failures == []
    assert meant(recall, "dark") == ["e1"]
    assert meant(recall, "feed") == []
    asked = len(model.asked)
    done.do(Models(model))
    assert len(model.asked) == asked
    assert recall.find(Sought("dark")).note is None


def test_a_model_that_refuses_everything_is_a_failure_and_marks_nothing(recall: Recall) -> None:
    model = Meanings()
    model.refuses = ""
    done = work(recall, model)
    assert "refuses that" in done.failures[0]
    work(recall, Meanings())
    assert meant(recall, "feed") == ["e2"]


def test_texts_without_words_are_not_sent(recall: Recall) -> None:
    recall.add([Document("e4", "  ", "said something", "")])
    model = Meanings()
    work(recall, model)
    assert model.asked == [[KEY, CAT, LAMP]]
    assert recall.vectors.unembedded(9) == []


def test_a_long_text_is_cut_to_both_its_ends(recall: Recall) -> None:
    recall.add([Document("e4", "first " + "middle " * 5000 + "last", "", "")])
    model = Meanings()
    work(recall, model)
    sent = model.asked[0][0]
    assert len(sent) < 2000
    assert sent.startswith("first")
    assert sent.endswith("last")


def distilled(recall: Recall, words: str) -> tuple[object, str | None]:
    (hit,) = recall.find(Sought(words, by="words")).hits
    return hit.distilled, hit.distilled_by


@pytest.fixture
def long(recall: Recall) -> Recall:
    told = orjson.dumps({**GOOD, "core": "extracted"}).decode()
    recall.add([Document("e4", LONG, "Done.", "read_file {}", distilled=told)])
    return recall


def test_what_a_model_distilled_is_kept_with_its_name(long: Recall) -> None:
    assert distilled(long, "invoices") == ({**GOOD, "core": "extracted"}, EXTRACTED)
    notes = Notes(orjson.dumps(GOOD).decode())
    done = work(long, BUILT_IN, notes)
    assert distilled(long, "invoices") == (GOOD, "home/notes")
    done.do(Models(BUILT_IN, notes))
    assert len(notes.asked) == 1, "short exchanges are not distilled, and this one is done"
    assert LONG[:100] in orjson.loads(notes.asked[0][1])["asked"]


def test_what_is_no_distillation_leaves_what_was_extracted_and_is_not_asked_again(
    long: Recall,
) -> None:
    notes = Notes("I would rather talk about something else.")
    done = work(long, BUILT_IN, notes)
    done.do(Models(BUILT_IN, notes))
    assert distilled(long, "invoices") == ({**GOOD, "core": "extracted"}, EXTRACTED)
    assert len(notes.asked) == 1
    assert done.failures == []


def test_a_model_that_never_distils_is_told_and_left_alone(recall: Recall) -> None:
    recall.add([Document(f"n{at}", LONG, "", "", distilled="{}") for at in range(8)])
    notes, done = Notes("{}"), ModelWork(recall)
    for _ in range(8):
        done.do(Models(BUILT_IN, notes))
    assert len(notes.asked) == 5
    assert "extraction alone: home/notes gives no distillations" in done.failures[0]


def test_a_model_that_is_away_leaves_an_exchange_to_be_distilled_later(long: Recall) -> None:
    notes = Notes()
    done = work(long, BUILT_IN, notes)
    assert "extraction alone: home/notes is away" in done.failures[0]
    work(long, BUILT_IN, Notes(orjson.dumps(GOOD).decode()))
    assert distilled(long, "invoices") == (GOOD, "home/notes")
