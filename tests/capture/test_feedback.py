"""What people say of exchanges: what is feedback at all, and what it comes to."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.feedback import (
    COMMENT_CHARACTERS,
    DEMONSTRATION_CHARACTERS,
    IDEMPOTENCY_CHARACTERS,
    BadFeedback,
    demonstration_of,
    evidence_of,
    feedback_of,
    standing,
)
from capture.ids import new_id
from capture.outcomes import SAID, WEIGHTS, conclude
from tests.support.sayings import said

ID = new_id()
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
SPOKEN = st.none() | TEXTS.filter(str.strip)


@given(st.floats())
def test_a_value_is_a_number_from_0_to_1(value: float) -> None:
    if 0 <= value <= 1:
        assert said(ID, value=value).value == value
    else:
        with pytest.raises(BadFeedback, match="from 0 to 1"):
            said(ID, value=value)


WRONG: dict[str, dict[str, Any]] = {
    "about nothing": {"exchange": None},
    "about two things": {"conversation": new_id()},
    "no id": {"exchange": "../../etc/passwd"},
    "saying nothing": {"value": None},
    "a comment of blanks": {"comment": " \n"},
    "a long comment": {"comment": "x" * (COMMENT_CHARACTERS + 1)},
    "a long demonstration": {"demonstration": "x" * (DEMONSTRATION_CHARACTERS + 1)},
    "a long name": {"idempotency_key": "x" * (IDEMPOTENCY_CHARACTERS + 1)},
    "half a character": {"comment": "\ud800"},
    "what no database keeps": {"comment": "a\0b"},
    "an unknown way in": {"source": "rumour"},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_feedback_is_refused(name: str) -> None:
    with pytest.raises(BadFeedback):
        said(**{"exchange": ID, **WRONG[name]})


@given(value=st.floats(0, 1), comment=SPOKEN, demonstration=SPOKEN, key=st.none() | TEXTS)
def test_feedback_goes_through_json_unchanged(**fields: Any) -> None:
    feedback = said(ID, **fields)
    assert feedback_of(orjson.loads(orjson.dumps(feedback))) == feedback


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"value": 1.0}, "praised"),
        ({"value": 0.51}, "praised"),
        ({"value": 0.49}, "blamed"),
        ({"value": 0.0}, "blamed"),
        ({"value": None, "demonstration": "Yes."}, "demonstrated"),
        ({"value": 1.0, "demonstration": "Yes."}, "demonstrated"),
    ],
)
def test_a_verdict_is_evidence(fields: dict[str, Any], code: str) -> None:
    ((found, words),) = evidence_of([said(ID, **fields)])
    assert found == code
    assert words.startswith("`laptop` ")


@pytest.mark.parametrize("fields", [{"value": 0.5}, {"value": None, "comment": "hm"}])
def test_the_middle_and_a_comment_alone_are_no_evidence(fields: dict[str, Any]) -> None:
    assert evidence_of([said(ID, **fields)]) == []


def test_the_words_of_evidence_tell_who_said_what_of_what() -> None:
    heard = [
        said(ID, key=None, comment="wrong  cup"),
        said(None, conversation=ID, key="phone", value=0.25),
    ]
    assert evidence_of(heard) == [
        ("praised", "the local user calls it good: wrong cup"),
        ("blamed", "`phone` gives the conversation 0.25 of 1"),
    ]


def test_what_a_speaker_says_last_stands_and_a_comment_takes_nothing_back() -> None:
    up = said(ID)
    down = said(ID, value=0.0, demonstration="No.")
    other = said(ID, key="phone")
    again = said(ID)
    words = said(ID, value=None, comment="as I said")
    heard = [words, again, other, down, up]
    assert standing(heard) == [other, again]
    assert demonstration_of([up, down]) == "No."
    assert demonstration_of(heard) is None, "the speaker called it good since"
    assert standing([up, said(ID, value=0.5)])[0].value == 0.5


def test_feedback_has_the_last_word_over_what_was_read_off_the_conversation() -> None:
    observed = [("correction", ""), ("retry", "")]
    praised = conclude([*observed, ("praised", "")])
    assert (praised.outcome, praised.confidence, praised.corrected) == ("success", 0.95, False)
    blamed = conclude([("approval", ""), ("blamed", "")])
    assert (blamed.outcome, blamed.confidence, blamed.corrected) == ("failure", 0.95, False)
    shown = conclude([("approval", ""), ("demonstrated", "")])
    assert (shown.outcome, shown.corrected) == ("failure", True)
    assert conclude([("praised", ""), ("blamed", "")]).outcome == "failure"
    assert WEIGHTS.keys() > SAID
