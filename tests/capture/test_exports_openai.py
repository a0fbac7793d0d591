"""OpenAI's fine-tuning rows, held against what its API documents of a training file's line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.exports import Format, Source, write_export
from capture.exports.chat import Unsayable
from capture.exports.openai import row
from tests.support.journals import capturing
from tests.support.kitchen import TOOLS, answer, call, evening, result, user
from tests.support.turns import REDACTOR

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def checked(line: dict[str, Any]) -> list[int]:
    """The weights of a line's assistant messages, if the line is as documented: the fields of each
    role and no others, JSON text for arguments, every call answered by the messages after it."""
    assert set(line) <= {"messages", "tools", "parallel_tool_calls"}
    weights: list[int] = []
    waiting: set[str] = set()
    for message in line["messages"]:
        role = message["role"]
        if role == "tool":
            assert set(message) == {"role", "content", "tool_call_id"}
            waiting.remove(message["tool_call_id"])
            continue
        assert not waiting, "a call without its result"
        if role == "assistant":
            assert set(message) <= {"role", "content", "name", "tool_calls", "weight"}
            assert "content" in message or message["tool_calls"]
            weights.append(message["weight"])
            waiting = {checked_call(each) for each in message.get("tool_calls", ())}
        else:
            assert role in ("system", "user")
            assert {"role", "content"} <= set(message) <= {"role", "content", "name"}
        assert isinstance(message.get("content", ""), str)
    for tool in line.get("tools", ()):
        assert set(tool) == {"type", "function"}
        assert set(tool["function"]) <= {"name", "description", "parameters", "strict"}
        assert NAME.fullmatch(tool["function"]["name"])
    assert len(line.get("tools", ())) <= 128
    return weights


def checked_call(call: dict[str, Any]) -> str:
    assert set(call) == {"id", "type", "function"}
    assert call["type"] == "function"
    assert set(call["function"]) == {"name", "arguments"}
    assert NAME.fullmatch(call["function"]["name"])
    assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert isinstance(call["id"], str)
    return call["id"]


async def test_only_the_reply_of_a_row_s_own_exchange_has_weight(tmp_path: Path) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        evening(journal)
        assert await ingester.catch_up(30)
        write_export(Source(store.trainable(REDACTOR), REDACTOR), Format.OPENAI, tmp_path, "0.1.0")
    lines = (tmp_path / "openai.jsonl").read_text().splitlines()
    assert [checked(json.loads(line)) for line in lines] == [[1], [0, 1], [0, 0, 1]]


def test_arguments_are_text_and_what_a_training_file_may_not_have_is_absent() -> None:
    asked = [
        {"role": "developer", "content": "Be brief."},
        user("Is it ready?"),
        {**call("c1", '{"b": 1, "a": "é"}'), "reasoning": "mine"},
        result("c1", "yes"),
    ]
    tool = {**TOOLS[0], "cache_control": {"type": "ephemeral"}}
    request = {"messages": asked, "tools": [tool], "parallel_tool_calls": False}
    said = row(request, answer("Yes.", "short"))
    assert checked(said) == [0, 1]
    assert said["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Is it ready?"},
        {
            "role": "assistant",
            "weight": 0,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "terminal", "arguments": '{"b":1,"a":"é"}'},
                }
            ],
        },
        {"role": "tool", "content": "yes", "tool_call_id": "c1"},
        {"role": "assistant", "content": "Yes.", "weight": 1},
    ]
    assert said["tools"] == TOOLS
    assert said["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("messages", "tools", "why"),
    [
        ([user("?"), call("c1", "{}")], TOOLS, "results"),
        ([user("?"), call("c1", "{}"), user("Well?"), result("c1", "")], TOOLS, "results"),
        ([user("?"), call("c1", "{}"), result("c2", "")], TOOLS, "results"),
        ([user("?"), result("c1", "")], TOOLS, "results"),
        ([user("?"), call("", "{}"), result("", "")], TOOLS, "results"),
        ([{"role": "function", "name": "f", "content": ""}], TOOLS, "messages"),
        ([{"role": "user", "content": "?", "name": 7}], TOOLS, "messages"),
        ([user("?")], [{"type": "function", "function": {"name": "a.b"}}], "tools"),
        ([user("?")], [{"type": "custom"}], "tools"),
        ([user("?")], TOOLS * 129, "tools"),
    ],
)
def test_what_would_have_the_whole_file_refused_makes_no_row(
    messages: Any, tools: Any, why: str
) -> None:
    with pytest.raises(Unsayable, match=why):
        row({"messages": messages, "tools": tools}, answer("Yes."))


_MESSAGES = st.sampled_from(
    [
        user("Go on."),
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "And?"}], "name": "mia"},
        answer("Done.", "I think."),
        answer(""),
        call("c1", '{"a": [1, null]}', "One moment."),
        call("c2", ""),
        result("c1", "1"),
        result("c2", ""),
        {"role": "tool", "content": "lost"},
    ]
)


@given(st.lists(_MESSAGES, min_size=1, max_size=8), st.booleans())
def test_a_row_is_as_documented_whatever_was_said(messages: Any, calls: bool) -> None:
    reply = call("c9", "{}") if calls else answer("Yes.")
    try:
        said = row({"messages": messages, "tools": TOOLS}, reply)
    except Unsayable:
        return
    weights = checked(said)
    assert weights[-1] == 1
    assert not any(weights[:-1])
