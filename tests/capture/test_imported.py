"""Exchanges that somebody else served: kept whole or not at all, linked, never counted as ours."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from capture.exchange import Mode
from capture.framing import Kind, Record, read, segments
from capture.ids import named_id
from capture.imported import Imported
from capture.indexing import Indexer
from capture.journal import Journal
from capture.redact import Redactor
from capture.store import Store
from capture.store.rows import ExchangeDetail
from gateway.alone import alone
from gateway.home import Home
from tests.support.journals import BURST, REPLY, attempt, begin, capturing, decision, end

TALK = (
    ("How late is it?", "Five.", "Thanks, great. And in Rome?"),
    ("How late is it?", "Six.", "Thanks."),
)
AT = 1_790_000_000.0


def imported(number: int, said: Sequence[str], reply: str, **more: object) -> Imported:
    """An exchange in which this was said, by turns, and then this reply."""
    messages = [
        {"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(said)
    ]
    choice = {"index": 0, "message": {"role": "assistant", "content": reply}}
    answer = {"choices": [choice | {"finish_reason": "stop"}], "usage": {"prompt_tokens": 7}}
    made = Imported(
        id=named_id(AT + number, b"%010d" % number),
        at=AT + number,
        format="claude-code",
        model="claude-opus-4-5",
        mode=Mode.BURST,
        request=orjson.dumps({"model": "claude-opus-4-5", "messages": messages}),
        reply=orjson.dumps(answer),
        session="s1",
        skill="chat",
    )
    return replace(made, **more)  # pyright: ignore[reportArgumentType]


FIRST = imported(1, ["How late is it?"], "Five.")
SECOND = imported(2, ["How late is it?", "Five.", "Thanks, great. And in Rome?"], "Five, too.")


def keep(home: Path, *exchanges: Imported) -> None:
    with capturing(home) as (journal, _, _store):
        for each in exchanges:
            journal.imported(each)


def serve(journal: Journal, number: int) -> str:
    """A conversation of two turns with Claude, through the gateway."""
    id_ = ""
    for turn in range(2):
        said = [{"role": "user", "content": "How late is it?"}]
        if turn:
            said += [
                {"role": "assistant", "content": "Five."},
                {"role": "user", "content": "Thanks!"},
            ]
        id_ = named_id(AT + number * 60 + turn, b"served%04d" % number)
        journal.begin(
            begin(
                id_,
                at=AT + number * 60 + turn,
                decision=replace(decision(BURST), skill="chat"),
                request=orjson.dumps({"messages": said}),
            )
        )
        tried = attempt(mode=Mode.BURST, upstream="claude", model="claude-opus-4-5", cost_usd=0.25)
        answer = {"message": {"role": "assistant", "content": "Five."}, "finish_reason": "stop"}
        reply = orjson.dumps({"choices": [answer]})
        journal.end(id_, end(attempts=[tried], finish_reason="stop", cost_usd=0.25), [reply], None)
    return id_


def figures(store: Store) -> tuple[object, ...]:
    """All that is counted of what was served."""
    counted = store.counts()
    skills = [replace(each) for each in store.skill_counts()]
    return store.weeks(), counted, store.spent(0.0), skills


def test_an_imported_exchange_is_kept_with_all_that_was_told_of_it(tmp_path: Path) -> None:
    keep(tmp_path, FIRST)
    store = Store.open_reader(tmp_path / "majordomo.db")
    detail = store.exchange(FIRST.id)
    store.close()
    assert isinstance(detail, ExchangeDetail)
    row = detail.summary
    assert (row.path, row.key, row.upstream) == ("import:claude-code",) * 3
    assert (row.status, row.http_status, row.mode) == ("ok", None, Mode.BURST)
    assert (row.model, row.alias, row.skill) == ("claude-opus-4-5", "claude-opus-4-5", "chat")
    assert (row.finish_reason, row.attempts, row.cost_usd) == ("stop", 0, None)
    assert row.usage is not None
    assert row.usage.input_tokens == 7
    assert detail.session == "s1"
    assert (detail.request, detail.delivered) == (FIRST.request, FIRST.reply)
    assert (detail.attempts, detail.partial) == ((), b"")
    assert detail.decision["reasons"][0]["code"] == "imported"


def test_imported_exchanges_are_linked_and_what_came_of_them_is_known(tmp_path: Path) -> None:
    keep(tmp_path, FIRST, SECOND)
    store = Store.open_reader(tmp_path / "majordomo.db")
    detail = store.exchange(SECOND.id)
    turns = list(store.trainable(Redactor("secrets", b"x"), outcome="success"))
    store.close()
    assert detail is not None
    assert (detail.continues, detail.summary.conversation) == (FIRST.id, FIRST.id)
    assert [turn.id for turn in turns] == [FIRST.id]


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    keep(tmp_path, FIRST, SECOND)
    other = replace(FIRST, reply=FIRST.reply.replace(b"Five", b"Nine"))
    keep(tmp_path, other, other, FIRST, SECOND)
    store = Store.open_reader(tmp_path / "majordomo.db")
    detail = store.exchange(FIRST.id)
    assert detail is not None
    assert detail.delivered == FIRST.reply
    assert len(store.exchanges()) == 2
    store.close()


def test_nothing_that_is_counted_of_what_was_served_changes(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, _, store):
        last = serve(journal, 1)
    store = Store.open_reader(tmp_path / "majordomo.db")
    before = figures(store)
    store.close()
    assert before[2] == 0.5
    assert before[3] != []
    old = [imported(-90 * 86_400 + n, [f"{n}?"], "Yes.", at=AT - 90 * 86_400 + n) for n in range(3)]
    keep(tmp_path, FIRST, SECOND, *old)
    store = Store.open_reader(tmp_path / "majordomo.db")
    assert figures(store) == before
    detail = store.exchange(last)
    assert detail is not None
    assert detail.outcome is None or detail.outcome.outcome != "failure"
    store.close()


def test_what_was_imported_never_speaks_of_what_was_served(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, _, store):
        served = serve(journal, 0)
    store = Store.open_reader(tmp_path / "majordomo.db")
    before = store.exchange(served)
    store.close()
    again = imported(30, ["How late is it?", "Five.", "Thanks!"], "Six.")
    on = imported(40, ["How late is it?", "Five.", "Thanks!", "Five.", "No, that is wrong."], "Oh.")
    keep(tmp_path, again, on)
    store = Store.open_reader(tmp_path / "majordomo.db")
    assert store.exchange(served) == before
    theirs = store.exchange(again.id)
    assert theirs is not None
    assert theirs.summary.conversation != before.summary.conversation if before else False
    store.close()


def test_forgetting_what_was_imported_takes_back_no_count(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, _, store):
        serve(journal, 1)
        journal.imported(FIRST)
        journal.imported(SECOND)
    with capturing(tmp_path) as (journal, ingester, store):
        asyncio.run(ingester.catch_up())
        before = figures(store)
        gone = asyncio.run(ingester.do(lambda writer: writer.forget([FIRST.id, SECOND.id])))
        assert gone
        assert figures(store) == before
        assert store.exchange(FIRST.id) is None


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_an_import_cut_short_leaves_whole_exchanges_and_can_be_completed(
    tmp_path: Path, cut: int
) -> None:
    with capturing(tmp_path) as (journal, _, _store):
        pass
    journal = Journal(tmp_path / "journal", segment_bytes=1 << 26, sync_ms=5, epoch="killed")
    journal.open()
    journal.imported(FIRST)
    journal.imported(SECOND)
    journal.close()
    segment = segments(tmp_path / "journal")[-1]
    with segment.path.open("r+b") as file:
        file.truncate(segment.path.stat().st_size - cut)
    with capturing(tmp_path) as (_, ingester, store):
        asyncio.run(ingester.catch_up())
        assert [row.id for row in store.exchanges()] == [FIRST.id]
        assert store.exchanges()[0].status == "ok"
    keep(tmp_path, FIRST, SECOND)
    store = Store.open_reader(tmp_path / "majordomo.db")
    assert [row.id for row in store.exchanges()] == [SECOND.id, FIRST.id]
    store.close()


def test_an_imported_exchange_is_one_record(tmp_path: Path) -> None:
    keep(tmp_path, FIRST)
    segment = segments(tmp_path / "journal")[-1]
    with segment.path.open("rb") as file:
        size = segment.path.stat().st_size
        found = list(read(file.fileno(), 0, size, segment.seed))
    kinds = [each.kind for each in found if isinstance(each, Record)]
    assert kinds == [Kind.SEGMENT, Kind.IMPORTED]


def test_words_of_what_happened_long_ago_are_taken_in_once_it_is_told(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        journal.begin(begin("01KA1MDQAGFCTJSBC2FWQR2C1Z"))
        journal.end("01KA1MDQAGFCTJSBC2FWQR2C1Z", end(), [REPLY], None)
        asyncio.run(ingester.catch_up())
        indexer = Indexer(store, tmp_path / "search.db", lambda: Redactor("secrets", b"x"))
        indexer.open()
        assert indexer.step() == 1
        journal.imported(replace(FIRST, id=named_id(1000.0, b"longagooooo"), at=1000.0))
        asyncio.run(ingester.catch_up())
        assert indexer.step() == 0
        indexer.look_back(named_id(1000.0, b"longagooooo"))
        assert indexer.step() == 1
        indexer.stop()


def test_a_command_has_a_home_to_itself(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()

    async def twice() -> bool:
        async with alone(home) as mine:
            mine.journal.imported(FIRST)
            with pytest.raises(OSError, match="in use"):
                async with alone(home):
                    pass
            return await mine.ingester.catch_up()

    assert asyncio.run(twice())
    store = Store.open_reader(home.database)
    assert store.known([FIRST.id, SECOND.id]) == {FIRST.id}
    assert store.keys() == ["import:claude-code"]
    store.close()
