from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from capture.exchange import Mode
from capture.ids import new_id
from capture.journal import Journal
from capture.trainable import TrainableTurn
from tests.support.journals import REPLY, REQUEST, attempt, begin, capturing, decision, end
from tests.support.turns import REDACTOR


def put(
    journal: Journal, *, at: float = 1_790_000_000.0, reply: bytes = REPLY, **ended: Any
) -> str:
    id_ = new_id()
    journal.begin(begin(id_, at=at, request=REQUEST, decision=decision()))
    journal.end(id_, end(**ended), [reply] * len(ended.get("attempts", [1])), None)
    return id_


async def test_a_trainable_turn_has_the_clients_own_request_and_the_reply_as_one_message(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        id_ = put(journal, attempts=[attempt(adapter="20261120-a")])
        assert await ingester.catch_up(30)
        (turn,) = store.trainable(REDACTOR)
    assert turn == TrainableTurn(
        id=id_,
        conversation=id_,
        began_at=1_790_000_000.0,
        private=False,
        skill=None,
        mode=Mode.RESTING,
        upstream="house",
        model="house-small",
        adapter="20261120-a",
        outcome="unknown",
        confidence=0.0,
        corrected=False,
        request=orjson.loads(REQUEST),
        reply={
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "read_file", "arguments": '{"path":"notes.txt"}'},
                }
            ],
        },
    )


async def test_what_did_not_end_whole_never_trains(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        for status in ("client_gone", "truncated", "upstream_error", "interrupted", "refused"):
            put(journal, status=status)
        put(journal, finish_reason="length")
        put(journal, finish_reason="content_filter")
        put(journal, reply=b'{"choices":[{"message":{"content":""}}]}')
        put(journal, reply=b"nothing that can be read")
        put(journal, attempts=[])
        journal.begin(begin())
        good = put(journal, finish_reason=None)
        assert await ingester.catch_up(30)
        assert [turn.id for turn in store.trainable(REDACTOR)] == [good]


@pytest.mark.slow
async def test_turns_come_in_the_order_of_their_ids_and_filtered(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ids = [put(journal, at=float(number)) for number in range(450)]
        burst = put(journal, at=1000.0, attempts=[attempt(mode=Mode.BURST)])
        assert await ingester.catch_up(30)

        def found(**wanted: Any) -> list[str]:
            return [turn.id for turn in store.trainable(REDACTOR, **wanted)]

        assert found() == [*ids, burst]
        assert found(modes=[Mode.BURST]) == [burst]
        assert found(modes=[]) == []
        assert found(since=440.0, until=449.0) == ids[440:449]
        assert found(outcome="success") == []
        assert found(outcome="unknown", since=900.0) == [burst]
        assert found(skill="chat") == []


async def test_a_turn_does_not_train_before_its_conversation_is_known(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        linked, waiting = put(journal), put(journal)
        assert await ingester.catch_up(30)
        ingester.stop()
        assert store.writer is not None
        with store.writer.links().transaction() as transaction:
            transaction.connection.exec_driver_sql(
                "DELETE FROM turns WHERE exchange_id = ?", (waiting,)
            )
        assert [turn.id for turn in store.trainable(REDACTOR)] == [linked]
