"""Thinking that a client drops comes back to Claude: when, how, and when it must not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.thinking import ThinkingStore
from gateway.upstreams.anthropic import Anthropic
from tests.support.claude_rules import why_refused
from tests.support.claude_upstream import (
    ADAPTIVE,
    BOUND,
    BUDGET,
    asks,
    calls,
    result,
    said,
    text,
    tool,
    upstream,
    user,
)
from tests.support.fake_claude import Says, Use, stream_events

JsonObject = dict[str, Any]

_THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "sig-Hm."}
_USE = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"b": 1, "a": 2}}


def _answer(
    claude: Anthropic, messages: list[JsonObject], model: str, says: Says, **fields: Any
) -> None:
    """One whole exchange, streamed: what Claude says is what the gateway remembers."""
    request = asks(messages, id=f"01-{len(messages)}", stream=True, **fields)
    claude.prepare(request, model)
    reader = claude.stream_reader(request, model)
    for event in stream_events(says.message(model)):
        reader.feed(event)
    reader.finish()


def _echo(arguments: str = '{"a":2,"b":1}', content: str | None = None) -> JsonObject:
    """Claude's turn as Hermes sends it back: no thinking, arguments in another key order."""
    function = {"name": "look", "arguments": arguments}
    call = {"id": "toolu_1", "type": "function", "function": function}
    return {"role": "assistant", "content": content, "tool_calls": [call]}


_CALLS = Says(thinking="Hm.", uses=[Use("toolu_1", "look", {"b": 1, "a": 2})])
_THINKS: JsonObject = {"reasoning_effort": "high", "tools": [tool()]}


@pytest.mark.parametrize("model", [BUDGET, ADAPTIVE, BOUND])
def test_a_tool_call_comes_back_with_its_thinking_and_signature(model: str) -> None:
    claude = upstream()
    _answer(claude, [user("go")], model, _CALLS, **_THINKS)

    prepared = claude.prepare(asks([user("go"), _echo(), result("toolu_1")], **_THINKS), model)

    turn = said(prepared)["messages"][1]
    assert turn == {"role": "assistant", "content": [_THOUGHT, _USE]}
    assert list(turn["content"][1]["input"]) == ["b", "a"]  # as Claude wrote it: the cache matches
    assert why_refused(said(prepared)) is None


def test_a_whole_json_reply_is_remembered_like_a_stream() -> None:
    claude = upstream()
    request = asks([user("go")], **_THINKS)
    claude.prepare(request, BUDGET)
    claude.read_reply(request, BUDGET, json.dumps(_CALLS.message(BUDGET)).encode())

    prepared = claude.prepare(asks([user("go"), _echo(), result("toolu_1")], **_THINKS), BUDGET)

    assert said(prepared)["messages"][1]["content"] == [_THOUGHT, _USE]


def test_text_beside_the_call_keeps_its_place_whatever_space_the_client_cut() -> None:
    claude = upstream()
    says = Says(thinking="Hm.", text="I look.\n", uses=_CALLS.uses)
    _answer(claude, [user("go")], BUDGET, says, **_THINKS)

    echo = _echo(content="I look.")
    prepared = claude.prepare(asks([user("go"), echo, result("toolu_1")], **_THINKS), BUDGET)

    assert said(prepared)["messages"][1]["content"] == [_THOUGHT, text("I look.\n"), _USE]


def test_a_turn_the_client_changed_keeps_the_clients_words_after_the_thinking() -> None:
    claude = upstream()
    _answer(claude, [user("go")], BUDGET, _CALLS, **_THINKS)

    echo = _echo(arguments='{"a":3}')
    prepared = claude.prepare(asks([user("go"), echo, result("toolu_1")], **_THINKS), BUDGET)

    assert said(prepared)["messages"][1]["content"] == [_THOUGHT, {**_USE, "input": {"a": 3}}]


def test_a_plain_answer_comes_back_with_its_thinking_after_the_same_conversation_only() -> None:
    claude = upstream()
    thinks = {"reasoning_effort": "high"}
    _answer(claude, [user("go")], ADAPTIVE, Says("Done.", thinking="Hm."), **thinks)
    echo = {"role": "assistant", "content": "Done."}

    same = claude.prepare(asks([user("go"), echo, user("more")], **thinks), ADAPTIVE)
    other = claude.prepare(asks([user("stop"), echo, user("more")], **thinks), ADAPTIVE)

    assert said(same)["messages"][1]["content"] == [_THOUGHT, text("Done.")]
    assert said(other)["messages"][1]["content"] == [text("Done.")]


def test_thinking_never_goes_to_another_model() -> None:
    claude = upstream()
    _answer(claude, [user("go")], ADAPTIVE, _CALLS, **_THINKS)

    prepared = claude.prepare(
        asks([user("go"), _echo(), result("toolu_1")], **_THINKS), "claude-opus-4-7"
    )

    assert said(prepared)["messages"][1]["content"] == [{**_USE, "input": {"a": 2, "b": 1}}]


def test_a_model_that_binds_thinking_gets_it_only_while_all_before_it_is_unchanged() -> None:
    claude = upstream()
    system = {"role": "system", "content": "Be brief."}
    _answer(claude, [system, user("go")], BOUND, _CALLS, **_THINKS)
    rest = [user("go"), _echo(), result("toolu_1")]

    same = claude.prepare(asks([system, *rest], **_THINKS), BOUND)
    changed = claude.prepare(asks([{**system, "content": "Be long."}, *rest], **_THINKS), BOUND)
    fewer_tools = claude.prepare(asks([system, *rest], reasoning_effort="high"), BOUND)

    assert _THOUGHT in said(same)["messages"][1]["content"]
    assert _THOUGHT not in said(changed)["messages"][1]["content"]
    assert _THOUGHT not in said(fewer_tools)["messages"][1]["content"]


def test_cache_markers_that_move_do_not_count_as_a_change() -> None:
    claude = upstream()
    marked = user([{**text("go"), "cache_control": {"type": "ephemeral"}}])
    _answer(claude, [marked], BOUND, _CALLS, **_THINKS)

    prepared = claude.prepare(
        asks([user([text("go")]), _echo(), result("toolu_1")], **_THINKS), BOUND
    )

    assert _THOUGHT in said(prepared)["messages"][1]["content"]


def test_a_forgotten_turn_leaves_every_later_one_of_a_binding_model_without_thinking() -> None:
    claude = upstream()
    second = Says(thinking="Again.", uses=[Use("toolu_2", "look", {"a": 2})])
    history = [user("go"), _echo(), result("toolu_1")]
    _answer(claude, [user("go")], BOUND, _CALLS, **_THINKS)
    _answer(claude, history, BOUND, second, **_THINKS)
    later = {**_echo('{"a":2}')}
    later["tool_calls"] = [{**later["tool_calls"][0], "id": "toolu_2"}]
    whole = [*history, later, result("toolu_2")]

    kept = claude.prepare(asks(whole, **_THINKS), BOUND)
    compacted = claude.prepare(asks([user("(summary)"), *whole[3:]], **_THINKS), BOUND)

    assert [b["type"] for b in said(kept)["messages"][3]["content"]] == ["thinking", "tool_use"]
    assert [b["type"] for b in said(compacted)["messages"][1]["content"]] == ["tool_use"]


def test_without_its_memory_a_model_on_a_budget_does_not_think_for_that_request() -> None:
    prepared = upstream().prepare(asks([user("go"), _echo(), result("toolu_1")], **_THINKS), BUDGET)

    assert "thinking" not in said(prepared)
    assert "thinking is off: what led to these tool calls is not remembered any more" in (
        prepared.notes
    )


def test_without_its_memory_a_model_on_a_budget_thinks_again_once_the_user_speaks() -> None:
    messages = [user("go"), _echo(), result("toolu_1"), {"role": "assistant", "content": "Done."}]

    prepared = upstream().prepare(asks([*messages, user("more")], **_THINKS), BUDGET)

    assert said(prepared)["thinking"]["type"] == "enabled"


def test_without_its_memory_an_adaptive_model_goes_on_thinking() -> None:
    prepared = upstream().prepare(
        asks([user("go"), _echo(), result("toolu_1")], **_THINKS), ADAPTIVE
    )

    assert said(prepared)["thinking"]["type"] == "adaptive"


def test_no_thinking_goes_to_a_request_that_shall_not_think() -> None:
    claude = upstream()
    _answer(claude, [user("go")], BUDGET, _CALLS, **_THINKS)

    prepared = claude.prepare(
        asks([user("go"), _echo(), result("toolu_1")], tools=[tool()]), BUDGET
    )

    assert [b["type"] for b in said(prepared)["messages"][1]["content"]] == ["tool_use"]


def test_a_turns_cache_marker_survives_its_restoration() -> None:
    claude = upstream()
    says = Says("I look.", thinking="Hm.")
    _answer(claude, [user("go")], ADAPTIVE, says, reasoning_effort="high")
    marker = {"type": "ephemeral"}
    echo = {"role": "assistant", "content": [{**text("I look."), "cache_control": marker}]}

    prepared = claude.prepare(
        asks([user("go"), echo, user("so?")], reasoning_effort="high"), ADAPTIVE
    )

    assert said(prepared)["messages"][1]["content"] == [
        _THOUGHT,
        {**text("I look."), "cache_control": marker},
    ]


def test_a_broken_reply_is_not_remembered() -> None:
    memory = ThinkingStore()
    claude = upstream(memory)
    request = asks([user("go")], stream=True, **_THINKS)
    claude.prepare(request, BUDGET)
    reader = claude.stream_reader(request, BUDGET)
    for event in stream_events(_CALLS.message(BUDGET))[:-1]:
        reader.feed(event)
    reader.finish()

    assert memory.turns == 0


def test_a_reply_without_thinking_takes_no_memory() -> None:
    memory = ThinkingStore()
    _answer(upstream(memory), [user("go")], BUDGET, Says("Hello."))

    assert memory.turns == 0


@pytest.mark.parametrize("streamed", [True, False])
def test_after_a_restart_the_memory_is_warmed_from_stored_replies(streamed: bool) -> None:
    claude = upstream()
    message = _CALLS.message(BOUND)
    raw = b"".join(stream_events(message)) if streamed else json.dumps(message).encode()
    claude.warm(asks([user("go")], stream=streamed, **_THINKS), BOUND, raw)

    prepared = claude.prepare(asks([user("go"), _echo(), result("toolu_1")], **_THINKS), BOUND)

    assert said(prepared)["messages"][1]["content"] == [_THOUGHT, _USE]


@pytest.mark.parametrize("raw", [b"", b"{}", b"<html>", b'{"type":"error","error":{}}', b"data: {"])
def test_stored_bytes_that_are_no_reply_are_passed_over(raw: bytes) -> None:
    memory = ThinkingStore()
    upstream(memory).warm(asks([user("go")]), BUDGET, raw)

    assert memory.turns == 0


def test_a_memory_full_of_long_turns_stays_in_its_bound() -> None:
    memory = ThinkingStore(max_bytes=64_000)
    claude = upstream(memory)
    for number in range(40):
        says = Says(thinking="x" * 4000, uses=[Use(f"toolu_{number}", "look")])
        _answer(claude, [user(f"go {number}")], BUDGET, says, **_THINKS)

    assert memory.bytes <= 64_000
    assert 0 < memory.turns < 40


def test_a_call_the_client_made_up_finds_nothing() -> None:
    claude = upstream()
    _answer(claude, [user("go")], ADAPTIVE, _CALLS, **_THINKS)

    prepared = claude.prepare(asks([user("go"), calls("toolu_9"), result("toolu_9")]), ADAPTIVE)

    assert [b["type"] for b in said(prepared)["messages"][1]["content"]] == ["tool_use"]
