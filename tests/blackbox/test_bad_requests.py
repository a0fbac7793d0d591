"""Bad requests get their own status, at once, in OpenAI's error shape, and go nowhere."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import orjson
import pytest
from openai import APIStatusError, AsyncOpenAI

from tests.blackbox.house import House
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import Connection, Reply, call, chat, chat_body, get, request_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/chat/completions"
FIELDS = {"message", "type", "param", "code", "who"}


def assert_refused(reply: Reply, status: int, who: str = "client") -> None:
    """The status, and an error object as OpenAI's clients expect it."""
    assert reply.status == status, (reply.status, reply.body[:300])
    assert (reply.header("content-type") or "").startswith("application/json")
    assert set(reply.error) >= FIELDS, reply.error
    assert reply.error["who"] == who
    assert isinstance(reply.error["message"], str)
    assert reply.error["message"]


def upstream_calls(house: House) -> int:
    """How many completions any upstream was ever asked for."""
    return sum(c.method == "POST" for u in house.upstreams for c in u.calls)


def ask(**fields: Any) -> bytes:
    return json.dumps(chat_body("hi") | fields).encode()


# ---------------------------------------------------------------- JSON

BAD_JSON: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"model=auto&messages=hi",
    "cut": b'{"model": "auto", "messages": [',
    "a list": b"[]",
    "a string": b'"auto"',
    "null": b"null",
    "a number": b"7",
    "depth 100,000": b'{"model":"auto","messages":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "depth 100,000 unclosed": b'{"model":"auto","x":' + b'{"a":' * 100_000,
    "deep list first": b"[" * 100_000,
    "NaN": b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"temperature":NaN}',
    "infinity": b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"top_p":-Infinity}',
    "1e400": b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"temperature":1e400}',
    "two models": b'{"model":"auto","model":"burst","messages":[{"role":"user","content":"hi"}]}',
    "two messages": b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"messages":[]}',
    "byte order mark": b"\xef\xbb\xbf" + ask(),
    "invalid UTF-8": ask().replace(b"hi", b"\xff\xfe\x80"),
    "UTF-16": ask().decode().encode("utf-16"),
    "trailing garbage": ask() + b"}",
    "two documents": ask() + ask(),
    "single quotes": ask().replace(b'"', b"'"),
    "comment": b"/* hi */" + ask(),
    "NUL byte in a string": ask().replace(b"hi", b"h\x00i"),
    "raw newline in a string": ask().replace(b"hi", b"h\ni"),
}


@pytest.mark.parametrize("name", BAD_JSON)
async def test_bad_json_is_refused_within_50_ms_and_reaches_nobody(
    gateway: GatewayProcess, house: House, name: str
) -> None:
    before = upstream_calls(house)
    replies = [await call(gateway.url, "POST", PATH, BAD_JSON[name]) for _ in range(3)]
    for reply in replies:
        assert_refused(reply, 400)
    assert min(reply.seconds for reply in replies) < 0.05
    assert upstream_calls(house) == before


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00\\ud800"])
async def test_lone_surrogates_pass_losslessly_or_are_refused(
    gateway: GatewayProcess, house: House, mark: str, escape: str
) -> None:
    body = ask().replace(b"hi", f"{mark} {escape}".encode())
    reply = await call(gateway.url, "POST", PATH, body)
    if reply.status == 200:
        assert house.small.seen(mark)[0].body == body.replace(b'"auto"', b'"tiny-1"')
        assert (await gateway.exchange(reply.exchange_id))["status"] == "ok"
    else:
        assert_refused(reply, 400)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a million keys", b'{"x":{' + b",".join(b'"%d":0' % i for i in range(10**6)) + b"}}"),
        ("ten megabytes in a string", ask(x="y" * 10_000_000)),
    ],
)
async def test_large_but_lawful_json_neither_crashes_nor_blocks(
    gateway: GatewayProcess, name: str, body: bytes
) -> None:
    began = time.process_time()
    orjson.loads(body)
    decoding = time.process_time() - began
    large = asyncio.create_task(call(gateway.url, "POST", PATH, body))
    alive: list[Reply] = []
    while not large.done():
        alive.append(await get(gateway.url, "/livez"))
    assert (await large).status in (200, 400)
    assert max(reply.seconds for reply in alive) < 1.0 + 8 * decoding


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize("field", ["adapters", "draft_model", "api_base", "base_url"])
@pytest.mark.parametrize("value", ["../../x", "http://169.254.169.254/", None])
async def test_fields_that_would_steer_the_gateway_are_refused(
    gateway: GatewayProcess, house: House, field: str, value: str | None
) -> None:
    before = upstream_calls(house)
    reply = await call(gateway.url, "POST", PATH, ask(**{field: value}))
    assert_refused(reply, 400)
    assert field in reply.error["message"]
    assert reply.error["param"] == field
    assert upstream_calls(house) == before


@pytest.mark.parametrize("field", ["api_base", "base_url", "adapters", "draft_model"])
async def test_the_same_fields_written_with_escapes_are_refused_too(
    gateway: GatewayProcess, house: House, field: str
) -> None:
    before = upstream_calls(house)
    disguised = f'"\\u{ord(field[0]):04x}{field[1:]}"'.encode()
    body = ask(PLACE="x").replace(b'"PLACE"', disguised)
    assert_refused(await call(gateway.url, "POST", PATH, body), 400)
    assert upstream_calls(house) == before


@pytest.mark.parametrize("field", ["api_key", "extra_headers"])
async def test_fields_other_gateways_take_credentials_from_never_change_ours(
    gateway: GatewayProcess, house: House, mark: str, field: str
) -> None:
    value = {"authorization": "Bearer stolen"} if field == "extra_headers" else "stolen"
    body = ask(messages=[{"role": "user", "content": mark}], **{field: value})
    reply = await call(gateway.url, "POST", PATH, body)
    assert reply.status in (200, 400)
    for seen in house.small.seen(mark):
        assert "stolen" not in repr(seen.headers)


@pytest.mark.parametrize(
    "messages",
    [None, [], {}, "hi", 7, [None], ["hi"], [[]], [{}]],
    ids=["null", "empty", "object", "string", "number", "null in it", "string in it", "list", "{}"],
)
async def test_messages_that_are_none_are_refused(
    gateway: GatewayProcess, house: House, messages: object
) -> None:
    before = upstream_calls(house)
    reply = await call(gateway.url, "POST", PATH, ask(messages=messages))
    assert_refused(reply, 400)
    assert "messages" in reply.error["message"]
    assert upstream_calls(house) == before


async def test_missing_messages_and_missing_model_are_refused(gateway: GatewayProcess) -> None:
    assert_refused(await call(gateway.url, "POST", PATH, b'{"model":"auto"}'), 400)
    body = b'{"messages":[{"role":"user","content":"hi"}]}'
    reply = await call(gateway.url, "POST", PATH, body)
    assert reply.status in (200, 400)


@pytest.mark.parametrize("model", [None, 7, [], {}, True])
async def test_a_model_that_is_no_name_is_refused(gateway: GatewayProcess, model: object) -> None:
    assert_refused(await call(gateway.url, "POST", PATH, ask(model=model)), 400)


@pytest.mark.parametrize("stream", ["yes", 1, []])
async def test_a_stream_field_that_is_no_boolean_is_refused(
    gateway: GatewayProcess, stream: object
) -> None:
    assert_refused(await call(gateway.url, "POST", PATH, ask(stream=stream)), 400)


@pytest.mark.parametrize(
    "model",
    ["gpt-5", "../../x", "evil/repo", "", "AUTO", "tiny-1\n", "x" * 5000, "🏠", "'; drop table--"],
)
async def test_an_unknown_model_is_404_with_the_names_that_exist(
    gateway: GatewayProcess, house: House, model: str
) -> None:
    before = upstream_calls(house)
    reply = await call(gateway.url, "POST", PATH, ask(model=model))
    if model == "" and reply.status == 400:
        return
    assert_refused(reply, 404)
    assert reply.error["code"] == "model_not_found"
    for name in ("auto", "resting", "active", "burst", "hurried"):
        assert name in reply.error["message"]
    assert len(reply.error["message"]) < 2000
    assert upstream_calls(house) == before


ODD_TRANSCRIPTS: dict[str, list[dict[str, Any]]] = {
    "a tool result without a call": [{"role": "tool", "tool_call_id": "x", "content": "42"}],
    "a result without an id": [{"role": "tool", "content": "42"}],
    "one call id twice": [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{bad"}},
            ],
        },
        {"role": "tool", "tool_call_id": "x", "content": "42"},
    ],
    "calls of odd types": [
        {"role": "assistant", "tool_calls": [None, 7, {"id": 5, "function": "f"}]},
        {"role": "assistant", "tool_calls": {"id": "x"}},
    ],
    "odd content": [
        {"role": "user", "content": 7},
        {"role": "user", "content": [None, "x", {"type": 9}, {"type": "text", "text": 7}]},
        {"role": "system"},
    ],
    "an image by URL and by file": [
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
                {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest"}},
                {"type": "image_url", "image_url": None},
                {"type": "file", "file": {"file_id": "file-1"}},
            ],
        }
    ],
}


@pytest.mark.parametrize("name", ODD_TRANSCRIPTS)
async def test_an_odd_transcript_is_passed_on_or_refused_and_never_crashes_capture(
    gateway: GatewayProcess, house: House, mark: str, name: str
) -> None:
    user = {"role": "user", "content": mark}
    body = ask(messages=[*ODD_TRANSCRIPTS[name], user], tools=[7, {"type": "function"}])
    reply = await call(gateway.url, "POST", PATH, body)
    assert reply.status in (200, 400)
    if reply.status == 200:
        assert house.small.seen(mark)[0].body == body.replace(b'"auto"', b'"tiny-1"', 1)
        assert (await gateway.exchange(reply.exchange_id))["status"] == "ok"
    else:
        assert_refused(reply, 400)


async def test_ten_thousand_messages_pass(gateway: GatewayProcess, house: House, mark: str) -> None:
    many = [{"role": "user", "content": f"{mark} {i}"} for i in range(10_000)]
    assert (await call(gateway.url, "POST", PATH, ask(messages=many))).status == 200
    assert len(house.small.seen(mark)[0].json["messages"]) == 10_000


async def test_nothing_named_in_a_message_is_fetched(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    """The only requests an upstream sees are the ones it was asked to answer."""
    url = house.cloud.base_url + "/picture.png"
    content = [
        {"type": "text", "text": mark},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    reply = await chat(gateway.url, mark, messages=[{"role": "user", "content": content}])
    assert reply.status in (200, 400)
    assert all("picture" not in seen.target for seen in house.cloud.calls)


# ---------------------------------------------------------------- size and kind of bodies


async def test_an_announced_body_over_the_limit_is_refused_before_it_is_sent(
    guarded: GatewayProcess,
) -> None:
    async with asyncio.timeout(3), await Connection.open(guarded.url) as client:
        headers = [*guarded.auth, ("Content-Length", str(10**9))]
        host = guarded.url.removeprefix("http://")
        await client.send(request_bytes("POST", PATH, b"", headers, host))
        assert_refused(await client.reply(), 413)


async def test_a_chunked_body_over_the_limit_is_refused_while_it_is_read(
    guarded: GatewayProcess,
) -> None:
    async with asyncio.timeout(5), await Connection.open(guarded.url) as client:
        headers = [*guarded.auth, ("Transfer-Encoding", "chunked")]
        host = guarded.url.removeprefix("http://")
        await client.send(request_bytes("POST", PATH, b"", headers, host))
        answer = asyncio.create_task(client.reply())
        try:
            while not answer.done():
                await client.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
        except ConnectionError:
            pass
        assert_refused(await answer, 413)


async def test_a_client_that_sends_an_oversized_body_at_once_still_reads_its_413(
    guarded: GatewayProcess,
) -> None:
    """Agents compress their context on a 413; a reset connection tells them nothing."""
    sdk = AsyncOpenAI(base_url=guarded.url + "/v1", api_key=guarded.client_key, max_retries=0)
    async with sdk:
        for size in (70_000, 1_000_000, 8_000_000):
            with pytest.raises(APIStatusError) as caught:
                await sdk.chat.completions.create(
                    model="auto", messages=[{"role": "user", "content": "x" * size}]
                )
            assert caught.value.status_code == 413


async def test_a_body_at_the_limit_passes_and_one_byte_more_does_not(
    guarded: GatewayProcess,
) -> None:
    room = 64 * 1024 - len(ask(x=""))
    fits = await call(guarded.url, "POST", PATH, ask(x="y" * room), guarded.auth)
    assert fits.status == 200, fits.body
    over = await call(guarded.url, "POST", PATH, ask(x="y" * (room + 1)), guarded.auth)
    assert_refused(over, 413)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x-evil"])
async def test_encoded_request_bodies_are_refused(gateway: GatewayProcess, encoding: str) -> None:
    headers = [("Content-Encoding", encoding)]
    reply = await call(gateway.url, "POST", PATH, ask(), headers)
    assert reply.status in (400, 415)
    assert_refused(reply, reply.status)


# ---------------------------------------------------------------- paths and methods

UNKNOWN = [
    ("GET", "/api/tags"),
    ("GET", "/api/v1/models"),
    ("GET", "/v1/props"),
    ("GET", "/props"),
    ("GET", "/version"),
    ("POST", "/api/show"),
    ("POST", "/api/create"),
    ("POST", "/api/pull"),
    ("DELETE", "/api/delete"),
    ("GET", "/v1/models/no-such-model"),
    ("GET", "/v1/models/evil/repo"),
    ("GET", "/v1/exchanges/01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ("GET", "/v1/exchanges/..%2f..%2fetc%2fpasswd"),
    ("POST", "/v1/nothing"),
    ("GET", "/v1"),
    ("GET", "//etc/passwd"),
    ("GET", "/static/../../majordomo.yaml"),
    ("GET", "/static/..%2f..%2fmajordomo.yaml"),
    ("GET", "/.env"),
]


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
async def test_unknown_paths_get_a_json_404(
    gateway: GatewayProcess, method: str, path: str
) -> None:
    body = b'{"name": "auto"}' if method == "POST" else None
    assert_refused(await call(gateway.url, method, path, body), 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_other_methods_on_the_inference_path_are_405(
    gateway: GatewayProcess, method: str
) -> None:
    reply = await call(gateway.url, method, PATH, b"{}" if method != "GET" else None)
    assert_refused(reply, 405)
    assert reply.header("allow") == "POST"


async def test_no_error_speaks_of_context_length_where_it_is_about_something_else(
    gateway: GatewayProcess,
) -> None:
    """Hermes Agent takes such words in a 400 for an overflow and starts to compress."""
    words = ("context length", "maximum context", "token limit", "max_tokens", "context window")
    bodies = [*BAD_JSON.values(), ask(messages=[]), ask(api_base="x"), ask(model=7)]
    for body in bodies:
        message = (await call(gateway.url, "POST", PATH, body)).error["message"].lower()
        assert not [word for word in words if word in message]
