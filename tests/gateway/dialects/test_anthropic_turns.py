from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ClientError
from tests.support.claude_rules import why_refused
from tests.support.claude_upstream import (
    ADAPTIVE,
    BOUND,
    BUDGET,
    calls,
    result,
    text,
    told,
    tool,
    user,
)

JsonObject = dict[str, Any]


def _turns(messages: list[JsonObject], model: str = BUDGET, **fields: Any) -> list[JsonObject]:
    body, _ = told(messages, model, **fields)
    assert why_refused(body) is None
    return body["messages"]


def test_system_and_developer_messages_at_the_start_become_the_system_prompt() -> None:
    body, notes = told(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [text("Use tools."), text("  ")]},
            user("hello"),
        ]
    )

    assert body["system"] == [text("Be brief."), text("Use tools.")]
    assert body["messages"] == [user([text("hello")])]
    assert notes == ()


def test_a_later_system_message_stays_in_place_where_the_model_takes_it() -> None:
    turns = _turns(
        [user("one"), {"role": "system", "content": "Now in French."}, user("two")], ADAPTIVE
    )

    assert turns == [
        user([text("one"), text("two")]),
        {"role": "system", "content": [text("Now in French.")]},
    ]


def test_a_later_system_message_joins_the_system_prompt_where_the_model_does_not() -> None:
    body, notes = told([user("one"), {"role": "system", "content": "Now in French."}], BUDGET)

    assert body["system"] == [text("Now in French.")]
    assert notes == ("a system message between the turns was moved to the system prompt",)


def test_a_system_message_alone_is_sent_as_the_users() -> None:
    body, notes = told([{"role": "system", "content": "Summarise."}])

    assert body["messages"] == [user([text("Summarise.")])]
    assert "system" not in body
    assert len(notes) == 1


def test_adjacent_messages_of_one_side_become_one_turn() -> None:
    turns = _turns([user("a"), user("b"), {"role": "assistant", "content": "c"}, user("d")])

    assert [t["role"] for t in turns] == ["user", "assistant", "user"]
    assert turns[0]["content"] == [text("a"), text("b")]


def test_results_come_first_and_in_the_order_of_their_calls() -> None:
    turns = _turns(
        [
            user("go"),
            calls("a", "b", "c"),
            result("c", "C"),
            user("by the way"),
            result("a", "A"),
            result("b", "B"),
        ],
        tools=[tool()],
    )

    last = turns[-1]["content"]
    assert [(b["tool_use_id"], b["content"]) for b in last[:3]] == [
        ("a", "A"),
        ("b", "B"),
        ("c", "C"),
    ]
    assert last[3:] == [text("by the way")]


def test_a_call_without_a_result_gets_an_error_result() -> None:
    body, notes = told([user("go"), calls("a", "b"), result("b")], tools=[tool()])

    first, second = body["messages"][-1]["content"]
    assert first["tool_use_id"] == "a"
    assert first["is_error"] is True
    assert second["content"] == "seen"
    assert notes == ("a tool call without a result was answered with an error result",)


def test_a_history_that_ends_in_calls_is_still_one_claude_takes() -> None:
    turns = _turns([user("go"), calls("a")], tools=[tool()])

    assert [b["type"] for b in turns[-1]["content"]] == ["tool_result"]


def test_a_result_without_its_call_becomes_text() -> None:
    body, notes = told([user("go"), result("gone", "42 files")])

    assert body["messages"][0]["content"][1:] == [
        text("[Result of an earlier tool call, gone]"),
        text("42 files"),
    ]
    assert notes == ("a tool result without its call was sent as text",)


def test_a_result_without_an_id_answers_the_first_open_call() -> None:
    turns = _turns([user("go"), calls("a", "b"), {"role": "tool", "content": "A"}, result("b")])

    assert turns[-1]["content"][0] == {"type": "tool_result", "tool_use_id": "a", "content": "A"}


def test_ids_that_claude_does_not_allow_are_mapped_so_that_none_collide() -> None:
    turns = _turns(
        [
            user("go"),
            calls("functions.look:0", "functions_look_0", ""),
            result("functions.look:0", "x"),
        ]
    )

    uses = [b["id"] for b in turns[1]["content"]]
    assert len(set(uses)) == 3
    assert uses[1] == "functions_look_0"
    assert turns[2]["content"][0]["tool_use_id"] == uses[0]
    assert turns[2]["content"][0]["content"] == "x"


def test_ids_that_a_client_uses_again_are_told_apart() -> None:
    turns = _turns(
        [
            user("go"),
            calls("call_0"),
            result("call_0", "first"),
            calls("call_0"),
            result("call_0", "second"),
        ]
    )

    assert turns[1]["content"][0]["id"] == "call_0"
    assert turns[3]["content"][0]["id"] == "call_0_2"
    assert turns[4]["content"][0]["tool_use_id"] == "call_0_2"
    assert turns[4]["content"][0]["content"] == "second"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ('{"a":1}', {"a": 1}),
        ("", {}),
        (None, {}),
        ({"a": 1}, {"a": 1}),
        ('{"a":', {"invalid_json": '{"a":'}),
        ("[1]", {"value": [1]}),
    ],
)
def test_arguments_always_reach_claude_as_an_object(arguments: object, wanted: JsonObject) -> None:
    call = {"id": "a", "function": {"name": "look", "arguments": arguments}}
    turns = _turns([user("go"), {"role": "assistant", "tool_calls": [call]}, result("a")])

    assert turns[1]["content"][0]["input"] == wanted


def test_an_image_in_a_tool_result_stays_in_it() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    turns = _turns([user("go"), calls("a"), result("a", [text("look:"), image])])

    content = turns[-1]["content"][0]["content"]
    assert content == [
        text("look:"),
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
    ]


def test_an_empty_tool_result_is_sent_without_content() -> None:
    turns = _turns([user("go"), calls("a"), result("a", "")])

    assert turns[-1]["content"] == [{"type": "tool_result", "tool_use_id": "a"}]


def test_a_final_assistant_message_is_a_prefill_where_the_model_takes_one() -> None:
    turns = _turns([user("go"), {"role": "assistant", "content": "The answer is \n"}], BUDGET)

    assert turns[-1] == {"role": "assistant", "content": [text("The answer is")]}


def test_a_final_assistant_message_is_continued_by_a_user_turn_where_it_does_not() -> None:
    body, notes = told([user("go"), {"role": "assistant", "content": "The answer is "}], BOUND)

    assert body["messages"][-1]["role"] == "user"
    assert any("asks it to continue" in note for note in notes)


def test_a_thinking_model_gets_no_prefill() -> None:
    turns = _turns(
        [user("go"), {"role": "assistant", "content": "Well, "}], BUDGET, reasoning_effort="high"
    )

    assert turns[-1]["role"] == "user"


def test_a_conversation_that_begins_with_the_assistant_gets_a_user_turn_first() -> None:
    turns = _turns([{"role": "assistant", "content": "Welcome!"}, user("hi")])

    assert [t["role"] for t in turns] == ["user", "assistant", "user"]


def test_a_blank_user_message_does_not_make_the_assistants_words_a_prefill() -> None:
    turns = _turns([user("go"), {"role": "assistant", "content": "Done."}, user(" ")])

    assert turns[-1] == user([text("(no content)")])


def test_blank_assistant_messages_are_left_out() -> None:
    turns = _turns([user("a"), {"role": "assistant", "content": " "}, user("b")])

    assert turns == [user([text("a"), text("b")])]


def test_a_refusal_is_part_of_the_history() -> None:
    turns = _turns([user("a"), {"role": "assistant", "content": None, "refusal": "No."}, user("b")])

    assert turns[1]["content"] == [text("No.")]


@pytest.mark.parametrize(
    "messages", [[], None, "hello", [{"role": "critic", "content": "x"}], [{"content": "x"}]]
)
def test_what_is_no_conversation_is_refused_as_the_clients_fault(messages: Any) -> None:
    with pytest.raises(ClientError) as refused:
        told(messages or [{"role": "nobody"}])

    assert refused.value.status == 400
    assert refused.value.param == "messages"


_IDS = st.sampled_from(["a", "b", "call:1", "call.1", "", "ü", "toolu_1", "a b"])
_WORDS = st.sampled_from(["", " ", "hello", "two\nlines ", "\n"])
_PARTS = st.lists(
    st.one_of(
        st.builds(text, _WORDS),
        st.just({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}),
        st.just({"type": "input_audio", "input_audio": {"data": "AA"}}),
    ),
    max_size=3,
)
_CONTENT = st.one_of(_WORDS, st.none(), _PARTS)


def _call(id: str, name: str, arguments: str) -> JsonObject:
    return {"id": id, "function": {"name": name, "arguments": arguments}}


_CALL = st.builds(
    _call,
    _IDS,
    st.sampled_from(["look", "files.read", ""]),
    st.sampled_from(["", "{}", '{"a":1}', "[", "3"]),
)
_MESSAGE = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer", "user"]), "content": _CONTENT}
    ),
    st.fixed_dictionaries(
        {
            "role": st.just("assistant"),
            "content": _CONTENT,
            "tool_calls": st.lists(_CALL, max_size=3),
        }
    ),
    st.fixed_dictionaries({"role": st.just("tool"), "tool_call_id": _IDS, "content": _CONTENT}),
)


@given(
    messages=st.lists(_MESSAGE, min_size=1, max_size=12),
    model=st.sampled_from([BUDGET, ADAPTIVE, BOUND, "claude-3-5-haiku-latest"]),
    effort=st.sampled_from([None, "none", "low", "high"]),
    choice=st.sampled_from([None, "auto", "required", "none"]),
)
def test_any_history_becomes_one_that_claude_takes(
    messages: list[JsonObject], model: str, effort: str | None, choice: str | None
) -> None:
    try:
        body, _ = told(
            messages,
            model,
            reasoning_effort=effort,
            tool_choice=choice,
            tools=[tool(), tool("files.read")],
            stop=["\n", "END"],
            temperature=1.5,
        )
    except ClientError:  # nothing in it to answer
        return

    assert why_refused(body) is None


@given(messages=st.lists(_MESSAGE, min_size=1, max_size=12))
def test_no_words_are_lost(messages: list[JsonObject]) -> None:
    wanted = [w for m in messages for w in _words(m.get("content")) if w.strip()]
    try:
        body, _ = told([*messages, user("last words")], ADAPTIVE)
    except ClientError:
        return

    sent = [
        b
        for turn in [{"content": body.get("system", [])}, *body["messages"]]
        for b in turn["content"]
    ]
    found = [w for b in sent for w in (b.get("text"), *_words(b.get("content"))) if w]
    for words in wanted:
        assert found.count(words) >= wanted.count(words)


def _words(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content or () if part["type"] == "text"]
