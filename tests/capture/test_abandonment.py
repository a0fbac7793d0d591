"""Calls that nobody answered: noticed after a day, once, and unsaid by whatever comes later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from capture.abandonment import MOST_SECONDS, PATIENCE_SECONDS, abandon
from capture.clock import now
from capture.ids import first_id, new_id
from capture.ingest import Ingester
from capture.journal import Journal
from capture.store import Store
from capture.store.rows import ExchangeDetail
from gateway.abandonment import notice
from tests.support.journals import begin, capturing, end

ASKED = [{"role": "user", "content": "What is in my notes?"}]
CALLS: dict[str, Any] = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}],
}
SAYS = {"role": "assistant", "content": "Nothing is in your notes."}


def put(
    journal: Journal, age: float, reply: dict[str, Any], asked: list[dict[str, Any]] | None = None
) -> str:
    """An exchange of so many seconds ago."""
    id_ = first_id(now() - age)[:10] + new_id()[10:]
    request = orjson.dumps({"model": "auto", "messages": asked or ASKED})
    journal.begin(begin(id_, at=now() - age, request=request))
    journal.end(id_, end(), [orjson.dumps({"choices": [{"message": reply}]})], None)
    return id_


def found(store: Store, id_: str) -> ExchangeDetail:
    detail = store.exchange(id_)
    assert detail is not None
    return detail


async def count(ingester: Ingester) -> int:
    return await ingester.do(lambda writer: abandon(writer.links(), now(), 100))


async def test_a_call_is_abandoned_when_nobody_has_answered_it_for_a_day(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        left = put(journal, PATIENCE_SECONDS + 60, CALLS)
        others = [
            put(journal, PATIENCE_SECONDS - 60, CALLS, [{"role": "user", "content": "And mail?"}]),
            put(journal, PATIENCE_SECONDS + 60, SAYS, [{"role": "user", "content": "Hello?"}]),
            put(journal, MOST_SECONDS + 60, CALLS, [{"role": "user", "content": "Who is in?"}]),
        ]
        assert await ingester.catch_up(30)
        assert await count(ingester) == 1
        outcome = found(store, left).outcome
        assert outcome is not None
        assert (outcome.outcome, outcome.confidence) == ("failure", 0.4)
        assert [code for code, _ in outcome.evidence] == ["abandoned"]
        assert [found(store, id_).outcome for id_ in others] == [None] * 3
        assert await count(ingester) == 0


async def test_what_is_taken_up_again_later_was_not_abandoned_and_what_was_thought_is_kept(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        left = put(journal, 2 * PATIENCE_SECONDS, CALLS)
        assert await ingester.catch_up(30)
        assert await count(ingester) == 1
        result = {"role": "tool", "tool_call_id": "c1", "content": "notes.txt"}
        put(journal, 60, SAYS, [*ASKED, CALLS, result])
        assert await ingester.catch_up(30)
        detail = found(store, left)
        assert detail.outcome is not None
        assert (detail.outcome.outcome, detail.outcome.confidence) == ("success", 0.6)
        (before,) = detail.outcome_before
        assert (before.outcome, before.confidence) == ("failure", 0.4)
        assert before.since <= before.until
        assert await ingester.do(lambda writer: writer.forget([left])) >= 0


async def test_more_evidence_for_the_same_is_no_other_outcome(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        first = put(journal, 100, SAYS)
        put(journal, 90, SAYS, [*ASKED, SAYS, {"role": "user", "content": "Perfect, thank you!"}])
        put(journal, 80, SAYS, [*ASKED, SAYS, {"role": "user", "content": "And my mail?"}])
        assert await ingester.catch_up(30)
        detail = found(store, first)
        assert detail.outcome is not None
        assert [code for code, _ in detail.outcome.evidence] == ["approval", "moved_on"]
        assert detail.outcome_before == ()


async def test_all_that_were_abandoned_are_noticed_however_many(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, _):
        for number in range(450):
            asked = [{"role": "user", "content": f"What is in note {number}?"}]
            put(journal, PATIENCE_SECONDS + 1000 - number, CALLS, asked)
        assert await ingester.catch_up(30)
        assert await notice(ingester, pause=0) == 450
        assert await notice(ingester, pause=0) == 0
