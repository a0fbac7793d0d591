"""A local answer that is not fit is never seen: the next place answers, and the record has both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.blackbox.house import ENV, House
from tests.blackbox.signs import is_heartbeat
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import Reply, chat, get, open_stream

pytestmark = pytest.mark.asyncio(loop_scope="session")

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
FIT = ("weather", '{"city": "Oslo"}')
UNFIT = {
    "unknown tool": ("send_mail", "{}"),
    "arguments that are not JSON": ("weather", '{"city": "Os'),
    "a broken schema": ("weather", '{"town": "Oslo"}'),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def holding(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    """Home first, then BURST; heartbeats come quickly."""
    settings = house.settings(
        escalation={"default": "resting", "fallback": ["burst"]},
        server={"heartbeat_seconds": 0.15},
    )
    home = tmp_path_factory.mktemp("holding") / "home"
    async with GatewayProcess(home, settings, ENV) as running:
        yield running


def calling(call: tuple[str, str], *, stream: bool) -> fake.Script:
    """A reply with one tool call."""
    name, arguments = call
    if stream:
        return fake.reply_sse(fake.tool_events([("call_1", name, arguments)]))
    function = {"name": name, "arguments": arguments}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return fake.reply_json(fake.completion(choices=[choice]))


async def ask(gateway: GatewayProcess, mark: str, *, stream: bool, model: str = "auto") -> Reply:
    return await chat(gateway.url, mark, stream=stream, model=model, tools=TOOLS)


def said(reply: Reply, *, stream: bool) -> bytes:
    """The body without signs of life."""
    if not stream:
        return reply.body
    return b"".join(raw for raw in reply.events if not is_heartbeat(raw))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", UNFIT)
async def test_an_unfit_call_is_never_seen_and_burst_answers(
    holding: GatewayProcess, house: House, mark: str, fault: str, stream: bool
) -> None:
    house.small.on(mark, calling(UNFIT[fault], stream=stream))
    house.cloud.on(mark, calling(FIT, stream=stream))
    reply = await ask(holding, mark, stream=stream)
    assert reply.status == 200
    assert house.seen(mark) == ["small", "cloud"]
    assert reply.header("x-majordomo-mode") == "burst"
    assert reply.header("x-majordomo-reason") == "unfit"
    assert reply.header("x-majordomo-attempts") == "2"
    body = said(reply, stream=stream)
    assert b"send_mail" not in body
    assert b"town" not in body
    assert b"Os" in body


async def test_the_record_keeps_both_attempts_and_says_why(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(UNFIT["a broken schema"], stream=True))
    house.cloud.on(mark, calling(FIT, stream=True))
    reply = await ask(holding, mark, stream=True)
    found = await holding.exchange(reply.exchange_id)
    assert [(a["mode"], a["status"]) for a in found["attempts"]] == [
        ("resting", "unfit"),
        ("burst", "ok"),
    ]
    assert found["attempts"][0]["error"] == (
        "its arguments for `weather` do not fit: `city` missing"
    )
    assert found["decision"]["skill"] == "tool:weather"
    told = (await get(holding.url, f"/v1/exchanges/{reply.exchange_id}/explain")).json()
    assert told["sentence"].startswith(
        "Answered by cloud-1 at cloud (BURST) after tiny-1 gave no fit answer "
        "(its arguments for `weather` do not fit: `city` missing): "
    )
    page = await get(holding.url, f"/exchanges/{reply.exchange_id}")
    assert page.status == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_fit_call_is_handed_over_as_it_came(
    holding: GatewayProcess, house: House, mark: str, stream: bool
) -> None:
    house.small.on(mark, calling(FIT, stream=stream))
    reply = await ask(holding, mark, stream=stream)
    assert house.seen(mark) == ["small"]
    assert reply.header("x-majordomo-mode") == "resting"
    if stream:
        assert said(reply, stream=True) == b"".join(fake.tool_events([("call_1", *FIT)]))
    found = await holding.exchange(reply.exchange_id)
    assert found["status"] == "ok"
    assert found["first_token_s"] is not None
    assert found["called"] == ["weather"]


async def test_words_are_handed_over_although_tools_were_offered(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    reply = await ask(holding, mark, stream=True)
    assert house.seen(mark) == ["small"]
    assert reply.complete
    assert mark.encode() in reply.body


@pytest.mark.parametrize("stream", [False, True])
async def test_without_a_later_place_the_local_answer_goes_out_as_it_is(
    holding: GatewayProcess, house: House, mark: str, stream: bool
) -> None:
    house.small.on(mark, calling(UNFIT["unknown tool"], stream=stream))
    reply = await ask(holding, mark, stream=stream, model="resting")
    assert house.seen(mark) == ["small"]
    assert b"send_mail" in reply.body
    found = await holding.exchange(reply.exchange_id)
    assert [a["status"] for a in found["attempts"]] == ["ok"]


async def test_a_private_request_escalates_within_the_house_alone(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    for upstream in (house.small, house.big):
        upstream.on(mark, calling(UNFIT["unknown tool"], stream=True))
    reply = await chat(
        holding.url, mark, stream=True, tools=TOOLS, headers=[("X-Majordomo-Private", "1")]
    )
    assert house.seen(mark) == ["small", "big"]
    assert reply.header("x-majordomo-mode") == "active"
    assert b"send_mail" in reply.body
    found = await holding.exchange(reply.exchange_id)
    assert [a["status"] for a in found["attempts"]] == ["unfit", "ok"]


async def test_a_held_stream_shows_signs_of_life_and_nothing_else(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    events = fake.tool_events([("call_1", *FIT)])
    steps = asyncio.Semaphore(len(events) - 1)
    house.small.on(mark, fake.reply_sse(events, steps=steps))
    async with await open_stream(holding.url, mark, tools=TOOLS) as client:
        found: list[bytes] = []
        async for arrival in client.events(await client.head()):
            found.append(arrival.raw)
            if len(found) == 4:
                assert all(map(is_heartbeat, found)), "a byte of the reply went out unchecked"
                steps.release()
    assert [raw for raw in found if not is_heartbeat(raw)] == events


async def test_a_held_stream_that_breaks_off_is_answered_by_the_next_place(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.broken_after(fake.tool_events([("call_1", *FIT)])[:3], "close"))
    house.cloud.on(mark, calling(FIT, stream=True))
    reply = await ask(holding, mark, stream=True)
    assert reply.header("x-majordomo-mode") == "burst"
    assert said(reply, stream=True) == b"".join(fake.tool_events([("call_1", *FIT)]))


@pytest.mark.parametrize(("alias", "tools"), [("auto", None), ("resting", TOOLS)])
async def test_what_needs_no_check_streams_as_it_comes(
    holding: GatewayProcess, house: House, mark: str, alias: str, tools: object
) -> None:
    events = fake.text_events(["one ", "two "])
    steps = asyncio.Semaphore(2)
    house.small.on(mark, fake.reply_sse(events, steps=steps))
    async with await open_stream(holding.url, mark, model=alias, tools=tools) as client:
        found: list[bytes] = []
        async for arrival in client.events(await client.head()):
            if not is_heartbeat(arrival.raw):
                found.append(arrival.raw)
            if found == events[:2]:
                for _ in events[2:]:
                    steps.release()
    assert found == events


async def test_a_reply_too_long_to_be_held_goes_out_unchecked_and_says_so(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    long = json.dumps({"town": "x" * 5_000_000})
    house.small.on(mark, calling(("weather", long), stream=True))
    reply = await ask(holding, mark, stream=True)
    assert house.seen(mark) == ["small"]
    found = await holding.exchange(reply.exchange_id)
    assert any("unchecked" in note for note in found["notes"])


# where no later place answers: the reply at hand after all

LATER_FAILURES = {"no connection": fake.reset_at_once, "an error": fake.failing(500)}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("failure", LATER_FAILURES)
async def test_an_unfit_answer_is_handed_over_after_all_when_burst_fails(
    holding: GatewayProcess, house: House, mark: str, failure: str, stream: bool
) -> None:
    house.small.on(mark, calling(UNFIT["unknown tool"], stream=stream))
    house.cloud.on(mark, LATER_FAILURES[failure])
    reply = await ask(holding, mark, stream=stream)
    assert house.seen(mark) == ["small", "cloud", "cloud"]
    assert reply.status == 200
    assert b"send_mail" in reply.body
    if stream:
        events = fake.tool_events([("call_1", *UNFIT["unknown tool"])])
        assert said(reply, stream=True) == b"".join(events)


async def test_headers_and_record_tell_of_the_reply_that_the_client_got(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(UNFIT["unknown tool"], stream=False))
    house.cloud.on(mark, fake.failing(500))
    reply = await ask(holding, mark, stream=False)
    assert [reply.header(f"x-majordomo-{name}") for name in ("mode", "model", "reason")] == [
        "resting",
        "tiny-1",
        "last_resort",
    ]
    assert reply.header("x-majordomo-attempts") == "3"
    found = await holding.exchange(reply.exchange_id)
    assert (found["status"], found["mode"], found["called"]) == ("ok", "resting", ["send_mail"])
    assert [(a["mode"], a["status"]) for a in found["attempts"]] == [
        ("burst", "http_error"),
        ("burst", "http_error"),
        ("resting", "ok"),
    ], "whose reply the client got comes last"
    assert found["attempts"][-1]["error"] == "it calls `send_mail`, which was not offered"
    assert any("no other place answered" in note for note in found["notes"])
    assert "although that is no fit answer" in found["explanation"]
    assert (await get(holding.url, found["response_url"])).body == reply.body
    last = f"/v1/exchanges/{reply.exchange_id}/attempts/3/response"
    assert (await get(holding.url, last)).body == reply.body
    first = f"/v1/exchanges/{reply.exchange_id}/attempts/1/response"
    assert b"fake_500" in (await get(holding.url, first)).body


async def test_it_is_handed_over_after_signs_of_life_as_well(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    alive = asyncio.Event()

    async def fails_late(call: fake.Call) -> None:
        await alive.wait()
        call.reset()

    house.small.on(mark, calling(UNFIT["unknown tool"], stream=True))
    house.cloud.on(mark, fails_late)
    async with await open_stream(holding.url, mark, tools=TOOLS) as client:
        found: list[bytes] = []
        async for arrival in client.events(await client.head()):
            found.append(arrival.raw)
            alive.set()
    assert is_heartbeat(found[0])
    events = fake.tool_events([("call_1", *UNFIT["unknown tool"])])
    assert [raw for raw in found if not is_heartbeat(raw)] == events


async def test_a_private_request_gets_the_answer_at_hand_when_the_other_model_fails(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(UNFIT["unknown tool"], stream=False))
    house.big.on(mark, fake.failing(500))
    reply = await chat(
        holding.url, mark, stream=False, tools=TOOLS, headers=[("X-Majordomo-Private", "1")]
    )
    assert "cloud" not in house.seen(mark)
    assert reply.header("x-majordomo-mode") == "resting"
    assert b"send_mail" in reply.body


async def test_an_answer_found_unfit_when_burst_has_just_been_given_up_says_so_too(
    house: House, mark: str, tmp_path: Path
) -> None:
    settings = house.settings(escalation={"default": "resting", "fallback": ["burst"]})
    settings["upstreams"]["cloud"] |= {"circuit": {"failures": 1}}
    events = fake.tool_events([("call_1", *UNFIT["unknown tool"])])
    steps = asyncio.Semaphore(1)
    house.small.on(mark, fake.reply_sse(events, steps=steps))
    async with GatewayProcess(tmp_path / "home", settings, ENV) as gateway:
        async with await open_stream(gateway.url, mark, tools=TOOLS) as client:
            await house.small.wait_for(mark)
            house.cloud.on("broken-" + mark, fake.failing(500))
            await chat(gateway.url, "broken-" + mark, model="burst")
            for _ in events:
                steps.release()
            head = await client.head()
            found = [arrival.raw async for arrival in client.events(head)]
        assert [raw for raw in found if not is_heartbeat(raw)] == events
        record = await gateway.exchange(str(head.header("x-request-id")))
    assert record["attempts"][0]["status"] == "ok"
    assert record["attempts"][0]["error"] == "it calls `send_mail`, which was not offered"
    assert any("no other place answered" in note for note in record["notes"])


async def test_once_another_place_has_begun_its_answer_nothing_replaces_it(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    begun = fake.tool_events([("call_1", *FIT)])[:2]
    house.small.on(mark, calling(UNFIT["unknown tool"], stream=True))
    house.cloud.on(mark, fake.broken_after(begun, "close"))
    reply = await ask(holding, mark, stream=True)
    assert said(reply, stream=True).startswith(b"".join(begun))
    assert b"send_mail" not in reply.body
    found = await holding.exchange(reply.exchange_id)
    assert found["status"] == "truncated"
    assert [a["status"] for a in found["attempts"]] == ["unfit", "broken"]


async def test_the_decision_tells_whose_replies_were_to_be_checked(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, calling(FIT, stream=False))
    reply = await ask(holding, mark, stream=False)
    await holding.exchange(reply.exchange_id)
    told = (await get(holding.url, f"/v1/exchanges/{reply.exchange_id}/explain")).json()
    assert told["checked"] == [{"mode": "resting", "upstream": "small", "model": "tiny-1"}]


async def test_thinking_alone_is_no_answer(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    message = {"role": "assistant", "content": None, "reasoning_content": "They want the weather."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    house.small.on(mark, fake.reply_json(fake.completion(choices=[choice])))
    house.cloud.on(mark, calling(FIT, stream=False))
    reply = await ask(holding, mark, stream=False)
    assert reply.header("x-majordomo-reason") == "unfit"
    assert reply.header("x-majordomo-mode") == "burst"


async def test_the_old_functions_are_checked_as_tools_are(
    holding: GatewayProcess, house: House, mark: str
) -> None:
    message = {"role": "assistant", "function_call": {"name": "send_mail", "arguments": "{}"}}
    choice = {"index": 0, "message": message, "finish_reason": "function_call"}
    house.small.on(mark, fake.reply_json(fake.completion(choices=[choice])))
    functions = [{"name": "weather", "parameters": PARAMETERS}]
    reply = await chat(holding.url, mark, stream=False, functions=functions)
    assert reply.header("x-majordomo-reason") == "unfit"


async def test_with_hold_calls_words_flow_and_a_call_is_held(
    house: House, tmp_path: Path, mark: str
) -> None:
    escalation = {"default": "resting", "fallback": ["burst"], "hold": "calls"}
    words, steps = fake.text_events(["Let ", "me ", "see."]), asyncio.Semaphore(2)
    house.small.on(f"{mark} words", fake.reply_sse(words, steps=steps))
    house.small.on(f"{mark} a call", calling(UNFIT["a broken schema"], stream=True))
    house.cloud.on(f"{mark} a call", calling(FIT, stream=True))
    async with GatewayProcess(tmp_path / "home", house.settings(escalation=escalation), ENV) as run:
        async with await open_stream(run.url, f"{mark} words", tools=TOOLS) as client:
            found: list[bytes] = []
            head = await client.head()
            async for arrival in client.events(head):
                found.append(arrival.raw)
                if found == words[:2]:
                    for _ in words[2:]:
                        steps.release()
        assert found == words
        kept = await run.exchange(head.exchange_id)
        assert any("began with words" in note for note in kept["notes"])
        held = await ask(run, f"{mark} a call", stream=True)
        assert held.header("x-majordomo-reason") == "unfit"
