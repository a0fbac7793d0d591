"""Replies that failed, with the next state that says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from capture.exports import Filters, Format, Left, Made, Source, made, write_export
from capture.followed import followed
from capture.store import Store, Wanted
from tests.support.journals import capturing
from tests.support.kitchen import (
    BEGAN,
    HOME,
    answer,
    call,
    evening,
    exchange,
    quarrel,
    result,
    user,
)
from tests.support.turns import REDACTOR, turn

OPENING = [user("How large is notes.txt?")]


def failed(store: Store, **filters: Any) -> Source:
    """Replies that failed, and what came next."""
    return Source((), REDACTOR, Filters(**filters), replies=store.next_states(REDACTOR, Wanted()))


def rows_of(store: Store, out: Path) -> list[dict[str, Any]]:
    given = failed(store)
    write_export(given, Format.HINDSIGHT, out, "0.1.0")
    return [json.loads(line) for line in (out / "hindsight.jsonl").read_bytes().splitlines()]


async def test_a_corrected_reply_stands_between_its_prompt_and_the_correction(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        evening(journal)
        ids = quarrel(journal)
        assert await ingester.catch_up(30)
        first, second = rows_of(store, tmp_path / "out")
    correction = "No, that is wrong. Look at notes.txt."
    assert (first["exchange"], second["exchange"]) == (ids[0], ids[1])
    assert first["next_state"] == [result("call_w", '{"error": "no such file"}')]
    assert (first["evidence"], first["correction"]) == (["tool_error"], None)
    assert [message["role"] for message in second["prompt"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert second["completion"] == [answer("It is empty.")]
    assert second["next_state"] == [user(correction)]
    assert (second["evidence"], second["correction"]) == (["correction"], correction)
    assert second["model"] == "house-small"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["made_of"] == {"correction": 1, "tool_error": 1}
    assert manifest["exchanges"] == [[ids[0]], [ids[1]]]


async def test_the_continuation_that_says_what_was_wrong_is_the_next_state(tmp_path: Path) -> None:
    told = [*OPENING, answer("It is empty.")]
    with capturing(tmp_path / "home") as (journal, ingester, store):
        exchange(journal, OPENING, answer("It is empty."))
        exchange(journal, [*told, user("And todo.txt?")], answer("100 bytes."))
        exchange(journal, [*told, user("That is wrong.")], answer("120 bytes."))
        assert await ingester.catch_up(30)
        (row,) = rows_of(store, tmp_path / "out")
    assert row["correction"] == "That is wrong."


async def test_what_failed_without_a_word_makes_no_row(tmp_path: Path) -> None:
    opening = [user("Hello?"), answer("Yes?"), *OPENING]
    with capturing(tmp_path / "home") as (journal, ingester, store):
        exchange(journal, opening[:1], answer("Yes?"))
        exchange(journal, opening, answer("120 bytes."))
        exchange(journal, opening, answer("120 bytes, I said."), at=BEGAN + 60)
        assert await ingester.catch_up(30)
        assert [each.outcome for each in store.trainable(REDACTOR)].count("failure") == 1  # a retry
        assert rows_of(store, tmp_path / "out") == []


async def test_a_correction_that_is_private_stays_home(tmp_path: Path) -> None:
    told = [*OPENING, answer("It is empty."), user("No, that is wrong.")]
    with capturing(tmp_path / "home") as (journal, ingester, store):
        id_ = exchange(journal, OPENING, answer("It is empty."), place=HOME)
        exchange(journal, told, answer("120 bytes."), place=HOME, private=True)
        assert await ingester.catch_up(30)
        rows = list(
            made(
                failed(store),
                Format.HINDSIGHT,
            )
        )
        assert rows == [Left(id_, "private")]
        (row,) = made(failed(store, private=True), Format.HINDSIGHT)
        assert isinstance(row, Made)


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("<think>Let me see.</think> It is empty.", "It is empty."),
        ("It is empty.", "  It is empty.\n"),
    ],
)
def test_a_reply_is_found_as_clients_say_it_again(said: str, reply: str) -> None:
    given = turn("1", request={"messages": OPENING}, reply=answer(said))
    again = {"messages": [*OPENING, answer(reply), user("No, wrong."), answer("Ah."), user("!")]}
    known = followed(given, again, private=False)
    assert known is not None
    assert known.next == (user("No, wrong."),)


def test_a_reply_is_found_by_its_calls_where_its_text_is_another() -> None:
    failed = [call("c1", "{}"), result("c1", '{"error": "no"}'), user("That is wrong.")]
    given = turn("1", request={"messages": OPENING}, reply=call("c1", "{}", "One moment."))
    known = followed(given, {"messages": [*OPENING, *failed]}, private=False)
    assert known is not None
    assert [code for code, _ in known.evidence] == ["correction", "tool_error"]


@pytest.mark.parametrize(
    "messages",
    [
        None,
        "hello",
        [],
        [*OPENING, answer("Something else."), user("No, wrong.")],
        [*OPENING, answer("It is empty.")],
        [*OPENING, answer("It is empty."), user("Thanks!")],
        [*OPENING, answer("It is empty."), answer("Yes."), user("No, wrong.")],
    ],
)
def test_without_the_reply_or_a_complaint_after_it_there_is_nothing(messages: Any) -> None:
    given = turn("1", request={"messages": OPENING}, reply=answer("It is empty."))
    assert followed(given, {"messages": messages}, private=False) is None


def test_words_in_the_middle_of_a_tool_s_result_are_a_correction_too() -> None:
    output = "[OUT-OF-BAND USER MESSAGE]No, that is wrong.[/OUT-OF-BAND USER MESSAGE]"
    again = {"messages": [*OPENING, call("c1", "{}"), result("c1", f"ok{output}")]}
    given = turn("1", request={"messages": OPENING}, reply=call("c1", "{}"))
    known = followed(given, again, private=False)
    assert known is not None
    (row,) = made(Source((), REDACTOR, replies=[known]), Format.HINDSIGHT)
    assert isinstance(row, Made)
    assert json.loads(row.line)["correction"] == "No, that is wrong."
