"""Messages as a page shows them."""

import base64

import pytest

from capture.messages import ContentPart, Message, ToolCall
from gateway.dashboard.transcript import MESSAGES_LIMIT, reply_turn, transcript


def user(text: str) -> Message:
    return Message("user", (ContentPart("text", text),))


def calls(*ids: str) -> Message:
    return Message("assistant", tool_calls=tuple(ToolCall(id_, "look", "{}") for id_ in ids))


def result(id_: str | None, text: str) -> Message:
    return Message("tool", (ContentPart("text", text),), tool_call_id=id_)


def test_each_result_stands_beside_the_call_it_answers() -> None:
    said = transcript([user("go"), calls("a", "b"), result("b", "second"), result("a", "first")])
    (_, turn) = said.latest
    assert [str(card.result.html) for card in turn.calls if card.result] == ["first", "second"]


def test_repeated_ids_take_their_results_in_order() -> None:
    said = transcript([user("go"), calls("a"), result("a", "1"), calls("a"), result("a", "2")])
    found = [card.result for turn in said.latest for card in turn.calls]
    assert [str(each.html) for each in found if each] == ["1", "2"]


@pytest.mark.parametrize("id_", [None, "", "nobody"])
def test_a_result_without_a_call_stays_where_it_is(id_: str | None) -> None:
    said = transcript([user("go"), calls("", "a"), result(id_, "stray")])
    assert said.latest[-1].who == "tool, a result of no call in this request"
    assert [card.result for card in said.latest[1].calls] == [None, None]


def test_a_result_before_its_call_does_not_answer_it() -> None:
    said = transcript([user("go"), result("a", "early"), calls("a")])
    assert said.latest[2].calls[0].result is None
    assert said.latest[1].role == "tool"


def test_one_result_too_many_is_still_shown() -> None:
    said = transcript([user("go"), calls("a"), result("a", "1"), result("a", "again")])
    assert [turn.role for turn in said.latest] == ["user", "assistant", "tool"]


def test_what_came_before_the_last_question_is_folded_away_but_there() -> None:
    system = Message("system", (ContentPart("text", "Be kind."),))
    said = transcript([system, user("one"), calls("a"), result("a", "x"), user("two")])
    assert [turn.role for turn in said.opening] == ["system"]
    assert said.opening[0].folded
    assert [turn.role for turn in said.earlier] == ["user", "assistant"]
    assert [turn.role for turn in said.latest] == ["user"]


def test_a_very_long_conversation_shows_its_end_and_counts_the_rest() -> None:
    said = transcript([user(str(n)) for n in range(MESSAGES_LIMIT + 7)])
    assert said.left_out == 7
    assert len(said.earlier) + len(said.latest) == MESSAGES_LIMIT


PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        (PNG, True),
        ("data:image/svg+xml;base64,PHN2Zz4=", False),
        ("data:text/html;base64,PHN2Zz4=", False),
        ("https://example.org/a.png", False),
        ("javascript:alert(1)", False),
        (PNG + '" onerror="alert(1)', False),
        ("data:image/png;base64,====", False),
        ("data:image/png;base64," + "A" * 1_000_000, False),
        (None, False),
        (7, False),
    ],
)
def test_only_small_embedded_pictures_are_shown_in_place(url: object, is_shown: bool) -> None:
    part = ContentPart("image", None, {"type": "image_url", "image_url": {"url": url}})
    (piece,) = transcript([Message("user", (part,))]).latest[0].parts
    assert (piece.image is not None) is is_shown
    assert piece.label.startswith("image, ")


def test_thinking_is_told_apart_from_the_answer() -> None:
    parts = (ContentPart("thinking", "hm"), ContentPart("text", "Yes."))
    turn = reply_turn(Message("assistant", parts))
    assert [piece.kind for piece in turn.parts] == ["thinking", "text"]
