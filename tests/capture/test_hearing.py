"""Feedback comes to bear on outcomes: once, whenever it comes, and the last word wins."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from capture.feedback import Feedback
from capture.framing import Kind
from capture.hearing import hear
from capture.ids import new_id
from capture.ingest import Ingester
from capture.journal import Journal
from capture.linking import Linker
from capture.outcomes import Outcome
from capture.store import Store
from capture.store.links import Links
from tests.support.journals import BURST, attempt, begin, capturing, decision, end
from tests.support.sayings import said
from tests.support.turns import REDACTOR

Json = dict[str, Any]


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def assistant(text: str) -> Json:
    return {"role": "assistant", "content": text}


class Home:
    """A journal, ingester and store, and what is put through them."""

    def __init__(self, journal: Journal, ingester: Ingester, store: Store) -> None:
        self.journal = journal
        self.ingester = ingester
        self.store = store

    def begin(self, *messages: Json) -> str:
        id_ = new_id()
        request = orjson.dumps({"model": "auto", "messages": messages})
        decided = replace(decision(BURST), skill="chat")
        self.journal.begin(begin(id_, request=request, decision=decided))
        return id_

    def end(self, id_: str, reply: str | None = "Yes.", **ended: Any) -> None:
        message = assistant(reply) if reply else None
        raw = orjson.dumps({"choices": [{"index": 0, "message": message}]}) if message else b""
        told = {"finish_reason": "stop", "attempts": [attempt()], **ended}
        self.journal.end(id_, end(**told), [raw], None)

    def exchange(self, *messages: Json, reply: str = "Yes.") -> str:
        id_ = self.begin(*messages)
        self.end(id_, reply)
        return id_

    def say(self, exchange: str | None = None, **changes: Any) -> Feedback:
        feedback = said(exchange, **changes)
        self.journal.feedback(feedback)
        return feedback

    async def outcome(self, id_: str) -> Outcome | None:
        assert await self.ingester.catch_up(30)
        assert self.ingester.failure is None
        found = self.store.exchange(id_)
        assert found is not None
        return found.outcome

    async def seen(self, id_: str) -> tuple[str | None, list[str]]:
        """An exchange's outcome, and the codes it follows from."""
        outcome = await self.outcome(id_)
        if outcome is None:
            return None, []
        return outcome.outcome, [code for code, _ in outcome.evidence]

    def tally(self) -> tuple[float, float]:
        """Successes and failures of the only skill there is."""
        counts = self.store.skill_counts()
        return (counts[0].successes, counts[0].failures) if counts else (0.0, 0.0)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with capturing(tmp_path) as run:
        yield Home(*run)


async def test_feedback_is_kept_and_makes_the_outcome(home: Home) -> None:
    id_ = home.exchange(user("Hi"))
    assert await home.seen(id_) == (None, [])
    told = home.say(id_, comment="just right")
    assert await home.seen(id_) == ("success", ["praised"])
    assert home.store.feedback(exchange=id_) == [told]
    assert home.tally() == (1, 0)


async def test_feedback_of_before_the_end_counts_once_the_exchange_ends(home: Home) -> None:
    id_ = home.begin(user("Hi"))
    told = home.say(id_, value=0.0)
    assert await home.seen(id_) == (None, [])
    assert home.store.feedback(exchange=id_) == [told]
    home.end(id_)
    assert await home.seen(id_) == ("failure", ["blamed"])
    assert home.tally() == (0, 1)


async def test_feedback_that_stands_before_the_beginning_in_the_journal_counts_too(
    home: Home,
) -> None:
    id_ = new_id()
    home.say(id_)
    assert await home.ingester.catch_up(30)
    home.journal.begin(begin(id_))
    home.end(id_)
    assert await home.seen(id_) == ("success", ["praised"])


async def test_what_the_same_speaker_says_last_wins_and_all_of_it_is_kept(home: Home) -> None:
    id_ = home.exchange(user("Hi"))
    for value, outcome, code, tally in (
        (0.0, "failure", ["blamed"], (0, 1)),
        (1.0, "success", ["praised"], (1, 0)),
        (0.0, "failure", ["blamed"], (0, 1)),
        (0.5, "unknown", [], (0, 0)),
    ):
        home.say(id_, value=value)
        assert await home.seen(id_) == (outcome, code)
        assert home.tally() == tally
    assert [each.value for each in home.store.feedback(exchange=id_)] == [0.5, 0.0, 1.0, 0.0]


async def test_the_last_word_wins_too_when_all_come_at_once(home: Home) -> None:
    id_ = home.begin(user("Hi"))
    for value in (0.0, 1.0, 0.0, 1.0):
        home.say(id_, value=value)
    home.end(id_)
    assert await home.seen(id_) == ("success", ["praised"])
    assert home.tally() == (1, 0)


async def test_speakers_who_disagree_are_both_heard_and_doubt_is_a_failure(home: Home) -> None:
    id_ = home.exchange(user("Hi"))
    home.say(id_)
    home.say(id_, key="phone", value=0.0)
    home.say(id_, key=None)
    assert await home.seen(id_) == ("failure", ["praised", "blamed"])


async def test_feedback_and_what_the_conversation_does_next_are_weighed_together(
    home: Home,
) -> None:
    first = home.exchange(user("Hi"))
    home.say(first)
    assert await home.seen(first) == ("success", ["praised"])
    home.exchange(user("Hi"), assistant("Yes."), user("No, that is wrong."))
    assert await home.seen(first) == ("success", ["praised", "correction"])
    home.say(first, value=None, demonstration="Hello!")
    assert await home.seen(first) == ("failure", ["correction", "demonstrated"])
    outcome = await home.outcome(first)
    assert outcome is not None
    assert outcome.corrected


async def test_a_comment_alone_changes_no_outcome(home: Home) -> None:
    id_ = home.exchange(user("Hi"))
    home.say(id_, value=None, comment="I wonder")
    assert await home.outcome(id_) is None
    assert len(home.store.feedback(exchange=id_)) == 1


async def test_a_conversation_s_feedback_counts_for_its_last_exchange_with_a_reply(
    home: Home,
) -> None:
    first = home.exchange(user("Hi"))
    second = home.exchange(user("Hi"), assistant("Yes."), user("And?"))
    again = (user("Hi"), assistant("Yes."), user("And?"), assistant("Yes."), user("Then?"))
    failed = home.begin(*again)
    home.end(failed, None, status="upstream_error")
    told = home.say(None, conversation=first, value=0.0)
    assert await home.seen(second) == ("failure", ["moved_on", "blamed"])
    assert await home.seen(first) == ("success", ["moved_on"])
    assert await home.outcome(failed) is None
    outcome = await home.outcome(second)
    assert outcome is not None
    assert outcome.evidence[-1][1] == "`laptop` calls the conversation bad"
    assert home.store.feedback(exchange=second) == [told]
    for member in (first, second, failed):
        assert home.store.feedback(conversation=member) == [told]


async def test_a_conversation_without_any_reply_is_blamed_at_its_last_exchange(home: Home) -> None:
    id_ = home.begin(user("Hi"))
    told = home.say(None, conversation=id_, value=0.0)
    assert home.store.feedback(conversation=id_) == []
    assert await home.ingester.catch_up(30)
    assert home.store.feedback(conversation=id_) == [told]
    home.end(id_, None, status="upstream_error")
    assert await home.seen(id_) == ("failure", ["blamed"])


async def test_what_is_sent_again_under_one_name_is_kept_once(home: Home) -> None:
    id_ = home.exchange(user("Hi"))
    first = home.say(id_, idempotency_key="a")
    home.say(id_, idempotency_key="a")
    other = home.say(id_, idempotency_key="a", key="phone")
    assert await home.ingester.catch_up(30)
    assert home.store.feedback(exchange=id_) == [other, first]
    assert home.store.said_once("laptop", "a") == first
    assert home.store.said_once(None, "a") is None
    local = [home.say(id_, idempotency_key="a", key=None) for _ in range(2)]
    assert await home.ingester.catch_up(30)
    assert home.store.said_once(None, "a") == local[0]


def everything(database: Path) -> list[tuple[Any, ...]]:
    """All that feedback comes to in a store, but for when outcomes were weighed."""
    with sqlite3.connect(database) as connection:
        rows = [
            *connection.execute("SELECT * FROM feedback ORDER BY id"),
            *connection.execute("SELECT exchange_id, outcome, evidence FROM outcomes ORDER BY 1"),
            *connection.execute("SELECT * FROM skill_tallies"),
        ]
    connection.close()
    return rows


async def test_a_journal_read_again_from_its_beginning_says_nothing_twice(tmp_path: Path) -> None:
    with capturing(tmp_path) as run:
        home = Home(*run)
        for number in range(20):
            id_ = home.exchange(user(f"Question {number}"))
            home.say(id_)
            home.say(id_, value=0.0, idempotency_key=id_)
        assert await home.ingester.catch_up(30)
    database = tmp_path / "majordomo.db"
    before = everything(database)
    assert len(before) == 40 + 20 + 1
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM journal_position")
    connection.close()
    with capturing(tmp_path) as (_, ingester, _):
        assert await ingester.catch_up(30)
        assert ingester.failure is None
    assert everything(database) == before


class Died(BaseException):
    """As if the process were killed here."""


@pytest.mark.parametrize("method", ["count_for", "save_outcomes", "add_up"])
async def test_a_death_anywhere_in_the_pass_leaves_nothing_half_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr("capture.hearing._AT_ONCE", 4)
    with capturing(tmp_path) as run:
        home = Home(*run)
        for number in range(12):
            home.say(home.exchange(user(f"Question {number}")), value=number % 2)
        assert await home.ingester.catch_up(30)
    database = tmp_path / "majordomo.db"
    wanted = everything(database)
    store = Store.open(database)
    assert store.writer is not None
    links = store.writer.links()
    real = getattr(Links, method)
    for dies_at in (1, 2, 3):
        forget(store)
        calls = iter(range(1, 100))

        def dies(
            self: Links, *values: Any, at: int = dies_at, calls: Iterator[int] = calls
        ) -> None:
            real(self, *values)
            if next(calls) == at:
                raise Died

        with monkeypatch.context() as patch:
            patch.setattr(Links, method, dies)
            with pytest.raises(Died):
                hear(links)
        assert everything(database) != wanted
        hear(links)
        assert everything(database) == wanted
    store.close()


def forget(store: Store) -> None:
    """Take back all that feedback came to."""
    assert store.writer is not None
    with store.writer.links().transaction() as transaction:
        for sql in (
            "UPDATE feedback SET counted_for = NULL",
            "DELETE FROM outcomes",
            "DELETE FROM skill_tallies",
        ):
            transaction.connection.exec_driver_sql(sql)


async def test_a_record_that_is_no_feedback_is_noted_as_lost_and_holds_up_nothing(
    home: Home,
) -> None:
    id_ = home.exchange(user("Hi"))
    for meta in (b"{}", b'{"value": 7}', b"[]", orjson.dumps({**asdict(said(id_)), "value": 7})):
        home.journal._append(Kind.FEEDBACK, new_id(), meta, ())  # pyright: ignore[reportPrivateUsage]
    home.say(id_)
    assert await home.seen(id_) == ("success", ["praised"])
    assert len(home.store.losses()) == 4


async def test_a_turn_that_somebody_corrected_knows_what_it_should_have_been(home: Home) -> None:
    ids = [home.exchange(user(f"Question {number}")) for number in range(3)]
    home.say(ids[1], value=None, demonstration="No.")
    home.say(ids[2], value=None, demonstration="No.")
    home.say(ids[2])
    assert await home.ingester.catch_up(30)
    turns = list(home.store.trainable(REDACTOR))
    assert [turn.demonstration for turn in turns] == [None, "No.", None]
    assert [turn.wanted["content"] for turn in turns] == ["Yes.", "No.", "Yes."]
    assert [turn.corrected for turn in turns] == [False, True, False]


async def test_linking_what_nobody_spoke_of_asks_for_feedback_once_a_pass(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        home.exchange(user(f"Question {number}"))
    assert await home.ingester.catch_up(30)
    home.ingester.stop()
    store = home.store
    assert store.writer is not None
    links = store.writer.links()
    with links.transaction() as transaction:
        transaction.connection.exec_driver_sql("DELETE FROM turns")
    asked: list[str] = []
    real = links._ask  # pyright: ignore[reportPrivateUsage]

    def ask(sql: str, *values: object) -> list[Any]:
        asked.append(sql)
        return real(sql, *values)

    monkeypatch.setattr(links, "_ask", ask)
    Linker(links).run()
    assert len([sql for sql in asked if "feedback" in sql]) == 1
