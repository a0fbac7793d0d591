from __future__ import annotations

from statistics import median, quantiles
from typing import Any, cast

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.exchange import Mode
from gateway.chat_request import parse
from gateway.errors import ClientError
from gateway.features import features_of, is_private
from routers.features import Features
from tests.support.recordings import Recording, recordings

HELLO = {"role": "user", "content": "hello there, how are you?"}


def read(headers: dict[str, str] | None = None, key: str | None = None, **body: Any) -> Features:
    raw = orjson.dumps({"model": "auto", "messages": [HELLO], **body})
    return features_of(parse(raw, "x"), headers or {}, key)


def test_the_plain_fields_are_as_the_client_said() -> None:
    found = read({"x-a": "b"}, "laptop", stream=True)
    assert (found.alias, found.stream, found.key) == ("auto", True, "laptop")
    assert found.headers == {"x-a": "b"}
    assert found.conversation_mode is None


def test_the_mode_of_the_conversation_is_passed_on() -> None:
    request = parse(orjson.dumps({"model": "auto", "messages": [HELLO]}), "x")
    assert features_of(request, {}, None, conversation_mode=Mode.BURST).conversation_mode == "burst"


def test_tools_are_known_by_name_in_any_of_their_spellings() -> None:
    tools = [
        {"type": "function", "function": {"name": "terminal"}},
        {"type": "custom", "custom": {"name": "patch"}},
        {"type": "function", "name": "flat"},
        {"type": "web_search"},
        "nonsense",
    ]
    assert read(tools=tools).tools == ("terminal", "patch", "flat", "web_search")
    assert read(functions=[{"name": "old"}]).tools == ("old",)
    assert read().tools == ()


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ({}, None),
        ({"max_tokens": 65536}, 65536),
        ({"max_completion_tokens": 100}, 100),
        ({"max_completion_tokens": 100, "max_tokens": 200}, 200),
        ({"max_tokens": 10, "n": 4}, 10),
        ({"max_tokens": None, "n": None}, None),
    ],
)
def test_a_reply_is_at_most_what_the_client_allows(body: dict[str, Any], most: int | None) -> None:
    assert read(**body).output_tokens == most


def test_the_choices_asked_for_are_counted() -> None:
    assert (read().choices, read(n=None).choices, read(n=4).choices) == (1, 1, 4)


def test_tools_nested_deeper_than_json_is_written_are_the_clients_fault() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    raw = orjson.dumps({"model": "auto", "messages": [HELLO], "tools": [0]})
    with pytest.raises(ClientError, match="nested too deeply"):
        features_of(parse(raw.replace(b"[0]", b"[" + deep + b"]"), "x"), {}, None)


@pytest.mark.parametrize("kind", ["image_url", "image", "input_image"])
def test_an_image_is_seen_wherever_it_is(kind: str) -> None:
    part = {"type": kind, kind: {"url": "http://example.com/a.png"}}
    for role in ("user", "tool"):
        content = [{"type": "text", "text": "see"}, part]
        found = read(messages=[{"role": role, "tool_call_id": "1", "content": content}])
        assert found.images
        assert found.input_tokens > 1000
    assert not read().images


def test_a_document_is_not_an_image_and_counts_whole_in_the_bound() -> None:
    part = {"type": "file", "file": {"file_data": "A" * 50_000}}
    found = read(messages=[{"role": "user", "content": [part]}])
    assert not found.images
    assert found.input_tokens_max is not None
    assert found.input_tokens_max > 50_000


def test_the_bytes_of_an_image_are_not_taken_for_text() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 500_000}}
    found = read(messages=[{"role": "user", "content": [part]}])
    assert found.input_tokens < 2000
    assert found.input_tokens_max is not None
    assert found.input_tokens_max < 10_000


@pytest.mark.parametrize(
    ("headers", "metadata", "skill"),
    [
        ({"x-majordomo-skill": "code"}, {"skill": "other"}, "code"),
        ({}, {"skill": "notes", "hermes_task": "title"}, "notes"),
        ({}, {"hermes_task": "title_generation"}, "title_generation"),
        ({"x-majordomo-skill": ""}, {}, None),
        ({}, {"skill": 5}, None),
        ({}, "text", None),
        ({}, None, None),
    ],
)
def test_the_skill_is_what_the_client_names(
    headers: dict[str, str], metadata: object, skill: str | None
) -> None:
    assert read(headers, metadata=metadata).named_skill == skill


@pytest.mark.parametrize("value", ["1", "true", "yes", "", "TRUE", "please", "01"])
def test_whoever_sends_the_private_header_means_it(value: str) -> None:
    assert read({"x-majordomo-private": value}).private


@pytest.mark.parametrize("value", [None, "0", "false", "No", " off "])
def test_only_a_plain_no_or_silence_is_not_private(value: str | None) -> None:
    assert not is_private(value)


def test_the_estimate_counts_text_calls_and_tools() -> None:
    plain = read().input_tokens
    assert plain == len(HELLO["content"]) // 4 + 6
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "x" * 400}}
    turn = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert read(messages=[HELLO, turn]).input_tokens == plain + 100 + 3
    tool = {"type": "function", "function": {"name": "f", "description": "d" * 400}}
    assert read(tools=[tool]).input_tokens > plain + 100


words = st.text(max_size=30)
odd = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
parts = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "refusal", "file", "input_audio"]) | odd},
    optional={"text": odd, "image_url": odd, "file": odd, "refusal": odd},
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system"])},
    optional={"content": words | st.lists(parts | odd, max_size=3) | odd, "tool_calls": odd},
)


@settings(deadline=None)
@given(
    st.lists(messages, min_size=1, max_size=4),
    st.fixed_dictionaries({}, optional={"metadata": odd, "response_format": odd, "functions": odd}),
    st.lists(odd, max_size=3),
)
def test_any_request_that_parses_has_features_and_a_bound_over_the_estimate(
    sent: list[Any], more: dict[str, Any], tools: list[Any]
) -> None:
    found = read(messages=sent, tools=tools, **more)
    assert found.input_tokens >= 0
    assert found.input_tokens_max is not None
    assert found.input_tokens_max >= found.input_tokens
    assert all(isinstance(name, str) for name in found.tools)


def prompt_tokens(recording: Recording) -> int | None:
    """Tokens of the prompt as the upstream counted them; None where it did not say."""
    replies: list[Any] = [recording.response.get("body"), *(recording.response.get("events") or ())]
    lines = str(recording.response.get("sse") or "").splitlines()
    replies += [orjson.loads(line[6:]) for line in lines if line.startswith("data: {")]
    found: int | None = None
    for reply in replies:
        usage = cast("dict[str, Any]", reply).get("usage") if isinstance(reply, dict) else None
        found = (cast("dict[str, Any]", usage).get("prompt_tokens") if usage else None) or found
    return found


def is_text(body: dict[str, Any]) -> bool:
    parts = [
        part
        for m in body["messages"]
        if isinstance(m.get("content"), list)
        for part in m["content"]
    ]
    return all(part["type"] == "text" for part in parts)


def test_the_estimate_is_as_good_as_its_docstring_says() -> None:
    chats = [r for r in recordings("openai") if "chat/completions" in r.path and r.sent]
    if not chats:
        pytest.skip("MAJORDOMO_RECORDINGS is not set")
    errors: list[float] = []
    for recording in chats:
        tokens = prompt_tokens(recording)
        if tokens is None or not is_text(recording.sent):
            continue
        found = features_of(parse(orjson.dumps(recording.sent), "x"), {}, None)
        assert found.input_tokens_max is not None
        assert found.input_tokens_max >= tokens
        errors.append(abs(found.input_tokens - tokens) / tokens)
    assert len(errors) >= 70
    assert median(errors) < 0.20
    assert quantiles(errors, n=10)[-1] < 0.50
