"""Pairs of replies: which facts make one, and what is one's row."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.exchange import Attempt, Mode
from capture.exports import Filters, Format, Left, Made, Source, made, write_export
from capture.journal import Journal
from capture.pairs import does_the_same
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


async def test_a_held_reply_is_rejected_for_the_cloud_s_where_that_does_something_else(
    tmp_path: Path,
) -> None:
    held = call("call_h", '{"command": "ls notes"}')
    with capturing(tmp_path) as (journal, ingester, store):
        id_ = exchange(journal, OPENING, call("c", '{"command": "wc"}'), unfit=held, dropped="held")
        assert await ingester.catch_up(30)
        (pair,) = store.pairs(REDACTOR, Wanted())
    assert (pair.chosen.id, pair.rejected.id, pair.why) == (id_, id_, "held")
    assert pair.rejected.reply["tool_calls"] == held["tool_calls"]
    assert (pair.chosen.mode, pair.rejected.mode) == (Mode.BURST, Mode.RESTING)
    assert (pair.rejected.outcome, pair.rejected.confidence) == ("unknown", 0.0)


SAME_AS_HELD = [
    call("c", '{"command": "wc"}'),
    call("other", '{"command":"WC ", "background": null}'),
]


@pytest.mark.parametrize("served", SAME_AS_HELD)
async def test_a_held_reply_that_says_the_same_as_the_served_one_is_no_pair(
    served: dict[str, Any], tmp_path: Path
) -> None:
    held = call("call_h", '{"command": "wc"}', "Let me count.")
    with capturing(tmp_path) as (journal, ingester, store):
        exchange(journal, OPENING, served, unfit=held, dropped="held")
        exchange(journal, OPENING, answer("120."), unfit=answer("Hm, 120?"), dropped="held")
        assert await ingester.catch_up(30)
        assert not found(store)


async def test_a_held_reply_is_in_no_pair_with_another_of_home_or_with_one_that_failed(
    tmp_path: Path,
) -> None:
    held = call("call_h", '{"command": "find"}')
    opening = [user("Count it.")]
    with capturing(tmp_path) as (journal, ingester, store):
        home = exchange(
            journal, opening, call("c", '{"command": "wc"}'), unfit=held, dropped="held", place=HOME
        )
        failed = asked(journal, "ls", BAD, unfit=held, dropped="held")
        assert await ingester.catch_up(30)
        chosen = {chosen for chosen, _, _ in found(store)}
        assert len(chosen) == 1  # what was said after the failure
        assert not chosen & {home, failed}


async def test_what_was_handed_over_for_want_of_another_is_never_chosen(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        for status in ("unfit", "held"):
            started = begin()
            journal.begin(started)
            served = attempt(error="`path` is missing", mode=Mode.BURST, upstream="claude")
            first, last = (b'{"choices":[{"message":{"role":"assistant","content":"%s"}}]}' % word
                           for word in (b"Hm.", b"Oh."))  # fmt: skip
            journal.end(
                started.id, end(attempts=[attempt(status=status), served]), [first, last], None
            )
        assert await ingester.catch_up(30)
        assert not found(store)


arguments = st.dictionaries(
    st.text(max_size=5), st.integers() | st.text(max_size=8) | st.booleans(), max_size=3
)
made_calls = st.lists(st.tuples(st.sampled_from(("a", "b")), arguments), max_size=3)


def saying(made: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    return {
        "tool_calls": [
            {"function": {"name": name, "arguments": json.dumps(held)}} for name, held in made
        ]
    }


@given(made_calls, st.randoms())
def test_the_order_of_calls_is_free_and_a_call_more_is_something_else(
    made: list[tuple[str, dict[str, Any]]], random: Random
) -> None:
    shuffled = list(made)
    random.shuffle(shuffled)
    assert does_the_same(saying(made), saying(shuffled))
    assert not does_the_same(saying(made), saying([*shuffled, ("a", {"x": 1})]))
    assert not does_the_same(saying([("a", {"x": 1}), *made]), saying([*made, ("a", {"x": True})]))


async def test_two_replies_to_one_request_that_no_outcome_tells_apart_are_for_judges(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        one = exchange(journal, OPENING, answer("120."))
        exchange(journal, OPENING, answer("Some."), key="phone")
        two = exchange(journal, OPENING, answer("It has 120 bytes."))
        settled = [user("And now?")]
        asked(journal, "ls", BAD, settled)
        asked(journal, "wc", GOOD, settled)
        assert await ingester.catch_up(30)
        ((first, last),) = store.unsettled(REDACTOR, Wanted())
        assert (first.id, last.id) == (one, two)
        (pair,) = store.named([(two, one), ("0" * 26, one)], REDACTOR, Wanted())
        assert (pair.chosen.id, pair.rejected.id, pair.why) == (two, one, "judged")
        assert not list(store.named([(two, one)], REDACTOR, Wanted(outcome="success")))


async def test_an_unfit_reply_that_was_handed_over_after_all_is_in_no_pair(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        for statuses in (("unfit", "unfit"), ("http_error", "unfit")):
            started = begin()
            journal.begin(started)
            tried: list[Attempt] = [attempt(status=status) for status in statuses]
            body = b'{"choices":[{"message":{"role":"assistant","content":"Hm."}}]}'
            journal.end(started.id, end(attempts=tried), [body, body], None)
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
        source = offered(store)
        written = write_export(source, Format.PREFERENCE, tmp_path / "out", "0.1.0")
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
