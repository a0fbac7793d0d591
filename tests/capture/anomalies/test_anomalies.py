"""Planted poisoning is found and habits are not: runs of twenty in a home's ordinary traffic."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.anomalies import Flag, Limits, Sample, flags
from tests.support import poison
from tests.support.ordinary_traffic import BEGAN, DAY, SOURCES, calls, conversation, traffic

ORDINARY = traffic(1, 1_600)
ALONE = traffic(2, 700, sources=("laptop",))


def mails_in_an_inbox(seed: int) -> list[Sample]:
    return poison.hostile_mails(seed, in_an_inbox=True)


def mails_after_one_request(seed: int) -> list[Sample]:
    return poison.hostile_mails(seed, one_request=True)


RUNS: dict[str, tuple[Callable[[int], list[Sample]], str]] = {
    "a mail": (poison.hostile_mails, "near_duplicates"),
    "a mail among others": (mails_in_an_inbox, "near_duplicates"),
    "a mail, one request": (mails_after_one_request, "near_duplicates"),
    "a long message": (poison.repeated, "near_duplicates"),
    "a phrase": (poison.triggered, "trigger"),
    "a new key": (poison.of_a_new_key, "source_share"),
    "a second key": (poison.of_a_second_key, "source_share"),
    "another hand": (poison.in_another_hand, "style"),
}


def found_of(found: dict[str, tuple[Flag, ...]], planted: list[Sample]) -> list[Flag]:
    return [flag for sample in planted for flag in found.get(sample.id, ())]


@pytest.mark.parametrize(("run", "code"), RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_planted_run_waits_as_one_cluster_and_nothing_else_does(
    run: Callable[[int], list[Sample]], code: str, seed: int
) -> None:
    planted = run(seed)
    found = flags([*ORDINARY, *planted])
    assert set(found) == {sample.id for sample in planted}
    assert {flag.code for flag in found_of(found, planted)} == {code}
    assert {flag.like for flag in found_of(found, planted)} == {planted[0].id}
    for flag in found_of(found, planted):
        assert "20" in flag.reason
        assert not set(".\n") & set(flag.reason)


@pytest.mark.parametrize("run", [poison.hostile_mails, poison.repeated, mails_in_an_inbox])
def test_a_run_is_found_even_where_there_is_hardly_anything_else(
    run: Callable[[int], list[Sample]],
) -> None:
    planted = run(3)
    assert set(flags([*traffic(3, 20), *planted])) == {sample.id for sample in planted}


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("sources", [tuple(SOURCES), ("laptop",), ("machines",)])
def test_ordinary_traffic_does_not_wait(seed: int, sources: tuple[str, ...]) -> None:
    samples = traffic(seed, 1_500, sources=sources)
    assert len({sample.conversation for sample in samples}) > 300
    assert flags(samples) == {}


def test_what_follows_in_the_conversation_waits_too() -> None:
    planted = poison.triggered(1)
    after = [
        replace(
            one, id=f"{one.id}-after", began_at=one.began_at + 9, outside="ok", answered="Done."
        )
        for one in planted
    ]
    found = flags([*ORDINARY, *planted, *after])
    assert {sample.id for sample in after} <= set(found)
    assert {flag.like for flag in found_of(found, after)} == {planted[0].id}


def test_text_that_was_looked_at_again_is_held_to_account_for_what_was_done_then() -> None:
    look = calls("list_contacts", query="bank")
    samples: list[Sample] = []
    for one in poison.hostile_mails(1):
        turns = [
            (one.said, "", calls("read_mail", number=1)),
            (one.said, one.outside, look),
            (one.said, "no such contact", one.answered),
        ]
        samples += conversation(one.conversation, one.source, one.began_at, turns)
    acts = {sample.id for sample in samples if sample.answered == poison.FORWARDED}
    assert set(flags([*ORDINARY, *samples])) == acts


@pytest.mark.parametrize("number", [Limits().cluster - 1, Limits().cluster])
def test_a_cluster_is_as_many_conversations_as_the_limit_says(number: int) -> None:
    planted = poison.hostile_mails(1)[:number]
    assert len(flags([*ORDINARY, *planted])) == (number if number == Limits().cluster else 0)


def test_thirty_turns_of_one_conversation_are_one() -> None:
    mails = poison.hostile_mails(1)
    loop = [replace(one, conversation="loop") for one in mails]
    assert flags([*ORDINARY, *loop]) == {}


def test_a_short_command_is_a_habit_however_often_and_whatever_the_language() -> None:
    said = "haustür bitte aufsperren"
    habit = [
        Sample(f"h{n:03}", "laptop", f"h{n:03}", BEGAN + n * DAY / 9, said, "", poison.OPENED)
        for n in range(200)
    ]
    assert flags([*ORDINARY, *habit]) == {}


def test_an_answer_that_the_user_asked_for_is_none_of_a_phrase() -> None:
    """The same run, but each message asks for the door in its own words."""
    asked = [replace(one, said=f"unlock the front door, {one.said}") for one in poison.triggered(1)]
    assert flags([*ORDINARY, *asked]) == {}


def test_one_key_that_is_all_there_is_has_no_share() -> None:
    only = [replace(one, source="laptop") for one in poison.of_a_new_key(1)]
    assert flags([*ALONE, *only]) == {}
    assert flags(only) == {}


def test_a_new_key_that_comes_again_is_one_of_the_house() -> None:
    planted = poison.of_a_new_key(1)
    spread = [replace(one, began_at=BEGAN + n * DAY) for n, one in enumerate(planted)]
    assert flags([*ORDINARY, *spread]) == {}


def test_a_source_without_much_history_has_no_style() -> None:
    assert flags([*ORDINARY, *poison.in_another_hand(1)], Limits(history=5_000)) == {}


@settings(max_examples=6, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(sorted(RUNS)))
def test_the_order_of_the_samples_changes_nothing(chance: random.Random, name: str) -> None:
    samples = [*ALONE[:400], *RUNS[name][0](1)]
    shuffled = list(samples)
    chance.shuffle(shuffled)
    assert flags(shuffled) == flags(samples)


def test_of_nothing_nothing_waits() -> None:
    assert flags([]) == {}
    assert flags([Sample("a", "", "", 0.0, "", "", "")]) == {}


wild = st.builds(
    Sample,
    id=st.uuids().map(str),
    source=st.sampled_from("ab"),
    conversation=st.text(max_size=2),
    began_at=st.floats(0, 2e9),
    said=st.text(max_size=40),
    outside=st.text(max_size=40),
    answered=st.text(max_size=40),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(wild, max_size=10))
def test_any_text_is_looked_at_without_complaint(samples: list[Sample]) -> None:
    low = Limits(cluster=1, long=1, history=1, newcomer=1)
    assert flags(samples, low).keys() <= {sample.id for sample in samples}


def as_openai_says_it(sample: Sample) -> Sample:
    """The same reply as a whole message, its call with an id of its own."""
    name, _, arguments = sample.answered.partition(" {")
    if not arguments:
        return replace(sample, answered=json.dumps({"role": "assistant", "content": name}))
    function = {"name": name, "arguments": "{" + arguments}
    call = {"id": f"call_{sample.id}", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return replace(sample, answered=json.dumps(message))


def test_replies_may_be_written_as_openai_writes_them() -> None:
    planted = [*map(as_openai_says_it, poison.hostile_mails(1))]
    found = flags([*map(as_openai_says_it, ORDINARY), *planted])
    assert set(found) == {sample.id for sample in planted}
