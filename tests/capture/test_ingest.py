from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from capture import ingest
from capture.exchange import Mode
from capture.framing import Kind, segments
from capture.ids import new_id
from capture.ingest import Ingester
from capture.journal import Journal
from capture.messages import ContentPart, Message, ToolCall, Usage
from capture.store import Store
from capture.store.writer import Writer
from tests.support.fresh_store import open_store
from tests.support.journals import (
    BURST,
    REPLY,
    REQUEST,
    attempt,
    begin,
    capturing,
    decision,
    end,
    make_journal,
)

STREAM = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"One "}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":"two "}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":"three"},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
    b"data: [DONE]\n\n"
)

Capture = tuple[Journal, Ingester, Store]


@pytest.fixture
def capture(tmp_path: Path) -> Iterator[Capture]:
    with capturing(tmp_path) as run:
        yield run


async def test_an_exchange_is_in_the_store_with_all_that_is_known_of_it(capture: Capture) -> None:
    journal, ingester, store = capture
    id_ = new_id()
    journal.begin(begin(id_))
    journal.end(id_, end(), [REPLY], None)
    assert await ingester.catch_up(30)
    found = store.exchange(id_)
    assert found is not None
    assert found.request == REQUEST
    assert found.delivered == REPLY
    assert found.messages == (
        Message("system", (ContentPart("text", "Be brief."),)),
        Message("user", (ContentPart("text", "What is in notes.txt?"),)),
    )
    assert found.tools == ("read_file",)
    assert found.tool_calls == (ToolCall("call_1", "read_file", '{"path":"notes.txt"}'),)
    assert found.reply == Message(
        "assistant", (ContentPart("text", "Let me look."),), found.tool_calls
    )
    assert found.decision["rules"][1]["saw"] == [["tools", "read_file", "read_file", True]]
    assert found.decision["excluded"][0][1]["code"] == "budget"
    assert (found.config_generation, found.queue_s, found.connect_s) == (7, 0.01, 0.001)
    (tried,) = found.attempts
    assert (tried.raw, tried.usage, tried.cost_usd) == (REPLY, Usage(20, 9), 0.0)
    summary = found.summary
    assert summary == store.exchanges()[0]
    assert (summary.status, summary.mode, summary.finish_reason) == (
        "ok",
        Mode.RESTING,
        "tool_calls",
    )
    assert (summary.asked, summary.answered, summary.called) == (
        "What is in notes.txt?",
        "Let me look.",
        ("read_file",),
    )
    assert store.counts()["by_status"] == {"ok": 1}


async def test_an_exchange_that_goes_on_is_open_until_its_end_comes(capture: Capture) -> None:
    journal, ingester, store = capture
    id_ = new_id()
    journal.begin(begin(id_, stream=True))
    assert await ingester.catch_up(30)
    (summary,) = store.exchanges()
    assert (summary.status, summary.mode, summary.http_status) == ("open", Mode.RESTING, None)
    assert store.counts()["by_status"] == {"open": 1}
    journal.part(id_, STREAM[:100])
    assert await ingester.catch_up(30)
    journal.part(id_, STREAM[100:150])
    journal.end(id_, end(usage=None, finish_reason=None, streamed=True), [STREAM[150:]], None)
    assert await ingester.catch_up(30)
    found = store.exchange(id_)
    assert found is not None
    assert found.reply is not None
    assert found.reply.text == "One two three"
    assert found.attempts[0].raw == found.delivered == STREAM
    assert (found.summary.finish_reason, found.summary.usage) == ("stop", Usage(3, 4))
    assert store.counts()["by_status"] == {"ok": 1}


async def test_every_attempt_keeps_its_own_bytes_and_what_the_client_got_is_apart(
    capture: Capture,
) -> None:
    journal, ingester, store = capture
    id_ = new_id()
    journal.begin(begin(id_))
    tries = [
        attempt(status="http_error", http_status=503, error="overloaded", cost_usd=None),
        attempt(status="connect_error", http_status=None),
        attempt(mode=Mode.BURST, upstream="claude", model="claude-opus-4-5", cost_usd=0.25),
    ]
    journal.part(id_, b"event: message_start\n\n")
    journal.end(id_, end(attempts=tries), [b"busy", b"", b"event: message_stop\n\n"], STREAM)
    assert await ingester.catch_up(30)
    found = store.exchange(id_)
    assert found is not None
    assert [each.raw for each in found.attempts] == [
        b"busy",
        b"",
        b"event: message_start\n\nevent: message_stop\n\n",
    ]
    assert found.delivered == STREAM
    assert found.reply is not None
    assert found.reply.text == "One two three"
    assert (found.summary.mode, found.summary.attempts) == (Mode.BURST, 3)


async def test_a_refused_exchange_without_attempts_is_kept(capture: Capture) -> None:
    journal, ingester, store = capture
    id_ = new_id()
    journal.begin(begin(id_, request=b"not json"))
    refusal = {"message": "no upstream", "code": "no_upstream"}
    journal.end(id_, end(status="refused", http_status=503, attempts=[], error=refusal), [], None)
    assert await ingester.catch_up(30)
    found = store.exchange(id_)
    assert found is not None
    assert (found.summary.status, found.error, found.attempts) == ("refused", refusal, ())
    assert (found.messages, found.reply, found.request) == ((), None, b"not json")


async def test_large_bodies_come_back_as_they_were(capture: Capture) -> None:
    journal, ingester, store = capture
    id_ = new_id()
    words = b'{"messages":[{"role":"user","content":"' + b"lorem ipsum " * 9000 + b'"}]}'
    noise = os.urandom(100_000)
    journal.begin(begin(id_, request=words))
    journal.end(id_, end(), [noise], None)
    assert await ingester.catch_up(30)
    found = store.exchange(id_)
    assert found is not None
    assert (found.request, found.delivered) == (words, noise)


async def test_a_text_that_many_exchanges_share_is_kept_once(capture: Capture) -> None:
    journal, ingester, store = capture
    for _ in range(5):
        journal.begin(begin())
    assert await ingester.catch_up(30)
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (2,)
        asked = connection.execute("SELECT DISTINCT request_messages FROM exchanges").fetchall()
    assert [len(ids) for (ids,) in asked] == [2 * 16]


async def test_what_an_earlier_run_left_open_is_closed_as_interrupted_with_its_part(
    tmp_path: Path,
) -> None:
    journal = make_journal(tmp_path / "journal")
    whole, cut = new_id(), new_id()
    journal.begin(begin(whole))
    journal.end(whole, end(), [REPLY], None)
    journal.begin(begin(cut, stream=True, decision=decision(BURST), reserve_usd=0.5))
    journal.part(cut, STREAM[: STREAM.index(b"two")])
    journal.close()
    with capturing(tmp_path) as (live, ingester, store):
        mine = new_id()
        live.begin(begin(mine))
        assert await ingester.catch_up(30)
        found = store.exchange(cut)
        assert found is not None
        assert found.summary.status == "interrupted"
        assert found.reply is not None
        assert found.reply.text == "One "
        assert found.partial == STREAM[: STREAM.index(b"two")]
        assert store.spent(0) == 0.5
        assert store.counts()["by_status"] == {"ok": 1, "interrupted": 1, "open": 1}
        assert [each.status for each in store.exchanges()] == ["open", "interrupted", "ok"]


async def test_spent_counts_what_attempts_cost_and_the_reserve_where_that_is_unknown(
    capture: Capture,
) -> None:
    journal, ingester, store = capture
    for cost, reserve, at in ((0.25, 1.0, 100.0), (None, 2.0, 200.0), (None, None, 300.0)):
        id_ = new_id()
        tried = attempt(mode=Mode.BURST, started_at=at, cost_usd=cost, reserve_usd=reserve)
        journal.begin(begin(id_))
        journal.end(id_, end(attempts=[attempt(cost_usd=9.0), tried]), [b"", REPLY], None)
    assert await ingester.catch_up(30)
    assert store.spent(0) == 2.25
    assert store.spent(150) == 2.0
    assert store.spent(400) == 0.0


async def test_an_exchange_that_an_orderly_stop_interrupted_is_paid_for_once(
    capture: Capture,
) -> None:
    journal, ingester, store = capture
    tried = attempt(mode=Mode.BURST, status="cancelled", cost_usd=None, reserve_usd=0.5)
    for attempts in ([tried], []):  # under way, and still waiting for its turn
        id_ = new_id()
        journal.begin(begin(id_, reserve_usd=0.5))
        ended = end(status="interrupted", attempts=attempts, cost_usd=None)
        journal.end(id_, ended, [b""] * len(attempts), None)
    assert await ingester.catch_up(30)
    assert store.spent(0) == 0.5


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.slow
@given(st.lists(st.integers(1, 40), min_size=1, max_size=3), st.integers(1, 7))
@settings(max_examples=10, deadline=None)
def test_every_exchange_is_taken_once_wherever_ingesting_is_killed(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int], per_batch: int
) -> None:
    home = tmp_path_factory.mktemp("home")
    journal = make_journal(home / "journal", segment_bytes=20_000)
    ids = [new_id() for _ in range(25)]
    for id_ in ids:
        journal.begin(begin(id_))
        journal.part(id_, STREAM[:90])
    for id_ in ids:
        journal.end(id_, end(), [STREAM[90:]], None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "_BATCH_RECORDS", per_batch)
        for death in deaths:
            _ingest_until(journal, home, patch, death)
    _ingest_until(journal, home, None, 0)
    journal.close()
    store = Store.open_reader(home / "majordomo.db")
    assert sorted(each.id for each in store.exchanges(100)) == sorted(ids)
    for id_ in ids:
        found = store.exchange(id_)
        assert found is not None
        assert found.delivered == STREAM
        assert found.reply is not None
        assert found.reply.text == "One two three"
    assert store.counts()["by_status"] == {"ok": 25}
    assert store.losses() == []
    store.close()


def _ingest_until(
    journal: Journal, home: Path, patch: pytest.MonkeyPatch | None, death: int
) -> None:
    """Ingest in this thread; with a patch, die at that statement of writing."""
    store = open_store(home / "majordomo.db")
    assert store.writer is not None
    left = [death]
    many = Writer._many  # pyright: ignore[reportPrivateUsage] - the statement to die at

    def dying(writer: Writer, sql: str, values: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        many(writer, sql, values)

    if patch is not None:
        patch.setattr(Writer, "_many", dying)
    try:
        Ingester(journal, store, keep_segments=99)._take_all()  # pyright: ignore[reportPrivateUsage] - in this thread
    except Killed:
        pass
    finally:
        if patch is not None:
            patch.setattr(Writer, "_many", many)
        store.close()


async def test_records_taken_already_change_nothing_when_they_come_again(
    capture: Capture,
) -> None:
    journal, ingester, store = capture
    id_, open_ = new_id(), new_id()
    for _ in range(2):
        journal.begin(begin(id_))
        journal.begin(begin(open_))
        journal.end(id_, end(), [REPLY], None)
        assert await ingester.catch_up(30)
    assert len(store.exchanges()) == 2
    found = store.exchange(id_)
    assert found is not None
    assert found.request == REQUEST
    assert store.counts()["by_status"] == {"ok": 1, "open": 1}


async def test_damage_in_a_segment_is_skipped_counted_and_its_segment_kept(
    tmp_path: Path,
) -> None:
    journal = make_journal(tmp_path / "journal")
    ids = [new_id() for _ in range(3)]
    positions = [journal.begin(begin(id_)) for id_ in ids]
    journal.close()
    (segment,) = segments(tmp_path / "journal")
    data = bytearray(segment.path.read_bytes())
    data[positions[0].offset + 40] ^= 1
    segment.path.write_bytes(data)
    with capturing(tmp_path, keep_segments=0) as (_, ingester, store):
        assert await ingester.catch_up(30)
        assert {each.id for each in store.exchanges()} == {ids[0], ids[2]}
        (loss,) = store.losses()
        assert loss.offset == positions[0].offset
        assert loss.bytes == positions[1].offset - positions[0].offset
        assert store.counts()["lost_bytes"] == loss.bytes
    assert segment.path.exists()


async def test_a_torn_tail_is_counted_as_lost(tmp_path: Path) -> None:
    journal = make_journal(tmp_path / "journal")
    journal.begin(begin())
    journal.close()
    (segment,) = segments(tmp_path / "journal")
    with segment.path.open("ab") as file:
        file.write(half := b"\xf5MJ1 half a head")
    with capturing(tmp_path) as (_, ingester, store):
        assert await ingester.catch_up(30)
        assert store.counts()["lost_bytes"] == len(half)


async def test_an_end_whose_begin_is_lost_is_kept_and_says_so(capture: Capture) -> None:
    journal, ingester, store = capture
    id_ = new_id()
    journal.end(id_, end(), [REPLY], None)
    assert await ingester.catch_up(30)
    found = store.exchange(id_)
    assert found is not None
    assert found.notes == ("the record of its beginning is lost",)
    assert found.summary.status == "ok"


@pytest.mark.parametrize("meta", [b"", b"{}", b'{"end": 3}', b"[1]", b'{"at": "x"}'])
@pytest.mark.parametrize("kind", [Kind.BEGIN, Kind.END, 77])
async def test_a_record_that_makes_no_sense_is_a_loss_and_holds_nothing_up(
    capture: Capture, kind: int, meta: bytes
) -> None:
    journal, ingester, store = capture
    before, after = new_id(), new_id()
    journal.begin(begin(before))
    journal._append(kind, new_id(), meta, ())  # pyright: ignore[reportPrivateUsage, reportArgumentType]
    journal.begin(begin(after))
    assert await ingester.catch_up(30)
    assert {each.id for each in store.exchanges()} == {before, after}
    assert len(store.losses()) == 1
    assert ingester.failure is None


async def test_a_record_the_database_cannot_take_is_a_loss_and_holds_nothing_up(
    capture: Capture,
) -> None:
    journal, ingester, store = capture
    before, bad, after = new_id(), new_id(), new_id()
    journal.begin(begin(before))
    journal.begin(begin(bad, path=["no", "text"]))
    journal.begin(begin(after))
    assert await ingester.catch_up(30)
    assert {each.id for each in store.exchanges()} == {before, after}
    assert len(store.losses()) == 1


async def test_odd_but_possible_values_are_kept(capture: Capture) -> None:
    journal, ingester, store = capture
    id_ = new_id()
    text = rb'{"messages":[{"role":"user","content":"a\ud800b\u0000c"}]}'
    journal.begin(begin(id_, request=text, headers={"x-odd": "\u00e9\x00\x1b[1m"}))
    huge = b'{"choices":[],"usage":{"prompt_tokens":' + b"9" * 40 + b',"completion_tokens":1}}'
    journal.end(id_, end(usage=None, error={"message": "\u2028<b>"}), [huge], None)
    assert await ingester.catch_up(30)
    found = store.exchange(id_)
    assert found is not None
    assert found.request == text
    assert found.messages[0].text == "a\ufffdb\x00c"
    assert found.summary.usage == Usage(None, 1)
    assert ingester.failure is None


async def test_while_the_store_cannot_be_written_the_journal_holds_all_and_it_is_told(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, ingester, store = capture
    monkeypatch.setattr(ingest, "_RETRY_SECONDS", 0.005)

    def fails(*_: Any) -> None:
        raise OperationalError("INSERT", (), sqlite3.OperationalError("disk is full"))

    monkeypatch.setattr(Writer, "take", fails)
    journal.begin(begin())
    assert not await ingester.catch_up(timeout=0.1)
    assert "disk is full" in (ingester.failure or "")
    assert ingester.lag_bytes > 0
    monkeypatch.undo()
    assert await ingester.catch_up(30)
    assert ingester.failure is None
    assert ingester.lag_bytes == 0
    assert len(store.exchanges()) == 1


async def test_a_reader_in_the_middle_of_reading_does_not_hold_the_writer_up(
    capture: Capture,
) -> None:
    journal, ingester, store = capture
    journal.begin(begin())
    assert await ingester.catch_up(30)
    reader = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM exchanges").fetchone() == (1,)
    journal.begin(begin())
    assert await ingester.catch_up(30)
    assert len(store.exchanges()) == 2
    assert reader.execute("SELECT count(*) FROM exchanges").fetchone() == (1,)
    reader.close()


async def test_segments_go_only_when_they_are_safely_in_the_store(tmp_path: Path) -> None:
    with capturing(tmp_path, keep_segments=2, segment_bytes=5_000) as (journal, ingester, store):
        for _ in range(40):
            journal.begin(begin())
        assert await ingester.catch_up(30)
        assert len(segments(journal.directory)) >= 8
        assert store.writer is not None
    assert len(segments(tmp_path / "journal")) == 3
    with capturing(tmp_path, keep_segments=2) as (_, ingester, store):
        assert await ingester.catch_up(30)
        assert store.counts()["total"] == 40


async def test_a_position_past_the_end_of_a_segment_is_survived(tmp_path: Path) -> None:
    """After a power cut the store may be ahead: the journal lost its last pages, it did not."""
    with capturing(tmp_path) as (journal, ingester, _):
        first = journal.begin(begin())
        journal.begin(begin())
        assert await ingester.catch_up(30)
    (segment,) = segments(tmp_path / "journal")
    os.truncate(segment.path, first.offset)
    with capturing(tmp_path) as (journal, ingester, store):
        journal.begin(begin())
        assert await ingester.catch_up(30)
        assert store.counts()["total"] == 3


async def test_a_journal_begun_anew_under_an_old_number_is_read_from_its_start(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, _):
        for _ in range(3):
            journal.begin(begin())
        assert await ingester.catch_up(30)
    (segment,) = segments(tmp_path / "journal")
    segment.path.unlink()
    with capturing(tmp_path) as (journal, ingester, store):
        journal.begin(begin())
        assert await ingester.catch_up(30)
        assert store.counts()["total"] == 4


@pytest.mark.slow
async def test_a_hundred_megabyte_reply_is_taken(capture: Capture) -> None:
    journal, ingester, store = capture
    id_ = new_id()
    body = b"x" * (100 << 20)
    journal.begin(begin(id_))
    journal.end(id_, end(), [body], None)
    assert await ingester.catch_up(30)
    found = store.exchange(id_)
    assert found is not None
    assert found.delivered == body


async def test_catching_up_with_nobody_ingesting_is_false(tmp_path: Path) -> None:
    journal = make_journal(tmp_path / "journal")
    store = Store.open(tmp_path / "majordomo.db")
    ingester = Ingester(journal, store, keep_segments=1)
    assert not await ingester.catch_up(0.01)
    store.close()
    journal.close()
