"""A conversation as exchanges: named alike every time, in order, as a client would have asked."""

from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from capture.exchange import Mode
from capture.ids import time_of
from capture.imported import Imported
from capture.imports import Conversation, Format, Skipped
from capture.imports import replay as replaying
from capture.imports.conversation import Turn
from capture.imports.replay import replayed
from capture.messages import ContentPart, Message, Role, ToolCall, Usage
from capture.said import read_answered, read_asked
from tests.support.imports import FILES, SAMPLES, read

ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")


def turn(role: Role, text: str, at: float | None = None) -> Turn:
    return Turn(Message(role, (ContentPart("text", text),)), at)


def conversation(*turns: Turn) -> Conversation:
    return Conversation(turns, 1, tools=())


def exchanges(made: Conversation, format: str = "openai") -> list[Imported]:
    return [each.exchange for each in replayed(made, format) if not isinstance(each, Skipped)]


def test_each_reply_is_an_exchange_with_all_before_it_as_the_request() -> None:
    call = ToolCall("c1", "look", '{"at": "door"}')
    made = exchanges(
        Conversation(
            (
                turn("system", "Be kind."),
                turn("user", "Who is there?", 1.7e9),
                Turn(
                    Message("assistant", (ContentPart("thinking", "Hm."),), (call,)),
                    1.7e9 + 1,
                    "claude-x",
                    "tool_calls",
                    Usage(10, 5, 2, None, 1),
                ),
                Turn(Message("tool", (ContentPart("text", "Ada"),), tool_call_id="c1"), 1.7e9 + 9),
                turn("assistant", "It is Ada.", 1.7e9 + 10),
            ),
            1,
            "s1",
            "claude-y",
            ({"type": "function", "function": {"name": "look"}},),
        )
    )
    first, second = made
    assert (first.at, second.at) == (1.7e9, 1.7e9 + 9)
    assert (first.model, second.model) == ("claude-x", "claude-y")
    assert (first.mode, first.session, first.source) == (Mode.BURST, "s1", "import:openai")
    answer = read_answered(first.reply)
    assert (answer.calls, answer.finish_reason) == ((call,), "tool_calls")
    assert answer.counts == (10, 5, 2, None, 1)
    asked = orjson.loads(second.request)
    assert [message["role"] for message in asked["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert "reasoning_content" not in asked["messages"][2]
    assert asked["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"at": "door"}'
    assert asked["tools"][0]["function"]["name"] == "look"
    assert read_asked(second.request).tools == ("look",)
    assert orjson.loads(first.reply)["choices"][0]["message"]["reasoning_content"] == "Hm."


def test_what_nobody_asked_or_that_says_nothing_is_no_exchange() -> None:
    greeting = conversation(turn("assistant", "Hello!"), turn("user", "Hi"), turn("assistant", " "))
    assert not exchanges(greeting)
    held = conversation(turn("user", "Hi"), replace(turn("assistant", "Hi!"), taken=False))
    assert not exchanges(held)


def test_a_conversation_that_grew_keeps_the_ids_it_had() -> None:
    turns = [turn("user", "One?"), turn("assistant", "1"), turn("user", "Two?")]
    turns.append(turn("assistant", "2"))
    short, long = exchanges(conversation(*turns[:2])), exchanges(conversation(*turns))
    assert long[0] == short[0]
    assert len(long) == 2


def test_conversations_of_unknown_time_are_dated_apart_and_in_1970() -> None:
    times = [
        exchanges(conversation(turn("user", f"{n}?"), turn("assistant", "yes")))[0].at
        for n in range(20)
    ]
    assert all(86_400 <= at < 31_536_000 for at in times)
    assert len({at // 200 for at in times}) > 15


TURNS = st.lists(
    st.builds(
        turn,
        st.sampled_from(ROLES),
        st.text(max_size=5),
        st.none() | st.floats(1.0e9, 3.0e9),
    ),
    max_size=12,
)


@given(turns=TURNS)
def test_ids_and_times_go_forward_and_are_the_same_again(turns: list[Turn]) -> None:
    made = exchanges(conversation(*turns))
    assert made == exchanges(conversation(*turns), "openai")
    ids = [each.id for each in made]
    assert ids == sorted(set(ids))
    assert all(abs(time_of(each.id) - each.at) < 0.002 for each in made)


def test_what_is_too_long_is_told_and_ends_its_conversation() -> None:
    large = "x" * (replaying.EXCHANGE_BYTES - 200)
    turns = [turn("user", "Hi"), turn("assistant", "Hi!"), turn("user", large)]
    found = list(replayed(conversation(*turns, turn("assistant", "Oh.")), "openai"))
    assert [isinstance(each, Skipped) for each in found] == [False, False]
    offered = replace(conversation(*turns, turn("assistant", "Oh.")), tools=({"name": "y" * 300},))
    *_, last = list(replayed(offered, "openai"))
    assert isinstance(last, Skipped)
    turns.append(turn("assistant", large))
    turns += [turn("user", "Well?"), turn("assistant", "Well.")]
    *_, last = list(replayed(conversation(*turns), "openai"))
    assert isinstance(last, Skipped)
    assert "longer than" in last.why


def test_every_sample_replays() -> None:
    for kind, name in FILES.items():
        found, _ = read(SAMPLES / name, kind)
        made = [each for held in found for each in exchanges(held, kind)]
        assert made, kind
        for each in made:
            assert read_asked(each.request).messages
            assert len(read_answered(each.reply).messages) == 1


def test_formats_are_no_path_and_no_name_of_a_key() -> None:
    assert all(set(kind) <= set("abcdefghijklmnopqrstuvwxyz-") for kind in Format)
