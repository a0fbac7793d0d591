from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ClientError, UpstreamError
from gateway.settings import UpstreamModel, UpstreamSettings
from gateway.upstreams.base import ChatRequest
from gateway.upstreams.house import HouseServer
from gateway.upstreams.mlx_lm import MlxLm
from gateway.upstreams.mlx_lm_body import HANDLED
from tests.support.tiny_model import make_tiny_model

HELLO = [{"role": "user", "content": "hello"}]
PATH = "/srv/models/qwen3-8b-4bit"


def house(**models: UpstreamModel) -> MlxLm:
    return MlxLm("house", UpstreamSettings(kind="house", models=dict(models)), None)


def users(**known: Any) -> MlxLm:
    settings = UpstreamSettings(
        kind="mlx_lm",
        base_url="http://127.0.0.1:8080/v1",
        models={PATH: UpstreamModel(**known)},
    )
    return MlxLm("mlx", settings, None)


def chat(**body: Any) -> ChatRequest:
    body = {"model": "auto", "messages": HELLO, **body}
    options: dict[str, Any] = body.get("stream_options") or {}
    return ChatRequest(
        id="01J",
        raw=orjson.dumps(body),
        body=body,
        alias="auto",
        stream=bool(body.get("stream")),
        include_usage=bool(options.get("include_usage")),
        created=0,
    )


def sent(upstream: MlxLm, model: str = PATH, **body: Any) -> dict[str, Any]:
    return orjson.loads(upstream.prepare(chat(**body), model).body)


def test_fields_no_client_may_set_never_reach_the_server_and_are_noted() -> None:
    prepared = users().prepare(
        chat(
            adapters="/etc/passwd",
            draft_model="evil/repo",
            num_draft_tokens=3,
            role_mapping={"user": "x"},
        ),
        PATH,
    )
    assert set(orjson.loads(prepared.body)) == {"model", "messages", "stream", "max_tokens"}
    assert any("`adapters`" in note for note in prepared.notes)
    assert any("`draft_model`" in note for note in prepared.notes)


def test_the_house_model_is_the_one_its_server_was_started_with() -> None:
    assert sent(house(), "house")["model"] == "default_model"
    assert house().prepare(chat(), "house").path == "/v1/chat/completions"


def test_a_users_server_is_asked_for_the_configured_model_whatever_the_client_says() -> None:
    assert sent(users(), model=PATH)["model"] == PATH


def test_nulls_are_dropped_because_the_server_refuses_them() -> None:
    assert set(sent(users(), temperature=None, top_p=None, seed=None, stop=None, tools=None)) == {
        "model",
        "messages",
        "stream",
        "max_tokens",
    }


def test_sampling_fields_go_through_as_they_are() -> None:
    options: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 4,
        "seed": 7,
        "stop": ["x"],
    }
    body = sent(users(), **options)
    assert {name: body[name] for name in options} == options


def test_a_limit_over_the_models_context_is_lowered_and_noted() -> None:
    prepared = users(context_length=2048).prepare(chat(max_tokens=65536), PATH)
    assert orjson.loads(prepared.body)["max_tokens"] == 2048
    assert "65536" in prepared.notes[0]


def test_a_request_without_a_limit_gets_more_than_the_servers_512() -> None:
    assert sent(users())["max_tokens"] == 4096
    assert sent(users(context_length=1000))["max_tokens"] == 1000
    assert sent(house(), "house")["max_tokens"] == 1024


def test_usage_is_always_asked_of_a_stream() -> None:
    assert sent(users(), stream=True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in sent(users())


def test_tools_are_left_out_when_the_client_chooses_none() -> None:
    tools: list[Any] = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    assert sent(users(), tools=tools)["tools"] == tools
    assert "tools" not in sent(users(), tools=tools, tool_choice="none")
    required = users().prepare(chat(tools=tools, tool_choice="required"), PATH)
    assert any("tool_choice" in note for note in required.notes)


def test_logprobs_are_left_out_of_streams_and_bounded_elsewhere() -> None:
    assert sent(users(), logprobs=True, top_logprobs=20)["top_logprobs"] == 11
    streamed = users().prepare(chat(logprobs=True, stream=True), PATH)
    assert b"logprobs" not in streamed.body
    assert any("logprobs" in note for note in streamed.notes)


def test_the_chat_template_cannot_be_replaced() -> None:
    kwargs = {"enable_thinking": False, "chat_template": "{{ 1 / 0 }}", "tokenize": True}
    assert sent(users(), chat_template_kwargs=kwargs)["chat_template_kwargs"] == {
        "enable_thinking": False
    }


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "https://x.test/a.png", "file:///e"])
def test_an_image_address_is_refused_because_the_server_would_fetch_it(url: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    with pytest.raises(ClientError, match="not fetched"):
        users().prepare(chat(messages=[{"role": "user", "content": [part]}]), PATH)


def test_an_image_itself_goes_to_a_users_model_and_not_to_the_house() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "see"}, part]}]
    assert sent(users(), messages=messages)["messages"][0]["content"][1] == part
    with pytest.raises(ClientError, match="no images"):
        house().prepare(chat(messages=messages), "house")
    with pytest.raises(ClientError, match="no images"):
        users(images=False).prepare(chat(messages=messages), PATH)


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        ["hello"],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": [{"type": "input_audio"}]}],
        [{"role": "assistant", "content": "", "tool_calls": ["x"]}],
    ],
)
def test_messages_that_cannot_be_said_are_the_clients_fault(messages: Any) -> None:
    with pytest.raises(ClientError):
        users().prepare(chat(messages=messages), PATH)


def test_the_developer_role_is_said_as_system() -> None:
    messages = [{"role": "developer", "content": "be brief"}]
    assert sent(users(), messages=messages)["messages"][0]["role"] == "system"


def test_arguments_that_are_no_json_come_out_of_the_server_as_they_were() -> None:
    def call(arguments: str) -> dict[str, Any]:
        return {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}

    messages = [
        {"role": "assistant", "content": None, "tool_calls": [call('{"a": 1}'), call('{"a": ')]}
    ]
    message = sent(users(), messages=messages)["messages"][0]
    good, bad = (c["function"]["arguments"] for c in message["tool_calls"])
    assert good == '{"a": 1}'
    assert json.loads(bad) == '{"a": '
    assert message["content"] == ""


def test_many_unknown_fields_make_few_notes_without_control_characters() -> None:
    notes = users().prepare(chat(**{f"x{n}\x1b`": 1 for n in range(50)}), PATH).notes
    assert len(notes) == 8
    assert "more fields" in notes[-1]
    assert "\x1b" not in "".join(notes)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-9, 9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(HANDLED)) | st.text(), json_values, max_size=8))
def test_whatever_a_client_sends_only_listed_fields_go_out(body: dict[str, Any]) -> None:
    body = {**body, "messages": HELLO}
    request = ChatRequest("1", b"", body, "auto", False, False, 0)
    out = orjson.loads(users().prepare(request, PATH).body)
    assert set(out) <= HANDLED
    assert out["model"] == PATH
    assert None not in out.values()


# The shapes below are what mlx_lm.server 0.32.2 writes, ids shortened.


def chunk(delta: dict[str, Any], finish: str | None = None, model: str = "default_model") -> bytes:
    value = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": model,
        "created": 1795247197,
        "choices": [{"index": 0, "finish_reason": finish, "delta": delta}],
    }
    return f"data: {json.dumps(value)}\n\n".encode()


SAYS = chunk({"role": "assistant", "content": 'it "model": "default_model" is'})
CALL = {"function": {"name": "f", "arguments": "{}"}, "type": "function", "id": "1", "index": 0}
CALLS = chunk({"role": "assistant", "tool_calls": [CALL]})
USAGE = (
    b'data: {"id": "chatcmpl-1", "object": "chat.completion", "model": "default_model", '
    b'"created": 1, "choices": [], "usage": {"prompt_tokens": 19, "completion_tokens": 5, '
    b'"total_tokens": 24, "prompt_tokens_details": {"cached_tokens": 18}}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def read(stream: bytes, size: int, *, usage: bool = True) -> tuple[bytes, Any]:
    options = {"include_usage": usage}
    reader = house().stream_reader(chat(stream=True, stream_options=options), "house")
    out = b"".join(reader.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    last, end = reader.finish()
    return out + last, end


@given(st.integers(1, 900))
def test_a_stream_is_the_same_at_any_chunking(size: int) -> None:
    stream = (
        b": keepalive 1/2\n\n"
        + SAYS
        + CALLS
        + chunk({"role": "assistant"}, "tool_calls")
        + USAGE
        + DONE
    )
    out, end = read(stream, size)
    assert out == read(stream, len(stream))[0]
    assert end.complete
    assert end.finish_reason == "tool_calls"
    assert end.usage.output_tokens == 5
    assert end.usage.cache_read_tokens == 18


def test_the_models_name_is_put_right_and_text_that_looks_like_it_is_not() -> None:
    out, _ = read(SAYS + chunk({}, "stop") + DONE, 50)
    values = [json.loads(line[6:]) for line in out.decode().splitlines() if line]
    assert {value["model"] for value in values} == {"house"}
    assert values[0]["choices"][0]["delta"]["content"] == 'it "model": "default_model" is'


@given(st.integers(1, 900))
def test_a_call_cut_by_a_stop_sequence_finishes_with_stop(size: int) -> None:
    out, end = read(SAYS + chunk({"role": "assistant"}, "tool_calls") + DONE, size)
    assert b"tool_calls" not in out
    assert end.finish_reason == "stop"
    assert "cut" in end.notes[-1]


@given(st.integers(1, 900))
def test_usage_nobody_asked_for_is_kept_for_the_books_only(size: int) -> None:
    stream = SAYS + chunk({}, "stop") + USAGE + DONE
    out, end = read(stream, size, usage=False)
    assert b"usage" not in out
    assert end.usage.input_tokens == 19


def test_a_connection_that_breaks_off_is_an_error_that_says_so() -> None:
    _, end = read(SAYS, 50)
    assert not end.complete
    assert isinstance(end.error, UpstreamError)
    assert "broke off" in end.error.message


def test_a_whole_reply_is_put_right_in_the_same_ways() -> None:
    reply: dict[str, Any] = {
        "model": "default_model",
        "choices": [{"finish_reason": "tool_calls", "message": {"content": "half a"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    body, end = house().read_reply(chat(), "house", json.dumps(reply).encode())
    assert orjson.loads(body)["model"] == "house"
    assert orjson.loads(body)["choices"][0]["finish_reason"] == "stop"
    assert end.finish_reason == "stop"
    reply["choices"] = [{"finish_reason": "tool_calls", "message": {"tool_calls": [CALL]}}]
    body, end = house().read_reply(chat(), "house", json.dumps(reply).encode())
    assert end.finish_reason == "tool_calls"


def test_its_errors_are_read() -> None:
    error = users().read_error(404, [], b'{"error": "Only \'text\' content type is supported."}')
    assert error.status == 502
    assert "Only 'text'" in error.message


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HouseServer]:
    directory = tmp_path_factory.mktemp("house")
    server = HouseServer(make_tiny_model(directory / "model"), directory / "logs" / "house.log")
    await server.start()
    await server.ready.wait()
    yield server
    await server.stop()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "body",
    [
        {"adapters": "/nonexistent", "draft_model": "evil/repo", "max_tokens": 4},
        {"temperature": None, "seed": None, "logit_bias": None, "max_tokens": 4},
        {"stream_options": {}, "max_tokens": 4},
        {
            "messages": [
                {"role": "developer", "content": "be brief"},
                {"role": "user", "content": [{"type": "text", "text": "hello"}]},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{"}}],
                },
                {"role": "tool", "tool_call_id": "1", "content": "done"},
            ],
            "max_tokens": 4,
            "n": 2,
            "response_format": {"type": "json_object"},
        },
    ],
)
async def test_the_real_server_takes_what_is_sent_to_it(
    real_server: HouseServer, body: dict[str, Any]
) -> None:
    origin = real_server.base_url.removesuffix("/v1")
    async with httpx2.AsyncClient(base_url=origin, trust_env=False, timeout=60) as client:
        for stream in (False, True):
            upstream, request = house(), chat(stream=stream, **body)
            prepared = upstream.prepare(request, "house")
            reply = await client.post(prepared.path, content=prepared.body)
            assert reply.status_code == 200, reply.text
            if stream:
                reader = upstream.stream_reader(request, "house")
                out = reader.feed(reply.content)
                _, end = reader.finish()
            else:
                out, end = upstream.read_reply(request, "house", reply.content)
            assert b'"model": "house"' in out
            assert b"default_model" not in out
            assert end.complete
            assert end.finish_reason == "length"
            assert end.usage is not None
            assert end.usage.output_tokens == 4
