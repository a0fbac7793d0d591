"""What goes in comes out: bodies and headers, JSON and streams, through a running gateway."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from openai import AsyncOpenAI

from tests.blackbox.house import SMALL_KEY, House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import call, chat, event_data, get, open_stream, text_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

ULID = re.compile(r"^[0-9A-HJKMNP-TV-Z]{26}$")

ASK = b'"messages":[{"role":"user","content":"MARK"}]'
HEAD = b'{"model":"auto",'
ODD_BODIES = {
    "spaces and tabs": b'{ "model" :\t"auto" ,\r\n  ' + ASK.replace(b":", b" : ") + b" }\n",
    "unicode escapes": b'{"model":"auto",'
    + ASK.replace(b"MARK", b"MARK \\u00e9 \\ud83d\\ude00\\/")
    + b"}",
    "raw unicode": HEAD + ASK.replace(b"MARK", "MARK naïve 家 😀".encode()) + b"}",
    "numbers": HEAD + ASK + b',"seed":12345678901234567890123,"x":[1E3,-0.0,0.10]}',
    "nested model keys": (
        b'{"metadata":{"model":"auto"},'
        + ASK.replace(b"MARK", b'MARK \\"model\\":\\"auto\\"')
        + b',"response_format":{"model":"auto"},"model":"auto","logit_bias":{"model":1}}'
    ),
    "unknown fields": b'{"model":"auto",'
    + ASK
    + b',"x_vendor":{"a":[true,null]},"":0,"think":false}',
    "model last, key order kept": b'{"z":1,' + ASK + b',"a":2,"model":"auto"}',
}


def _with_model(body: bytes) -> bytes:
    """The same bytes with the top-level model, and only that, replaced."""
    decoded = json.loads(body)
    for found in re.finditer(rb'"auto"', body):
        swapped = body[: found.start()] + b'"tiny-1"' + body[found.end() :]
        try:
            if json.loads(swapped) == decoded | {"model": "tiny-1"}:
                return swapped
        except ValueError:
            continue
    raise AssertionError("the test's own body has no top-level model")


@pytest.mark.parametrize("name", ODD_BODIES)
async def test_the_body_reaches_the_upstream_byte_for_byte_but_for_its_model(
    gateway: GatewayProcess, house: House, mark: str, name: str
) -> None:
    body = ODD_BODIES[name].replace(b"MARK", mark.encode())
    reply = await call(gateway.url, "POST", "/v1/chat/completions", body)
    assert reply.status == 200, reply.body
    (seen,) = house.small.seen(mark)
    assert seen.body == _with_model(body)
    assert seen.header("content-length") == str(len(seen.body))


async def test_a_model_key_written_with_escapes_is_still_the_model(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    body = b'{"mod\\u0065l":"auto","messages":[{"role":"user","content":"%s"}]}' % mark.encode()
    reply = await call(gateway.url, "POST", "/v1/chat/completions", body)
    assert reply.status == 200, reply.body
    (seen,) = house.small.seen(mark)
    assert seen.json["model"] == "tiny-1"
    assert len(seen.json) == 2


async def test_a_chunked_request_body_is_taken_like_any_other(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": mark}]}).encode()
    cuts = [body[i : i + 7] for i in range(0, len(body), 7)]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in cuts) + b"0\r\n\r\n"
    headers = [("Transfer-Encoding", "chunked")]
    reply = await call(gateway.url, "POST", "/v1/chat/completions", chunked, headers)
    assert reply.status == 200
    assert house.small.seen(mark)[0].body == body.replace(b'"auto"', b'"tiny-1"')


async def test_a_json_reply_reaches_the_client_byte_for_byte(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    body = fake.completion("naïve 家", model="tiny-1", x_odd=[1.0, 12345678901234567890123])
    body = body.replace(b'": ', b'" :\t')
    house.small.on(mark, fake.reply_json(body))
    reply = await chat(gateway.url, mark)
    assert (reply.status, reply.body) == (200, body)
    assert (reply.header("content-type") or "").startswith("application/json")


@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
async def test_a_stream_reaches_the_client_byte_for_byte_in_every_framing(
    gateway: GatewayProcess, house: House, mark: str, framing: fake.Framing
) -> None:
    events = fake.text_events(["one ", "two ", "drei ", "四"], usage=True)
    house.small.on(mark, fake.reply_sse(events, framing=framing))
    reply = await chat(gateway.url, mark, stream=True)
    assert reply.status == 200
    assert reply.complete
    assert reply.body == b"".join(events)
    assert (reply.header("content-type") or "").startswith("text/event-stream")


async def test_every_inference_response_says_who_answered_and_why(
    gateway: GatewayProcess, mark: str
) -> None:
    for reply in (await chat(gateway.url, mark), await chat(gateway.url, mark, stream=True)):
        assert ULID.match(reply.exchange_id), reply.exchange_id
        assert reply.header("x-majordomo-exchange") == reply.exchange_id
        assert reply.header("x-majordomo-mode") == "resting"
        assert reply.header("x-majordomo-model") == "tiny-1"
        assert reply.header("x-majordomo-attempts") == "1"
        assert reply.header("x-majordomo-reason")


async def test_ids_sort_in_the_order_of_the_requests(gateway: GatewayProcess, mark: str) -> None:
    ids = [(await chat(gateway.url, mark)).exchange_id for _ in range(4)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 4


async def test_a_client_made_request_id_is_not_taken_for_ours(
    gateway: GatewayProcess, mark: str
) -> None:
    theirs = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    reply = await chat(gateway.url, mark, headers=[("X-Request-Id", theirs)])
    assert reply.exchange_id != theirs


async def test_the_upstream_gets_its_own_key_and_nothing_private_of_the_client(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    private = [
        ("Authorization", "Bearer client-secret"),
        ("X-Api-Key", "client-secret"),
        ("Cookie", "session=client-secret"),
        ("Proxy-Authorization", "Basic client-secret"),
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "client-secret"),
        ("Keep-Alive", "timeout=client-secret"),
        ("TE", "trailers"),
        ("X-Majordomo-Skill", "client-secret"),
    ]
    reply = await chat(gateway.url, mark, headers=private)
    assert reply.status == 200, reply.body
    (seen,) = house.small.seen(mark)
    assert seen.header("authorization") == f"Bearer {SMALL_KEY}"
    assert "client-secret" not in repr(seen.headers)
    assert not {name for name, _ in seen.headers if name.startswith("x-majordomo")}
    assert seen.header("host") == house.small.base_url.removeprefix("http://").removesuffix("/v1")


async def test_an_upstream_without_a_key_setting_gets_no_key(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    headers = [("Authorization", "Bearer anything")]
    await chat(gateway.url, mark, headers=headers, model="active")
    (seen,) = house.big.seen(mark)
    assert seen.header("authorization") is None


@pytest.mark.parametrize("stream", [False, True])
async def test_upstream_headers_that_are_not_the_clients_business_stop_here(
    gateway: GatewayProcess, house: House, mark: str, stream: bool
) -> None:
    leaky = {
        "set-cookie": "tracker=upstream-secret",
        "x-internal-host": "upstream-secret",
        "strict-transport-security": "max-age=1; upstream-secret",
        "alt-svc": "upstream-secret",
        "connection": "keep-alive, x-hop",
        "x-hop": "upstream-secret",
        "access-control-allow-origin": "*",
        "x-request-id": "upstream-secret",
        "server": "upstream-secret",
    }
    script = (
        fake.reply_sse(fake.text_events(["hi"]), headers=leaky)
        if stream
        else fake.reply_json(headers=leaky)
    )
    house.small.on(mark, script)
    reply = await chat(gateway.url, mark, stream=stream)
    assert reply.status == 200
    assert "upstream-secret" not in repr(reply.headers)
    assert reply.header("access-control-allow-origin") is None


async def test_usage_is_streamed_when_asked_for(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    reply = await chat(gateway.url, mark, stream=True, stream_options={"include_usage": True})
    last = event_data(reply.events[-2])
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 5
    assert house.small.seen(mark)[0].json["stream_options"] == {"include_usage": True}


async def test_the_sdk_streams_parallel_tool_calls_through_the_gateway(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    calls = [("call_a", "weather", '{"city": "Zürich"}'), ("call_b", "clock", '{"tz": "UTC+1"}')]
    house.small.on(mark, fake.reply_sse(fake.tool_events(calls, pieces=6)))
    found: dict[int, list[str]] = {0: ["", "", ""], 1: ["", "", ""]}
    async with AsyncOpenAI(base_url=gateway.url + "/v1", api_key="any", max_retries=0) as sdk:
        stream = await sdk.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": mark}], stream=True
        )
        async for part in stream:
            for piece in part.choices[0].delta.tool_calls or []:
                seen = found[piece.index]
                seen[0] += piece.id or ""
                seen[1] += (piece.function and piece.function.name) or ""
                seen[2] += (piece.function and piece.function.arguments) or ""
    assert [tuple(one) for one in found.values()] == calls


async def test_each_event_is_with_the_client_before_the_upstream_sends_the_next(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    steps = asyncio.Semaphore(0)
    events = fake.text_events([f"w{i} " for i in range(30)])
    house.small.on(mark, fake.reply_sse(events, steps=steps))
    async with asyncio.timeout(10), await open_stream(gateway.url, mark) as client:
        steps.release()
        arriving = client.events(await client.head())
        for sent in events[:-1]:
            assert (await anext(arriving)).raw == sent
            steps.release()
        assert (await anext(arriving)).raw == fake.DONE
        assert client.complete or [late async for late in arriving] == []


async def test_the_head_of_a_stream_does_not_wait_for_its_second_event(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    steps = asyncio.Semaphore(1)
    house.small.on(mark, fake.reply_sse(fake.text_events(["a"]), steps=steps))
    async with asyncio.timeout(5), await open_stream(gateway.url, mark) as client:
        head = await client.head()
        assert head.status == 200
        assert head.header("x-majordomo-mode") == "resting"


async def test_one_connection_serves_many_requests(gateway: GatewayProcess, mark: str) -> None:
    from tests.support.raw_client import Connection, chat_body, request_bytes

    host = gateway.url.removeprefix("http://")
    async with asyncio.timeout(10), await Connection.open(gateway.url) as client:
        for stream in (False, True, False, True):
            body = json.dumps(chat_body(mark, stream=stream)).encode()
            await client.send(request_bytes("POST", "/v1/chat/completions", body, host=host))
            reply = await client.reply()
            assert reply.status == 200
            assert reply.complete


async def test_upstream_connections_are_used_again(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    await chat(gateway.url, mark)
    before = house.small.accepted
    for _ in range(10):
        await chat(gateway.url, mark)
    assert house.small.accepted - before <= 1


async def test_a_stale_kept_connection_costs_the_client_nothing(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    """The upstream closes idle connections: the next request still gets its answer."""
    await chat(gateway.url, mark)
    await house.small.stop()
    await house.small.start()
    reply = await chat(gateway.url, mark)
    assert (reply.status, reply.header("x-majordomo-mode")) == (200, "resting")


async def test_models_lists_every_name_with_its_context_length(gateway: GatewayProcess) -> None:
    reply = await get(gateway.url, "/v1/models")
    models = {m["id"]: m for m in reply.json()["data"]}
    assert {"auto", "resting", "active", "burst", "nowhere", "hurried"} <= set(models)
    assert models["auto"]["context_length"] >= 65_536
    for name, model in models.items():
        assert model["object"] == "model"
        one = await get(gateway.url, f"/v1/models/{name}")
        assert (one.status, one.json()) == (200, model)


async def test_an_alias_names_its_mode(gateway: GatewayProcess, house: House, mark: str) -> None:
    for alias, upstream in (("resting", "small"), ("active", "big"), ("burst", "cloud")):
        reply = await chat(gateway.url, f"{mark}-{alias}", model=alias)
        assert reply.header("x-majordomo-mode") == alias
        assert house.seen(f"{mark}-{alias}") == [upstream]


async def test_health_answers(gateway: GatewayProcess) -> None:
    assert (await get(gateway.url, "/livez")).status == 200
    assert (await get(gateway.url, "/readyz")).status == 200
    metrics = await get(gateway.url, "/metrics")
    assert metrics.status == 200
    assert b"# TYPE" in metrics.body


async def test_what_was_said_reads_back_from_the_stream(gateway: GatewayProcess, mark: str) -> None:
    reply = await chat(gateway.url, mark, stream=True)
    assert text_of(reply.events) == f"You said: {mark}"
    assert reply.events[-1] == fake.DONE
