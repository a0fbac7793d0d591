"""What the user said of spending money, how long it counts, and when he is asked."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.approval import Heard, Words, attend
from gateway.chat_request import parse
from gateway.errors import ClientError
from gateway.features import features_of
from routers.latch import Latch
from tests.gateway.test_questions import ASKED, BOOK, CALL, POEM, RESULT, SYSTEM, says

NOON = 1_790_000_000.0
DINNER = says("What about dinner on Friday?")
INDEX = says("And the index of this book, please")
TOLD = {"role": "assistant", "content": "The book is read: it is about roses."}


def heard(
    words: Words,
    *messages: dict[str, Any],
    now: float = NOON,
    latch: Latch | None = None,
    headers: dict[str, str] | None = None,
    key: str | None = None,
    **body: Any,
) -> Heard:
    """What is heard of a request, and remembered of it."""
    raw = orjson.dumps({"model": "auto", "messages": [SYSTEM, *messages], **body})
    found = attend(words, latch or Latch(), parse(raw, "id"), headers or {}, key, None, now)
    words.keep(found)
    return found


def test_a_user_may_be_asked_and_nothing_is_remembered_of_him() -> None:
    words = Words()
    found = heard(words, BOOK)
    assert (found.asks, found.stays_home, found.escalated, found.said) == (True, None, None, None)
    assert found.conversation is not None
    assert words.get(found.conversation) is None


def test_what_nothing_was_said_of_is_sent_as_it_came() -> None:
    raw = b'{"model": "auto",  "messages": [{"role": "user", "content": "Hi"}]}'
    found = attend(Words(), Latch(), parse(raw, "id"), {}, None, None, NOON)
    assert found.request.raw == raw
    assert found.notes == ()


def test_a_yes_is_taken_out_and_counts_for_the_tool_loop_that_follows() -> None:
    words = Words()
    found = heard(words, BOOK, ASKED, says("yes"))
    assert orjson.loads(found.request.raw)["messages"] == [SYSTEM, BOOK]
    assert found.request.body["messages"] == [SYSTEM, BOOK]
    assert found.notes
    for loop in (heard(words, BOOK, ASKED, says("yes"), CALL, RESULT),) * 2:
        assert (loop.asks, loop.stays_home) == (False, None)
        assert loop.said == found.said


def test_within_the_turn_a_yes_counts_after_a_restart_too() -> None:
    found = heard(Words(), BOOK, ASKED, says("yes"), CALL, RESULT)
    assert (found.asks, found.stays_home) == (False, None)


def test_a_word_counts_until_the_task_is_done() -> None:
    words = Words()
    said = [BOOK, ASKED, says("yes"), TOLD]
    heard(words, *said[:3])
    assert not heard(words, *said, INDEX).asks
    assert heard(words, *said, DINNER).asks
    assert heard(words, *said, INDEX, key="another").asks


@pytest.mark.parametrize("latch", [Latch(turns=1), Latch(minutes=5)])
def test_a_word_counts_no_longer_than_the_latch_holds(latch: Latch) -> None:
    words = Words()
    said = [BOOK, ASKED, says("yes"), TOLD]
    heard(words, *said[:3], latch=latch)
    assert heard(words, *said, INDEX, latch=latch, now=NOON + 600).asks


def test_a_no_keeps_the_task_home_and_the_next_is_asked_about() -> None:
    words = Words()
    said = [BOOK, ASKED, says("no"), TOLD]
    for more in (said[:3], [*said[:3], CALL, RESULT], [*said, INDEX]):
        found = heard(words, *more)
        assert not found.asks
        assert found.stays_home == "the user said no to spending money on it"
    assert heard(words, *said, DINNER).asks


def test_escalate_goes_to_burst_unasked_for_as_long() -> None:
    words = Words()
    command = says("/escalate Read this book")
    for more in ([command], [command, CALL, RESULT], [command, TOLD, INDEX]):
        found = heard(words, *more)
        assert (found.asks, found.escalated) == (False, "the user asked for burst with /escalate")
    assert heard(words, command, TOLD, DINNER).escalated is None


def test_a_program_says_yes_or_no_by_its_header() -> None:
    assert not heard(Words(), BOOK, headers={"x-majordomo-approve": "YES"}).asks
    refused = heard(Words(), BOOK, CALL, RESULT, headers={"x-majordomo-approve": "no"})
    assert refused.stays_home is not None
    with pytest.raises(ClientError, match="must be yes or no"):
        heard(Words(), BOOK, headers={"x-majordomo-approve": "perhaps"})


@pytest.mark.parametrize(
    ("messages", "body", "why"),
    [
        ([BOOK, CALL, RESULT], {}, "in the middle of a tool loop"),
        ([BOOK, POEM, says("[System: Continue now.")], {}, "in the middle of a tool loop"),
        ([BOOK, POEM, says("Review the conversation above and update")], {}, "tool loop"),
        ([says("### Task:\nGenerate a concise, 3-5 word title")], {}, "on the side"),
        ([BOOK], {"metadata": {"hermes_task": "title_generation"}}, "on the side"),
        ([BOOK], {"response_format": {"type": "json_schema", "json_schema": {}}}, "form of reply"),
        ([BOOK], {"tool_choice": "required"}, "form of reply"),
    ],
)
def test_where_nobody_can_be_asked_it_stays_home(
    messages: list[Any], body: dict[str, Any], why: str
) -> None:
    found = heard(Words(), *messages, **body)
    assert not found.asks
    assert found.stays_home is not None
    assert why in found.stays_home
    assert found.onto(features_of(found.request, {}, None)).stays_home == found.stays_home


@pytest.mark.parametrize("body", [{"tool_choice": "auto"}, {"response_format": {"type": "text"}}])
def test_what_demands_nothing_of_a_reply_may_be_asked_about(body: dict[str, Any]) -> None:
    assert heard(Words(), BOOK, **body).asks


@pytest.mark.parametrize("model", ["burst", "resting", "gpt-4o"])
def test_who_asks_for_a_model_by_name_is_not_asked_back(model: str) -> None:
    found = heard(Words(), says("/escalate Read it"), model=model)
    assert (found.asks, found.escalated, found.stays_home) == (False, None, None)
    assert found.request.body["messages"][-1] == says("Read it")


def test_what_was_said_longest_ago_is_forgotten_first() -> None:
    words = Words()
    said = [heard(words, says(f"/escalate {n}"), now=NOON + n) for n in range(10_001)]
    remembered = [words.get(each.conversation or b"") is not None for each in said]
    assert remembered == [False, *([True] * 10_000)]
