"""The demo's stand-in for Claude: right by rule, wrong at the stated rate, the real wire."""

from __future__ import annotations

import random

import httpx2
import pytest

from scripts.demo import household, skills, stand_in, weeks
from scripts.demo.direct import Direct
from scripts.demo.weeks import Request
from tests.support.claude_rules import why_refused


@pytest.fixture(scope="module")
def requests() -> tuple[Request, ...]:
    return weeks.plan(2, 6)[1]


def test_it_is_right_about_everything_when_it_makes_no_mistakes(
    requests: tuple[Request, ...],
) -> None:
    with stand_in.serving(wrong=0.0) as url, Direct(url) as alone:
        done = household.serve_all(requests, alone, "test")
    assert household.success(done) == 1.0


def test_its_mistakes_are_as_many_as_stated(requests: tuple[Request, ...]) -> None:
    with stand_in.serving(wrong=1.0) as url, Direct(url) as alone:
        done = household.serve_all(requests[:6], alone, "test")
    assert household.success(done) == 0.0


def test_a_correction_is_understood_as_the_request_it_repeats(
    requests: tuple[Request, ...],
) -> None:
    request = requests[0]
    said = skills.CORRECTION + request.text
    body = {"model": "m", "messages": [{"role": "user", "content": said}]}
    body["tools"] = [{"name": tool["function"]["name"]} for tool in request.tools]
    (block,) = stand_in.answer(body, wrong=0.0)["content"]
    assert {"name": block["name"], "arguments": block["input"]} == request.call


def test_it_says_that_it_is_a_stand_in_when_it_does_not_know() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Write me a poem."}]}
    (block,) = stand_in.answer(body, wrong=0.0)["content"]
    assert "stand-in" in block["text"]


def test_it_asks_for_a_key_as_the_messages_api_does() -> None:
    with stand_in.serving() as url:
        refused = httpx2.post(f"{url}/v1/messages", json={"messages": []})
    assert refused.status_code == 401
    assert refused.json()["error"]["type"] == "authentication_error"


def test_a_spoiled_call_is_never_the_right_one() -> None:
    rng = random.Random(4)
    for request in rng.sample(weeks.plan(3, 8)[0], 20):
        assert skills.spoiled(request.call) != request.call


def test_the_stand_in_is_sent_what_the_messages_api_takes(
    requests: tuple[Request, ...],
) -> None:
    body = {
        "model": "m",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": requests[0].text}]}],
    }
    assert why_refused(body) is None
    streamed = list(stand_in.events(stand_in.answer(body, wrong=0.0)))
    assert [event["type"] for event in streamed[:2]] == ["message_start", "content_block_start"]
    assert streamed[-1] == {"type": "message_stop"}
