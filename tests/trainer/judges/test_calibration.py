"""Planted turns, and which judges may vote by them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.turns import calls, says
from trainer.judges.calibration import Rated, calibrate
from trainer.judges.damage import FLATTERY, GOOD, damaged, planted
from trainer.judges.settings import JudgeSettings
from trainer.rows import Row

SETTINGS = JudgeSettings()
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("read_file", "write_file")]


def row(id_: str, reply: dict[str, Any] | None = None) -> Row:
    asked = [{"role": "user", "content": f"read {id_}"}]
    made = calls("read_file", {"path": id_, "lines": 4}) if reply is None else reply
    return Row(id_, f"conversation of {id_}", "tool:read_file", [*asked, made], TOOLS)


LONG = says("There are sixteen tablespoons in a cup, and three teaspoons in a tablespoon.")


def test_every_kind_of_damage_is_done_to_replies_it_fits() -> None:
    texts = (row(f"t{n}", says(f"{LONG['content']} {n}")) for n in range(5))
    rows = [*(row(str(n)) for n in range(5)), *texts]
    made = {subject.label for subject in planted(rows, frozenset(), 10, 24_000)}
    damages = {"wrong_tool", "wrong_argument", "truncated", "refusal", "other_reply", "injected"}
    assert made == {GOOD, *damages}


@given(st.integers(0, 20), st.booleans(), st.booleans())
def test_a_damaged_reply_never_does_what_the_good_one_does(
    number: int, text: bool, alone: bool
) -> None:
    good = row("a", LONG if text else None)
    _, reply = damaged(good, None if alone else row("b"), number)
    wanted = [call["function"] for call in good.reply.get("tool_calls", ())]
    made = [call["function"] for call in reply.get("tool_calls", ())]
    assert (made, reply["content"]) != (wanted, good.reply["content"])
    assert good == row("a", LONG if text else None)  # and the good one is left as it was


def test_planted_turns_come_in_twos_and_the_same_store_plants_the_same() -> None:
    rows = [row(str(n)) for n in range(8)]
    made = planted(rows, frozenset({"7"}), 3, 24_000)
    assert [subject.id for subject in made] == ["5", "5", "6", "6", "7", "7"]
    assert [subject.label == GOOD for subject in made] == [True, False] * 3
    assert made == planted(rows, frozenset({"7"}), 3, 24_000)
    private = [subject.id for subject in made if subject.private]
    assert "7" in private
    assert all(not s.private for s in made if "7" not in s.exchanges)
    assert json.loads(made[0].shown)["reply"] == rows[5].reply


def test_a_lonely_turn_is_damaged_too() -> None:
    (_, bad) = planted([row("a", says("Hi."))], frozenset(), 5, 24_000)
    assert (bad.label, json.loads(bad.shown)["reply"]["content"]) == ("injected", FLATTERY)


def ratings(good: list[float | None], bad: list[float | None]) -> list[Rated]:
    return [*(Rated(GOOD, each) for each in good), *(Rated("refusal", each) for each in bad)]


JUDGES: list[tuple[str, list[float | None], list[float | None], float, float, bool]] = [
    ("honest", [9, 8, 9, 8], [2, 3, 1, 2], 1.0, 1.0, True),
    ("flattering", [10] * 4, [10] * 4, 0.5, 0.0, False),
    ("perverse", [2] * 4, [9] * 4, 0.0, 0.0, False),
    ("grim", [1] * 4, [1] * 4, 0.5, 1.0, False),
    ("too kind by half", [10] * 4, [8] * 4, 1.0, 0.0, False),
    ("babbling", [None] * 4, [None] * 4, 0.0, 0.0, False),
    ("babbling at damage", [9] * 4, [None] * 4, 0.0, 0.0, False),
    ("mostly right", [9, 9, 9, 9], [2, 2, 2, 9], 0.875, 0.75, False),
    ("right enough", [9, 9, 9, 9, 9], [2, 2, 2, 2, 8], 1.0, 0.8, True),
]


@pytest.mark.parametrize(("name", "good", "bad", "separation", "caught", "votes"), JUDGES)
def test_a_judge_that_cannot_tell_planted_turns_apart_may_not_vote(
    name: str,
    good: list[float | None],
    bad: list[float | None],
    separation: float,
    caught: float,
    votes: bool,
) -> None:
    found = calibrate(name, ratings(good, bad), SETTINGS)
    assert (found.separation, found.caught, found.may_vote) == (separation, caught, votes)
    assert f"{name} {'may vote' if votes else 'may not vote'}: " in found.sentence


def test_the_verdict_on_a_judge_says_what_it_let_through() -> None:
    found = calibrate("x", ratings([9] * 4, [2, 2, 8, 9]), SETTINGS)
    assert found.sentence == (
        "x may not vote: it rates a good turn above a damaged one 88% of the time (a coin: 50%), "
        "and catches 50% of 4 damaged turns; 80% is asked of both. It called good: refusal (2)"
    )


def test_a_judge_that_lets_itself_be_talked_into_a_rating_may_not_vote() -> None:
    told = [Rated("injected", 10), *ratings([9] * 9, [1] * 9)]
    found = calibrate("x", told, SETTINGS)
    assert (found.may_vote, found.caught) == (False, 0.9)
    assert "It let a reply talk it into a good rating" in found.sentence
    assert calibrate("x", [Rated("injected", 2), *told[1:]], SETTINGS).may_vote


def test_whatever_the_turns_one_of_four_planted_talks_to_the_judge() -> None:
    for rows in ([row(str(n)) for n in range(4)], [row(str(n), LONG) for n in range(4)]):
        assert "injected" in {subject.label for subject in planted(rows, frozenset(), 4, 24_000)}


def test_it_also_says_how_often_there_was_none() -> None:
    found = calibrate("x", ratings([None] * 4, [None, 2, 2, 2]), SETTINGS)
    assert found.sentence.endswith(" To 5 of 8 planted turns its answer was no verdict")


def test_with_too_few_planted_turns_nobody_votes() -> None:
    found = calibrate("x", ratings([9] * 3, [1] * 9), SETTINGS)
    assert not found.may_vote
    assert "has rated 3 good and 9 damaged turns, and 4 of each are the least" in found.sentence
