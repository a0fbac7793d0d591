"""Retries, fallback and deadlines: only before the first byte, every try on record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.blackbox.house import House
from tests.blackbox.signs import error_in, is_heartbeat
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import Reply, chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


def tried(exchange: dict[str, Any]) -> list[tuple[str, str]]:
    """(mode, status) of every attempt on record."""
    return [(a["mode"], a["status"]) for a in exchange["attempts"]]


async def refused(gateway: GatewayProcess, house: House, mark: str, **fields: Any) -> Reply:
    """A chat while `small` takes no connections."""
    await house.small.stop()
    try:
        return await chat(gateway.url, mark, **fields)
    finally:
        await house.small.start()


# ---------------------------------------------------------------- before the first byte


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_connection_falls_back_to_the_next_mode(
    gateway: GatewayProcess, house: House, mark: str, stream: bool
) -> None:
    reply = await refused(gateway, house, mark, stream=stream)
    assert reply.status == 200, reply.body
    assert reply.header("x-majordomo-mode") == "active"
    assert reply.header("x-majordomo-model") == "large-1"
    found = await gateway.exchange(reply.exchange_id)
    assert reply.header("x-majordomo-attempts") == str(len(found["attempts"]))
    *failed, last = tried(found)
    assert last == ("active", "ok")
    assert set(failed) == {("resting", "connect_error")}


@pytest.mark.parametrize("status", [500, 502, 503, 529])
async def test_a_server_error_before_the_first_byte_is_tried_again_and_recorded(
    gateway: GatewayProcess, house: House, mark: str, status: int
) -> None:
    house.small.on(mark, fake.failing(status))
    reply = await chat(gateway.url, mark)
    assert reply.status == 200, reply.body
    found = await gateway.exchange(reply.exchange_id)
    assert len(found["attempts"]) == len(house.seen(mark))
    assert found["attempts"][0]["http_status"] == status
    assert tried(found)[0] == ("resting", "http_error")
    assert tried(found)[-1][1] == "ok"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reset_before_the_head_is_tried_again_and_recorded(
    gateway: GatewayProcess, house: House, mark: str, stream: bool
) -> None:
    house.small.on(mark, fake.reset_at_once)
    reply = await chat(gateway.url, mark, stream=stream)
    assert reply.status == 200, reply.body
    found = await gateway.exchange(reply.exchange_id)
    assert tried(found)[0][0] == "resting"
    assert tried(found)[0][1] in ("broken", "connect_error")
    assert len(found["attempts"]) >= 2


async def test_each_try_carries_the_model_of_its_own_upstream(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    house.small.on(mark, fake.failing(503))
    house.big.on(mark, fake.failing(503))
    reply = await chat(gateway.url, mark)
    models = {u.name: [c.json["model"] for c in u.seen(mark)] for u in house.upstreams}
    assert set(models["small"]) == {"tiny-1"}
    assert set(models["big"]) <= {"large-1"}
    assert set(models["cloud"]) <= {"cloud-1"}
    assert reply.status in (200, 502, 503)


async def test_tries_end_where_the_settings_say_and_the_last_error_names_who_failed(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    for upstream in house.upstreams:
        upstream.on(mark, fake.failing(503, f"{upstream.name} is ill"))
    reply = await chat(gateway.url, mark)
    assert reply.status in (502, 503)
    assert reply.error["who"] == "upstream"
    assert reply.error["upstream"] in ("small", "big", "cloud")
    assert "is ill" in reply.error["message"]
    assert len(house.seen(mark)) == 3
    found = await gateway.exchange(reply.exchange_id)
    assert found["status"] == "upstream_error"
    assert len(found["attempts"]) == 3


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_request_the_upstream_finds_wrong_is_not_sent_anywhere_else(
    gateway: GatewayProcess, house: House, mark: str, status: int
) -> None:
    house.small.on(mark, fake.failing(status, "the temperature is wrong"))
    reply = await chat(gateway.url, mark)
    assert reply.status == status
    assert "the temperature is wrong" in reply.error["message"]
    assert reply.error["who"] == "upstream"
    assert house.seen(mark) == ["small"]


BAD_REPLIES: dict[str, fake.Script] = {
    "an HTML page": fake.reply_json(b"<html>login</html>", headers={"content-type": "text/html"}),
    "cut JSON": fake.reply_json(b'{"id": "chatcmpl-1", "choices": [{"mess'),
    "empty": fake.reply_json(b""),
    "a bare list": fake.reply_json(b"[]"),
    "no choices": fake.reply_json(b'{"id": "x", "object": "chat.completion"}'),
    "an error under 200": fake.reply_json(b'{"error": {"message": "overloaded", "code": 503}}'),
    "a redirect": fake.reply_json(b"", status=302, headers={"location": "http://127.0.0.1:1/"}),
    "not HTTP": lambda call: call.raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "a 1xx storm": lambda call: call.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 5000),
}


@pytest.mark.parametrize("name", BAD_REPLIES)
async def test_what_is_no_completion_is_never_handed_over_as_one(
    gateway: GatewayProcess, house: House, mark: str, name: str
) -> None:
    for upstream in house.upstreams:
        upstream.on(mark, _then_close(BAD_REPLIES[name]))
    reply = await chat(gateway.url, mark)
    assert reply.status == 502, reply.body
    assert reply.error["who"] == "upstream"
    found = await gateway.exchange(reply.exchange_id)
    assert found["status"] == "upstream_error"
    assert "ok" not in [a["status"] for a in found["attempts"]]


def _then_close(script: fake.Script) -> fake.Script:
    async def closing(call: fake.Call) -> None:
        await script(call)
        call.hang_up()

    return closing


async def test_a_stream_request_answered_with_html_is_never_streamed(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    for upstream in house.upstreams:
        upstream.on(mark, BAD_REPLIES["an HTML page"])
    reply = await chat(gateway.url, mark, stream=True)
    assert b"<html" not in reply.body
    assert reply.status == 502 or error_in(reply.events)["who"] == "upstream"


async def test_a_json_body_cut_in_the_middle_is_never_handed_over_as_whole(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    async def cut(call: fake.Call) -> None:
        await call.head(200, {"content-type": "application/json"}, framing="length", length=900)
        await call.send(fake.completion()[:100])
        call.hang_up()

    house.small.on(mark, cut)
    reply = await chat(gateway.url, mark)
    if reply.status == 200:
        assert reply.header("x-majordomo-mode") != "resting"
        assert reply.json()["choices"]
    else:
        assert (reply.status, reply.error["who"]) == (502, "upstream")


# ---------------------------------------------------------------- deadlines


def _timed_out(reply: Reply) -> None:
    assert reply.status in (502, 503, 504), reply.body
    assert reply.error["who"] == "upstream"


async def test_a_connection_that_never_completes_is_given_up(gateway: GatewayProcess) -> None:
    reply = await chat(gateway.url, "hello", model="blackhole")
    _timed_out(reply)
    assert 0.35 < reply.seconds < 3
    found = await gateway.exchange(reply.exchange_id)
    assert {a["status"] for a in found["attempts"]} <= {"timeout", "connect_error"}


@pytest.mark.parametrize("stream", [False, True])
async def test_an_upstream_that_never_answers_is_given_up(
    gateway: GatewayProcess, house: House, mark: str, stream: bool
) -> None:
    house.small.on(mark, fake.silent)
    reply = await chat(gateway.url, mark, model="hurried", stream=stream)
    if reply.status == 200:
        assert error_in(reply.events)["who"] == "upstream"
    else:
        _timed_out(reply)
    assert 0.35 < reply.seconds < 4
    for seen in house.small.seen(mark):
        await asyncio.wait_for(seen.closed.wait(), 1)
    found = await gateway.exchange(reply.exchange_id)
    assert {a["status"] for a in found["attempts"]} == {"timeout"}


async def test_a_stream_that_falls_silent_is_given_up_in_band(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    steps = asyncio.Semaphore(3)
    events = fake.text_events(["a ", "b ", "c "])
    house.small.on(mark, fake.reply_sse(events, steps=steps))
    reply = await chat(gateway.url, mark, model="hurried", stream=True)
    kept = [raw for raw in reply.events if not is_heartbeat(raw)]
    assert kept[:-1] == events[:3]
    assert error_in(reply.events)["who"] == "upstream"
    assert 0.35 < reply.seconds < 2
    assert len(house.seen(mark)) == 1
    found = await gateway.exchange(reply.exchange_id)
    assert found["attempts"][0]["status"] == "timeout"


async def test_a_reply_that_never_ends_is_cut_at_the_total_deadline(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    endless = fake.text_events([f"{i} " for i in range(400)])
    house.small.on(mark, fake.reply_sse(endless, pause=0.05))
    reply = await chat(gateway.url, mark, model="hurried", stream=True)
    assert error_in(reply.events)["who"] == "upstream"
    assert 0.8 < reply.seconds < 2
    await asyncio.wait_for(house.small.seen(mark)[0].closed.wait(), 1)
