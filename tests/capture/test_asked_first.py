"""Exchanges answered with a question of our own: in a conversation, and an outcome of nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from capture.ids import new_id
from capture.journal import Journal
from capture.store import Store
from tests.support.journals import attempt, begin, capturing, decision, end
from tests.support.kitchen import BEGAN, answer, exchange, user
from tests.support.sayings import said

QUESTION = answer("Majordomo asks before it spends money. Yes or no?")
BOOK, POEM = user("Read this book to me, please"), answer("Roses are red.")


def asked(journal: Journal, messages: list[dict[str, Any]], *, unfit: bool = False) -> str:
    """One exchange that ended with the question; `unfit`: home had replied, and was not fit."""
    id_ = new_id()
    request = orjson.dumps({"model": "auto", "messages": messages})
    why = replace(decision(), skill="reading")
    journal.begin(begin(id_, request=request, at=BEGAN, decision=why))
    reply = orjson.dumps({"choices": [{"message": QUESTION, "finish_reason": "stop"}]})
    tried = [attempt(status="unfit")] if unfit else []
    ended = end(status="asked", attempts=tried, usage=None, finish_reason="stop")
    journal.end(id_, ended, [b"{}"] * len(tried), reply)
    return id_


def conversation(store: Store, id_: str) -> str | None:
    found = store.exchange(id_)
    assert found is not None
    return found.summary.conversation


async def test_what_is_answered_after_the_question_is_of_its_conversation(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        first = asked(journal, [BOOK])
        second = exchange(journal, [BOOK], POEM, tools=[])
        third = exchange(journal, [BOOK, POEM, user("Thank you, perfect!")], answer("Gladly."))
        assert await ingester.catch_up(30)
        assert {conversation(store, each) for each in (first, second, third)} == {first}
        again = exchange(journal, [BOOK], POEM, tools=[])
        assert await ingester.catch_up(30)
        assert conversation(store, again) == again, "that question was answered"


async def test_a_question_in_mid_conversation_is_a_turn_of_it_and_not_gone_on_from(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        first = exchange(journal, [BOOK], POEM)
        more = [BOOK, POEM, user("And the index?")]
        question = asked(journal, more)
        answered = exchange(journal, more, answer("Roses, 1"))
        assert await ingester.catch_up(30)
        for each in (question, answered):
            detail = store.exchange(each)
            assert detail is not None
            assert (detail.summary.conversation, detail.continues) == (first, first)


async def test_nothing_that_comes_next_makes_an_outcome_of_a_question(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        question = asked(journal, [BOOK])
        for words in ("No, that is wrong.", "Thanks, perfect!"):
            exchange(journal, [BOOK, QUESTION, user(words)], POEM)
        exchange(journal, [BOOK], POEM, tools=[])
        assert await ingester.catch_up(30)
        detail = store.exchange(question)
        assert detail is not None
        assert detail.outcome is None


async def test_a_reply_of_home_that_was_dropped_before_the_question_counts_against_home(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        asked(journal, [BOOK])
        asked(journal, [POEM, BOOK], unfit=True)
        assert await ingester.catch_up(30)
        (count,) = store.skill_counts()
        assert (count.skill, count.model, count.failures) == ("reading", "house-small", 1)
        assert store.weeks() == ()


async def test_what_people_say_of_a_conversation_is_of_its_answers(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        answered = exchange(journal, [BOOK], POEM)
        question = asked(journal, [BOOK, POEM, user("And the index?")])
        for about in ({"exchange": question}, {"exchange": None, "conversation": question}):
            journal.feedback(said(**about))
        assert await ingester.catch_up(30)
        asking, answering = store.exchange(question), store.exchange(answered)
        assert asking is not None
        assert asking.outcome is None
        assert answering is not None
        assert answering.outcome is not None
        assert [code for code, _ in answering.outcome.evidence] == ["moved_on", "praised"]


async def test_requests_that_were_answered_with_a_question_are_not_decided_anew(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        asked(journal, [BOOK])
        answered = exchange(journal, [BOOK], POEM)
        assert await ingester.catch_up(30)
        assert [each.id for each in store.asked(0.0, 10)] == [answered]
