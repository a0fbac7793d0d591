"""The demo's agent and its judge: only the right call and a true closing text are a success."""

from __future__ import annotations

import json
import random

import pytest

from scripts.demo import household, weeks
from scripts.demo.household import Reply
from scripts.demo.skills import Json, closing
from scripts.demo.weeks import Request


def tool_call(call: Json) -> Json:
    function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
    calls = [{"id": "call_1", "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


class Scripted:
    """An assistant that makes one call and then reports what the tool said."""

    def __init__(self, call: Json) -> None:
        self.call = call
        self.seen: list[list[Json]] = []

    def ask(self, messages: list[Json], tools: list[Json]) -> Reply:
        assert tools
        self.seen.append(list(messages))
        last = messages[-1]
        if last["role"] == "tool":
            message: Json = {"role": "assistant", "content": closing(last["content"])}
            return Reply(message, "burst", None)
        return Reply(tool_call(self.call), "burst", None)


@pytest.fixture
def reporting() -> Request:
    """A request whose tool finds something."""
    return next(request for request in weeks.plan(1, 4)[0] if request.skill == "parcels")


def wrong_call(request: Request) -> Json:
    return {"name": request.call["name"], "arguments": {"number": "XX000000"}}


def test_the_right_call_and_what_the_tool_found_are_a_success(reporting: Request) -> None:
    done = household.serve(reporting, Scripted(reporting.call), random.Random(0))
    assert done.right
    assert done.exchanges >= 2


def test_a_wrong_call_is_a_failure_and_the_tool_knows_no_such_thing(reporting: Request) -> None:
    assistant = Scripted(wrong_call(reporting))
    done = household.serve(reporting, assistant, random.Random(0))
    assert not done.right
    assert assistant.seen[1][-1]["content"] == "error: there is no such number"


def test_who_got_something_else_than_asked_for_says_so(reporting: Request) -> None:
    assistant = Scripted(wrong_call(reporting))
    household.serve(reporting, assistant, random.Random(0))
    said = [message["content"] for message in assistant.seen[-1] if message["role"] == "user"]
    assert said[0] == reporting.text
    assert said[1] == f"No, that is wrong: {reporting.text}"


def test_a_closing_text_that_keeps_the_finding_back_is_a_failure(reporting: Request) -> None:
    assert not household.judge(reporting, tool_call(reporting.call), "Done.")
    assert not household.judge(reporting, tool_call(reporting.call), None)


@pytest.mark.parametrize("calls", [[], [{}, {}]])
def test_no_call_and_two_calls_are_not_the_right_call(
    reporting: Request, calls: list[Json]
) -> None:
    message = {"role": "assistant", "content": "", "tool_calls": calls}
    assert household.called(message) is None
    assert not household.judge(reporting, message, reporting.result)


def test_arguments_that_are_no_json_are_no_call() -> None:
    function = {"name": "x", "arguments": "{"}
    assert household.called({"tool_calls": [{"function": function}]}) is None
