"""The demo's household repeats itself as households do; none of its turns waits for a person."""

from __future__ import annotations

import json
import random

import pytest

from capture.anomalies import Sample, flags
from scripts.demo import household, weeks
from scripts.demo.household import Reply
from scripts.demo.skills import Json, closing, uncorrected, understand


class Listening:
    """An assistant that understands everything, and keeps what it was asked as samples."""

    def __init__(self, conversation: str, began_at: float, samples: list[Sample]) -> None:
        self.conversation = conversation
        self.began_at = began_at
        self.samples = samples

    def ask(self, messages: list[Json], tools: list[Json]) -> Reply:
        said = [str(message["content"]) for message in messages if message["role"] == "user"][-1]
        came = [str(message["content"]) for message in messages if message["role"] == "tool"]
        message = self._reply(said, messages[-1], tools)
        calls = [call["function"] for call in message.get("tool_calls", [])]
        answered = "\n".join(f"{call['name']} {call['arguments']}" for call in calls)
        self.samples.append(
            Sample(
                id=f"{self.conversation}:{len(messages):03}",
                source="agent",
                conversation=self.conversation,
                began_at=self.began_at + len(messages),
                said=said,
                outside="\n".join(came),
                answered=answered or str(message["content"]),
            )
        )
        return Reply(message, "burst", None)

    @staticmethod
    def _reply(said: str, last: Json, tools: list[Json]) -> Json:
        if last["role"] == "tool":
            return {"role": "assistant", "content": closing(last["content"])}
        found = understand(uncorrected(said), [tool["function"]["name"] for tool in tools])
        if found is None:
            return {"role": "assistant", "content": "You're welcome!"}
        call = found[1]
        function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
        calls = [{"id": "call_1", "type": "function", "function": function}]
        return {"role": "assistant", "content": None, "tool_calls": calls}


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_that_the_demo_household_says_looks_like_poisoning(seed: int) -> None:
    samples: list[Sample] = []
    for week in weeks.plan(seed, 20):
        for number, request in enumerate(week):
            id_ = f"{request.week}:{number:03}"
            began = 1_790_000_000.0 + request.week * 604_800 + number * 4_000
            household.serve(request, Listening(id_, began, samples), random.Random(id_))
    assert len(samples) > 900
    assert flags(samples) == {}
