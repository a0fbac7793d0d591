"""Pairs of replies: which facts make one, and what is one's row."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from capture.exchange import Attempt, Mode
from capture.exports import Filters, Format, Left, Made, Source, made, write_export
from capture.journal import Journal
from capture.store import Store, Wanted
from tests.support.journals import attempt, begin, capturing, end
from tests.support.kitchen import (
    CLOUD,
    HOME,
    SYSTEM,
    TOOLS,
    answer,
    call,
    exchange,
    quarrel,
    result,
    user,
)
from tests.support.memory import peak
from tests.support.turns import REDACTOR

OPENING: list[dict[str, Any]] = [
    {"role": "system", "content": SYSTEM},
    user("How large is notes.txt?"),
]


def asked(journal: Journal, command: str, output: str, opening: Any = OPENING, **more: Any) -> str:
    """One request, answered by a call whose tool says `output`; gives the first exchange's id."""
    made = call(f"call_{command}", json.dumps({"command": command}))
    id_ = exchange(journal, opening, made, **more)
    exchange(journal, [*opening, made, result(f"call_{command}", output)], answer("So."), **more)
    return id_


def offered(store: Store, **filters: Any) -> Source:
    """All pairs, for rows."""
    return Source((), REDACTOR, Filters(**filters), pairs=store.pairs(REDACTOR, Wanted()))


def found(store: Store, **wanted: Any) -> list[tuple[str, str, str]]:
    """(chosen, rejected, why) of each pair."""
    pairs = store.pairs(REDACTOR, Wanted(**wanted))
    return [(pair.chosen.id, pair.rejected.id, pair.why) for pair in pairs]


GOOD, BAD = "120 notes.txt", '{"error": "no such file"}'


async def test_a_reply_that_was_not_handed_over_is_rejected_for_the_one_that_was(
    tmp_path: Path,
) -> None:
    unfit = call("call_u", '{"path": "notes.txt"}')
    with capturing(tmp_path) as (journal, ingester, store):
        exchange(journal, OPENING, answer("Hm."))
        id_ = exchange(journal, OPENING, answer("120 bytes."), unfit=unfit)
        assert await ingester.catch_up(30)
        (pair,) = store.pairs(REDACTOR, Wanted())
    assert (pair.chosen.id, pair.rejected.id, pair.why) == (id_, id_, "unfit")
    assert pair.chosen.reply["content"] == "120 bytes."
    assert (pair.chosen.mode, pair.rejected.mode) == (Mode.BURST, Mode.RESTING)
    assert pair.rejected.upstream == "house"
    assert pair.rejected.reply["tool_calls"] == unfit["tool_calls"]


async def test_an_unfit_reply_that_was_handed_over_after_all_is_in_no_pair(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        for statuses in (("unfit", "unfit"), ("http_error", "unfit")):
            given = begin()
            journal.begin(given)
            tried: list[Attempt] = [attempt(status=status) for status in statuses]
            body = b'{"choices":[{"message":{"role":"assistant","content":"Hm."}}]}'
            journal.end(given.id, end(attempts=tried), [body, body], None)
        assert await ingester.catch_up(30)
        assert not found(store)


async def test_a_reply_that_failed_is_never_chosen(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        asked(journal, "ls", BAD, unfit=call("u", "{}"))
        assert await ingester.catch_up(30)
        (turn, _) = store.trainable(REDACTOR)
        assert turn.outcome == "failure"
        assert turn.id not in [chosen for chosen, _, _ in found(store)]


async def test_of_one_request_answered_twice_the_reply_that_succeeded_is_chosen(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        bad = asked(journal, "ls", BAD, place=HOME)
        good = asked(journal, "wc", GOOD)
        worse = asked(journal, "cat", BAD)
        assert await ingester.catch_up(30)
        assert found(store) == [(good, bad, "outcome"), (good, worse, "outcome")]


async def test_of_several_that_succeeded_the_surest_is_chosen_and_then_the_latest(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        bad = asked(journal, "ls", BAD)
        asked(journal, "wc", GOOD)
        later = asked(journal, "wc -c", GOOD)
        assert await ingester.catch_up(30)
        assert found(store) == [(later, bad, "outcome")]
        surest = exchange(journal, OPENING, answer("120."))
        exchange(journal, [*OPENING, answer("120."), user("Thanks, perfect!")], answer("Yes."))
        assert await ingester.catch_up(30)
        assert found(store) == [(surest, bad, "outcome")]


DIFFERENT: list[dict[str, Any]] = [
    {"opening": [{"role": "system", "content": "Be brief."}, OPENING[1]]},
    {"opening": [*OPENING[:1], user("How large is it?")]},
    {"key": "phone"},
    {"tools": [*TOOLS, {"type": "function", "function": {"name": "read_file"}}]},
    {"tools": [{"type": "function", "function": {"name": "terminal", "parameters": {}}}]},
    {"tool_choice": "required"},
]


@pytest.mark.parametrize("other", DIFFERENT)
async def test_two_requests_that_differ_make_no_pair(other: dict[str, Any], tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        asked(journal, "ls", BAD)
        asked(journal, "wc", GOOD, **other)
        assert await ingester.catch_up(30)
        assert {turn.outcome for turn in store.trainable(REDACTOR)} == {
            "failure",
            "success",
            "unknown",
        }
        assert not found(store)


async def test_a_correction_and_the_reply_after_it_are_no_pair(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        exchange(journal, OPENING, answer("Empty."))
        told = [*OPENING, answer("Empty."), user("No, that is wrong.")]
        exchange(journal, told, answer("120 bytes."))
        exchange(journal, [*told, answer("120 bytes."), user("Thanks!")], answer("Yes."))
        assert await ingester.catch_up(30)
        assert [turn.outcome for turn in store.trainable(REDACTOR)] == [
            "failure",
            "success",
            "unknown",
        ]
        assert not found(store)


async def test_filters_speak_of_the_chosen_reply(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        bad = asked(journal, "ls", BAD, place=CLOUD)
        home = asked(journal, "wc", GOOD, place=HOME)
        cloud = asked(journal, "wc -c", GOOD, place=CLOUD)
        unfit = exchange(journal, [user("Hi")], answer("Hi."), unfit=answer(""))
        assert await ingester.catch_up(30)
        burst = [(unfit, unfit, "unfit"), (cloud, bad, "outcome")]
        assert found(store, modes=[Mode.BURST]) == burst
        assert found(store, modes=[Mode.RESTING]) == [(home, bad, "outcome")]
        assert found(store, outcome="unknown") == [(unfit, unfit, "unfit")]
        assert not found(store, outcome="failure")
        assert not found(store, until=1.0)


# rows


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


async def test_a_row_is_a_prompt_and_two_replies_in_trl_s_words(tmp_path: Path) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        ids = quarrel(journal)
        assert await ingester.catch_up(30)
        given = offered(store)
        written = write_export(given, Format.PREFERENCE, tmp_path / "out", "0.1.0")
    unfit, outcome = lines(tmp_path / "out" / "preference.jsonl")
    assert list(unfit) == ["prompt", "chosen", "rejected", "tools", "why"]
    assert [message["role"] for message in outcome["prompt"]] == ["system", "user"]
    for reply, command in (("chosen", "wc -c notes.txt"), ("rejected", "ls notes")):
        (said,) = outcome[reply]
        (called,) = said["tool_calls"]
        assert said["role"] == "assistant"
        assert called["function"]["arguments"] == {"command": command}
    assert unfit["prompt"][-1] == user("No, that is wrong. Look at notes.txt.")
    assert unfit["rejected"][0]["tool_calls"][0]["function"]["arguments"] == {"path": "notes.txt"}
    assert (unfit["tools"], unfit["why"], outcome["why"]) == (TOOLS, "unfit", "outcome")
    assert written.made_of == {"outcome": 1, "unfit": 1}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["exchanges"] == [[ids[2]], [ids[4], ids[0]]]
    assert manifest["made_of"] == written.made_of


async def test_two_replies_that_are_the_same_but_for_their_calls_ids_make_no_row(
    tmp_path: Path,
) -> None:
    again = call("other", '{"command":"ls"}')
    with capturing(tmp_path) as (journal, ingester, store):
        bad = asked(journal, "ls", BAD)
        exchange(journal, OPENING, again)
        exchange(journal, [*OPENING, again, result("other", GOOD)], answer("So."))
        assert await ingester.catch_up(30)
        rows = list(made(offered(store), Format.PREFERENCE))
    assert rows == [Left(bad, "same")]


async def test_a_pair_of_which_either_is_private_stays_home(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        bad = asked(journal, "ls", BAD, private=True)
        asked(journal, "wc", GOOD)
        assert await ingester.catch_up(30)
        assert len(found(store)) == 1
        rows = list(made(offered(store), Format.PREFERENCE))
        assert rows == [Left(bad, "private")]
        allowed = offered(store, private=True)
        (row,) = made(allowed, Format.PREFERENCE)
        assert isinstance(row, Made)


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_number_of_pairs(tmp_path: Path) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        for number in range(60):
            opening = [user(f"{number} " + "x" * 20_000)]
            asked(journal, "ls", BAD, opening)
            asked(journal, "wc", GOOD, opening)
        assert await ingester.catch_up(60)

        def read(number: int) -> None:
            seen = sum(1 for _ in islice(store.pairs(REDACTOR, Wanted()), number))
            assert seen == number

        read(6)  # what is imported and cached once
        assert peak(lambda: read(60)) < peak(lambda: read(6)) + 400_000
