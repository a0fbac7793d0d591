"""What is said to Majordomo itself, taken out of transcripts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.exchange import Candidate, Mode
from gateway.questions import Transcript, Word, is_question, question, taken_out

OPUS = Candidate(Mode.BURST, "claude", "claude-opus-4-5")
TEXT = question("01M7YK2MCY11S2XVPTZ38NJ6K2", OPUS, 0.2139, "rule `long`\napplies")
SYSTEM = {"role": "system", "content": "Be brief."}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "3 files"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}


def says(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def answers(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


ASKED = answers(TEXT)
BOOK, POEM = says("Read this book"), answers("Roses are red")
words = st.sampled_from(["yes", "no", "/escalate", "/escalate Read it", "And the index?"])
messages = st.lists(
    st.sampled_from([BOOK, POEM, ASKED, CALL, RESULT]) | words.map(says), max_size=8
)


def test_a_question_says_where_to_for_how_much_and_why() -> None:
    assert TEXT == (
        "Majordomo asks before it spends money. This would go to claude-opus-4-5 at claude (BURST) "
        "for up to $0.21: rule `long` applies. `majordomo explain "
        "01M7YK2MCY11S2XVPTZ38NJ6K2` says more; `/escalate` at the head of a message goes to BURST "
        "unasked. Yes or no?"
    )
    assert "at a price that is not known" in question("x", OPUS, None, "why")
    assert is_question(answers(f"{TEXT}\n"))
    assert not is_question(says(TEXT))


@pytest.mark.parametrize(
    ("sent", "left", "word"),
    [
        ([BOOK, ASKED, says("Yes, please")], [BOOK], "yes"),
        ([BOOK, ASKED, says("nein")], [BOOK], "no"),
        ([BOOK, ASKED, says("/escalate")], [BOOK], "escalate"),
        ([BOOK, ASKED, says([{"type": "text", "text": "yes"}])], [BOOK], "yes"),
        ([BOOK, ASKED, says("yes"), CALL, RESULT], [BOOK, CALL, RESULT], "yes"),
        ([BOOK, ASKED, says("yes"), POEM, says("Again")], [BOOK, POEM, says("Again")], None),
        ([BOOK, ASKED, says("The other")], [says("Read this book\n\nThe other")], None),
        ([says("/Escalate  Read it")], [says("Read it")], "escalate"),
        ([says("/escalate\nRead it"), CALL, RESULT], [says("Read it"), CALL, RESULT], "escalate"),
        ([BOOK, POEM, says("/escalate")], [BOOK], "escalate"),
        ([BOOK, CALL, RESULT, POEM, says("/escalate")], [BOOK, CALL, RESULT], "escalate"),
        (
            [BOOK, ASKED, says("yes"), CALL, RESULT, says("[System: Continue now.")],
            [BOOK, CALL, RESULT, says("[System: Continue now.")],
            "yes",
        ),
        (
            [says([{"type": "text", "text": "/escalate"}, {"type": "image_url"}])],
            [says([{"type": "image_url"}])],
            "escalate",
        ),
    ],
)
def test_questions_their_answers_and_the_command_are_taken_out(
    sent: list[Any], left: list[Any], word: Word | None
) -> None:
    assert taken_out([SYSTEM, *sent]) == Transcript([SYSTEM, *left], word, changed=True)


@pytest.mark.parametrize(
    "sent",
    [
        [BOOK, POEM, says("yes")],
        [says("/escalated it is")],
        [says("Say /escalate")],
        [BOOK, CALL, RESULT],
        [says("/escalate")],
        [ASKED, says("yes")],
        [says(None), says([3])],
    ],
)
def test_what_was_said_to_a_model_stays_as_it_is(sent: list[Any]) -> None:
    found = taken_out(sent)
    assert found == Transcript(sent)
    assert found.messages is sent


@given(messages)
def test_what_is_left_has_nothing_more_to_take_out_and_nothing_of_its_own(sent: list[Any]) -> None:
    found = taken_out(sent)
    if not found.changed:
        return
    said = "\n".join(str(each["content"]) for each in sent)
    assert all(part in said for each in found.messages for part in str(each["content"]).split("\n"))
    assert not any(map(is_question, found.messages))
    assert taken_out(found.messages).messages == found.messages
    assert [each for each in found.messages if each is RESULT] == [m for m in sent if m is RESULT]


@given(messages, st.lists(st.sampled_from([CALL, RESULT]), max_size=3))
def test_what_is_taken_out_stays_out_while_the_conversation_goes_on(
    sent: list[Any], more: list[Any]
) -> None:
    before = taken_out([SYSTEM, BOOK, *sent])
    after = taken_out([SYSTEM, BOOK, *sent, *more])
    assert after.messages == [*before.messages, *more]
    assert after.word == before.word
