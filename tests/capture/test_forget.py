"""A forgotten conversation leaves the store as if it had never been, and the journal silent."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.blanking import blank
from capture.framing import Gap, Kind, Position, Record, read, segments
from capture.ids import new_id
from capture.provenance import Trust
from capture.store import Store, StoreError
from capture.store import tables as t
from capture.store.forget import named_by_exchange
from gateway.vetting import keep_up
from tests.support.journals import BURST, attempt, begin, capturing, decision, end, make_journal
from tests.support.kitchen import answer, exchange, user
from tests.support.sayings import said

Json = dict[str, Any]
Talk = tuple[str, ...]
"""What a user says, turn by turn."""

SHARED = {"role": "system", "content": "You are Hermes, as in every conversation."}
STRICT = Trust(untrusted_channels={"user-agent": ("hermes",)})
"""Everything waits, and conversations carry that."""
COUNTED = {
    "exchanges": "id, status, mode, asked, answered, request_messages, reply_messages",
    "attempts": "exchange_id, position, status",
    "bodies": "exchange_id, kind, attempt, data",
    "messages": "id, role, body",
    "tool_calls": "exchange_id, position, call_id, name, arguments",
    "turns": "exchange_id, conversation, continues, tail",
    "outcomes": "exchange_id, outcome, confidence, evidence, corrected",
    "tallies": "status, mode, exchanges",
    "vetted": "exchange_id, source, asked, brought",
    "given": "exchange_id, key, conversation",
    "carried": "conversation, position, code, text, since",
    "to_vet": "exchange_id",
    "skill_tallies": "skill, model, adapter, day, round(successes, 6), round(failures, 6)",
}
"""What two stores are compared by: everything but times and numbers of rows."""


def say(home: Path, talks: Sequence[tuple[str, Talk, Sequence[str]]]) -> None:
    """Put conversations through a journal and a store: each has a name that stands in its tool
    calls, what its user says, and the ids of its exchanges. Their exchanges come in turns."""
    with capturing(home) as (journal, ingester, _):
        told: dict[str, list[Json]] = {name: [SHARED] for name, _, _ in talks}
        for number in range(max(len(talk) for _, talk, _ in talks)):
            for name, talk, ids in talks:
                if number >= len(talk):
                    continue
                said = told[name]
                said.append({"role": "user", "content": talk[number]})
                reply: Json = {"role": "assistant", "content": f"About {talk[number]}."}
                request = orjson.dumps({"model": "auto", "messages": said})
                decided = replace(decision(BURST), skill="tool:ls")
                id_ = ids[number]
                journal.begin(begin(id_, request=request, decision=decided, key=None))
                raw = orjson.dumps({"choices": [{"index": 0, "message": reply}]})
                unfit = attempt(status="unfit", total_s=0.1)
                tries = [unfit, attempt()] if talk[number] == "no" else [attempt()]
                journal.end(
                    id_, end(attempts=tries, finish_reason="stop"), [b"", raw][-len(tries) :], None
                )
                said.append(reply)
        assert asyncio.run(ingester.catch_up(20))
        asyncio.run(keep_up(ingester, STRICT, pause=0))


def contents(home: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(home / "majordomo.db")) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}"), key=repr)
            for table, columns in COUNTED.items()
        }


def forget(home: Path, ids: Sequence[str]) -> tuple[int, bool]:
    with capturing(home) as (_, ingester, _store):

        async def go() -> tuple[int, bool]:
            assert await ingester.catch_up(20)
            gone = await ingester.do(lambda writer: writer.forget(ids))
            return gone, await ingester.do(lambda writer: writer.write_anew())

        return asyncio.run(go())


WORDS = st.sampled_from(["Hello", "List the files", "no", "thanks", "that is wrong", "Weather?"])
TALKS = st.lists(st.lists(WORDS, min_size=1, max_size=4).map(tuple), min_size=2, max_size=4)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(talks=TALKS, chosen=st.integers(0, 3))
def test_a_store_that_forgot_a_conversation_is_one_that_never_had_it(
    talks: list[Talk], chosen: int
) -> None:
    # where two conversations begin alike, the later one is a branch of the first
    named = [
        (str(n), (f"I am {n}", *talk), [new_id() for _ in range(5)]) for n, talk in enumerate(talks)
    ]
    gone = named.pop(chosen % len(named))
    with tempfile.TemporaryDirectory() as scratch:
        never, forgot = Path(scratch) / "never", Path(scratch) / "forgot"
        say(never, named)
        say(forgot, [*named, gone])
        store = Store.open_reader(forgot / "majordomo.db")
        found = store.conversation(gone[2][len(gone[1]) - 1])
        store.close()
        assert found is not None
        assert list(found.exchanges) == gone[2][: len(gone[1])]
        assert not found.in_flight
        assert forget(forgot, found.exchanges)[1]
        assert contents(forgot) == contents(never)


async def test_a_message_that_is_said_again_after_it_was_forgotten_is_kept_again(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        for _ in range(2):
            id_ = new_id()
            journal.begin(begin(id_))
            journal.end(id_, end(), [b""], None)
            assert await ingester.catch_up(20)
            found = store.exchange(id_)
            assert found is not None
            assert [m.text for m in found.messages] == ["Be brief.", "What is in notes.txt?"]
            assert await ingester.do(lambda writer, id_=id_: writer.forget([id_])) == 2


async def test_an_open_exchange_and_one_that_goes_on_are_known_to_be_in_flight(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        first, second, other = new_id(), new_id(), new_id()
        reply = {"role": "assistant", "content": "Of course."}
        raw = orjson.dumps({"choices": [{"index": 0, "message": reply}]})
        asked = [{"role": "user", "content": "May I?"}]
        journal.begin(begin(first, request=orjson.dumps({"messages": asked})))
        journal.end(first, end(finish_reason="stop"), [raw], None)
        journal.begin(begin(other))
        assert await ingester.catch_up(20)
        assert not expect(store, first).in_flight
        assert expect(store, other).in_flight
        more = [*asked, reply, {"role": "user", "content": "Thanks."}]
        journal.begin(begin(second, request=orjson.dumps({"messages": more})))
        assert await ingester.catch_up(20)
        assert expect(store, first).in_flight


def expect(store: Store, id_: str) -> Any:
    found = store.conversation(id_)
    assert found is not None
    return found


async def test_what_is_asked_of_the_writing_thread_is_answered_or_refused_and_never_hangs(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (_, ingester, _store):
        assert await ingester.do(lambda writer: writer.position()) is not None

        def fail(_: object) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await ingester.do(fail)
        assert await ingester.catch_up(20), "and the thread goes on"
    with pytest.raises(StoreError):
        await ingester.do(fail)


def test_every_table_is_known_to_forgetting() -> None:
    """A new table names an exchange by `exchange_id`, and is emptied by that; any other is to be
    thought of in `capture.store.forget`."""
    others = {table.name for table in t.metadata.sorted_tables} - {
        table.name for table in named_by_exchange()
    }
    assert others == {
        "exchanges",
        "tallies",
        "messages",
        "skill_tallies",
        "week_counts",
        "carried",
        "vetting_rules",
        "packing_position",
        "journal_position",
        "journal_losses",
    }


# ---------------------------------------------------------------- the journal


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.booleans(), st.integers(0, 3000)), min_size=1, max_size=12),
    damaged=st.none() | st.integers(0, 11),
)
def test_blanking_takes_what_is_named_out_and_leaves_every_other_record_where_it_is(
    sizes: list[tuple[bool, int]], damaged: int | None
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        journal = make_journal(Path(scratch), segment_bytes=4000)
        ids: dict[str, bool] = {}
        ends: list[Position] = []
        for forgotten, size in sizes:
            id_ = new_id()
            ids[id_] = forgotten
            journal.begin(begin(id_, request=b"secret " * forgotten + b"x" * size))
            ends.append(journal.part(id_, b"secret " * forgotten + b"y" * size))
        journal.close()
        if damaged is not None:
            spoil(Path(scratch), ends[damaged % len(ends)])
        before = records(Path(scratch))
        blank(Path(scratch), {id_ for id_, forgotten in ids.items() if forgotten})
        after = records(Path(scratch))
        assert [place for place, _ in before] == [place for place, _ in after]
        for (_, was), (_, found) in zip(before, after, strict=True):
            if isinstance(was, Record) and ids.get(was.id):
                assert isinstance(found, Record)
                assert found.kind == Kind.FORGOTTEN
            elif isinstance(was, Record):
                assert found == was
        for segment in segments(Path(scratch)):
            assert b"secret" not in segment.path.read_bytes()
        again = make_journal(Path(scratch))
        assert damaged is not None or again.torn is None, "a blank record is a whole one"
        again.close()


def spoil(journal: Path, end: Position) -> None:
    """Flip the last byte of a record."""
    (path,) = (s.path for s in segments(journal) if s.number == end.segment)
    data = bytearray(path.read_bytes())
    data[end.offset - 1] ^= 1
    path.write_bytes(data)


def records(journal: Path) -> list[tuple[tuple[int, int], Record | Gap]]:
    found: list[tuple[tuple[int, int], Record | Gap]] = []
    for segment in segments(journal):
        with segment.path.open("rb") as file:
            size = segment.path.stat().st_size
            each = read(file.fileno(), 0, size, segment.seed)
            found += [((segment.number, one.end), one) for one in each]
    return found


async def test_what_was_begun_on_its_behalf_and_said_of_it_goes_with_a_conversation(
    tmp_path: Path,
) -> None:
    asked, reply = user("Look at the moon tonight"), answer("It is full.")
    title = user("User: Look at the moon tonight\n\nAssistant: It is full.")
    with capturing(tmp_path) as (journal, ingester, store):
        first = exchange(journal, [asked], reply)
        last = exchange(journal, [asked, reply, user("And the sun?")], answer("It is down."))
        aside = exchange(journal, [titles(), title], answer("The moon"))
        review = user("Review the conversation above and update the skill library")
        look = exchange(journal, [asked, reply, review], answer("Nothing."))
        other = exchange(journal, [user("Good night")], answer("Sleep well."))
        spoken = said(conversation=last)
        journal.feedback(spoken)
        assert await ingester.catch_up(30)
        found = store.conversation(last)
        assert found is not None
        assert set(found.exchanges) == {first, last, aside, look}
        assert found.feedback == (spoken.id,)
        await ingester.do(lambda writer: writer.forget(found.exchanges))
        assert [each.id for each in store.exchanges()] == [other]
        assert store.feedback(conversation=last) == []


def titles() -> dict[str, Any]:
    """How Hermes Agent asks for a title."""
    return {"role": "system", "content": "Generate a short, descriptive title (3-7 words) for it."}
