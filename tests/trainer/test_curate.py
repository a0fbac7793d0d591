from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.exchange import Mode
from capture.holds import Hold
from tests.support.turns import row, says, turn
from trainer.curate import (
    Past,
    Selection,
    golden_count,
    is_held_out,
    mix,
    most_captured,
    newest_of_each,
    select,
    worthy,
)
from trainer.rows import Row


def ids(rows: object) -> list[str]:
    return [each.id for each in rows]  # type: ignore[attr-defined]


def test_successful_turns_of_the_hired_help_train() -> None:
    turns = [
        turn("good"),
        turn("failed", outcome="failure"),
        turn("who knows", outcome="unknown"),
        turn("at home", mode=Mode.RESTING),
        turn("private", private=True),
    ]
    assert ids(worthy(turns)) == ["good", "private"]


def test_the_good_answer_that_ends_a_correction_trains_whoever_gave_it() -> None:
    turns = [
        turn("before", conversation="c", mode=Mode.RESTING),
        turn("wrong", conversation="c", mode=Mode.RESTING, outcome="failure", corrected=True),
        turn("right", conversation="c", mode=Mode.RESTING),
        turn("elsewhere", conversation="d", mode=Mode.RESTING),
    ]
    assert ids(worthy(turns)) == ["right"]


def test_what_comes_after_the_answer_that_ended_a_correction_trains_no_more() -> None:
    turns = [
        turn("wrong", conversation="c", mode=Mode.RESTING, outcome="failure", corrected=True),
        turn("right", conversation="c", mode=Mode.RESTING),
        turn("after", conversation="c", mode=Mode.RESTING),
        turn("wrong again", conversation="c", mode=Mode.RESTING, outcome="failure", corrected=True),
        turn("helped", conversation="c"),
        turn("long after", conversation="c", mode=Mode.RESTING),
    ]
    assert ids(worthy(turns)) == ["right", "helped"]


def test_what_a_reply_should_have_been_trains_in_its_place_whoever_answered() -> None:
    wrong = {"outcome": "failure", "corrected": True, "demonstration": "Half past six."}
    turns = [
        turn("away", **wrong),
        turn("at home", mode=Mode.RESTING, conversation="c", **wrong),
        turn("after", mode=Mode.RESTING, conversation="c"),
        turn("unsaid", outcome="failure", corrected=True),
    ]
    rows = list(worthy(turns))
    assert ids(rows) == ["away", "at home"]
    assert [row.reply for row in rows] == [says("Half past six.")] * 2


def test_rows_that_are_equal_train_once_and_the_oldest_stays() -> None:
    same = {"messages": [{"role": "user", "content": "hello"}]}
    turns = [turn("1", request=same, reply=says("hi")), turn("2", request=same, reply=says("hi"))]
    assert ids(worthy(turns)) == ["1"]


@given(st.lists(st.text(min_size=1), unique=True, max_size=30), st.floats(0, 0.9))
def test_a_conversation_is_on_one_side_and_stays_there(names: list[str], share: float) -> None:
    rows = [row(f"{name}-{n}", conversation=name) for name in names for n in range(2)]
    first = select(rows, Past(), share=share, most=1000)
    trained = {each.conversation for each in first.fresh}
    held = {each.conversation for each in first.held_out}
    assert not trained & held
    assert trained | held == set(names)
    sides = {name: "held_out" if name in held else "train" for name in names}
    past = Past(frozenset(ids(first.fresh)), sides)  # type: ignore[arg-type]
    later = select([*rows, row("new")], past, share=0.9 - share, most=1000)
    assert ids(later.replayed) == ids(first.fresh)
    assert {each.conversation for each in later.held_out if each.id != "new"} == held


def test_about_the_share_asked_for_is_held_out() -> None:
    held = sum(is_held_out(f"conversation {n}", 0.2) for n in range(5000))
    assert 900 < held < 1100


def test_a_held_out_request_that_also_trains_does_not_judge() -> None:
    trained = row("a", conversation="x")
    twin = row("a", conversation="y")
    past = Past(frozenset(), {"x": "train", "y": "held_out"})
    assert select([trained, twin], past, share=0.2, most=10).held_out == []


def test_past_the_limit_the_newest_stay_and_the_fresh_before_the_replayed() -> None:
    rows = [row(str(n)) for n in range(6)]
    past = Past(frozenset({"0", "1", "2"}), {each.conversation: "train" for each in rows})
    chosen = select(rows, past, share=0.2, most=4)
    assert (ids(chosen.fresh), ids(chosen.replayed)) == (["3", "4", "5"], ["2"])
    chosen = select(rows, past, share=0.2, most=2)
    assert (ids(chosen.fresh), ids(chosen.replayed)) == (["4", "5"], [])


@pytest.mark.parametrize(
    ("captured", "share", "count"), [(60, 0.4, 40), (100, 0.5, 100), (3, 0.4, 8), (100, 0.0, 0)]
)
def test_golden_rows_make_their_share(captured: int, share: float, count: int) -> None:
    assert golden_count(captured, share, 8) == count


@pytest.mark.parametrize(
    ("rows", "seen", "share", "most"),
    [(2000, 1600, 0.5, 800), (100, 1600, 0.5, 100), (2000, 1600, 0.0, 1600), (9, 1, 0.5, 1)],
)
def test_no_more_rows_are_chosen_than_training_gets_to_see(
    rows: int, seen: int, share: float, most: int
) -> None:
    assert most_captured(rows, seen, share) == most


def test_the_order_is_the_seeds() -> None:
    def length(_: Row) -> int:
        return 1

    selection = Selection([row(str(n)) for n in range(8)], [row("old")], [])
    golden = [row("golden:1")]
    mixed = mix(selection, golden, length, 3, 2)
    assert mixed == mix(selection, golden, length, 3, 2)
    assert mixed != mix(selection, golden, length, 4, 2)
    assert sorted(kind for kind, _ in mixed) == ["fresh"] * 8 + ["golden", "replayed"]


def test_a_skill_is_newest_of_each_its_newest_requests() -> None:
    rows = [row("1", "a"), row("2", "b"), row("3", "a"), row("4", "a")]
    assert ids(newest_of_each(rows, 2)) == ["2", "3", "4"]


def test_rows_of_like_length_are_batched_together() -> None:
    rows = [row("x" * n) for n in range(1, 65)]
    mixed = mix(Selection(rows, [], []), [], lambda each: len(each.id), 1, 8)
    spans = [[len(each.id) for _, each in mixed[start : start + 8]] for start in range(0, 64, 8)]
    assert sum(max(span) - min(span) for span in spans) / len(spans) < 25


def test_what_is_held_does_not_train_whatever_it_is_worth_and_what_waits_is_counted() -> None:
    outside = (Hold("outside_text", "`web_search` brings text from outside"),)
    refused = (Hold("refused", "somebody said that it may never train"),)
    turns = [
        turn("free"),
        turn("waits", held=outside),
        turn("shown", held=outside, outcome="failure", demonstration="Half past six."),
        turn("refused", held=refused),
        turn("worthless", held=outside, outcome="failure"),
    ]
    held = Counter[bool]()
    assert ids(worthy(turns, held)) == ["free"]
    assert held == {True: 2, False: 1}


def test_what_judges_call_bad_does_not_train_unless_a_person_called_it_good() -> None:
    turns = [
        turn("good"),
        turn("bad"),
        turn("approved", approved=True),
        turn("shown", outcome="failure", demonstration="Half past six."),
        turn("worthless", outcome="failure"),
    ]
    out: list[str] = []
    bad = {"bad", "approved", "shown", "worthless"}
    assert ids(worthy(turns, bad=bad, judged_out=out)) == ["good", "approved", "shown"]
    assert out == ["bad"]


def test_a_held_answer_ends_a_correction_as_any_other_does() -> None:
    outside = (Hold("outside_text", "`web_search` brings text from outside"),)
    home = {"conversation": "c", "mode": Mode.RESTING}
    turns = [
        turn("wrong", outcome="failure", corrected=True, **home),
        turn("right", held=outside, **home),
        turn("after", **home),
    ]
    assert ids(worthy(turns)) == []
