"""Real replies, read by us and by the openai SDK: text, tool calls and finish reasons agree."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from capture.messages import Message
from capture.replies import Reply, parse_reply, parse_request
from tests.support.recordings import Recording, recordings, skip_without_recordings

skip_without_recordings()

_COMPAT = [
    *("alibaba", "azure", "baseten", "cerebras", "deepseek", "gateway-proxies", "groq"),
    *("huggingface", "mistral", "openrouter", "perplexity", "pollinations", "snowflake"),
    *("together", "vercel-gateway", "xai", "xiaomi", "zai"),
]
_FOLDERS = (
    "openai",
    *(f"compat/{name}" for name in _COMPAT),
    *(f"local/{name}" for name in ("llamacpp", "ollama", "vllm")),
)

CHATS = [
    recording
    for recording in recordings(*_FOLDERS)
    if recording.path.endswith("/chat/completions")
    and recording.status == 200
    and ("sse" in recording.response or isinstance(recording.response.get("body"), dict))
]
assert len(CHATS) > 100, "the recordings have moved"


Said = tuple[str, list[tuple[str, str, str]]]
"""Text, and id, name and arguments of each call."""


def said(message: Message) -> Said:
    return message.text, [(call.id, call.name, call.arguments) for call in message.tool_calls]


def sdk_said(message: Any) -> Said:
    """What a message of the SDK says; text parts in place of text are joined."""
    if message is None:
        return "", []
    content: Any = message.content or ""
    if not isinstance(content, str):
        content = "".join(part["text"] for part in content if part["type"] == "text")
    calls: list[Any] = list(message.tool_calls or ())
    found = [(call.id or "", call.function.name, call.function.arguments or "") for call in calls]
    if (old := getattr(message, "function_call", None)) is not None:
        found.append(("", old.name, old.arguments))
    return content, [call for call in found if any(call)]


def sdk_stream(recording: Recording) -> Any:
    """What the SDK makes of the stream, event by event. What it cannot take in and holds neither
    text nor calls is kept from it, as are a call's id and name where a server repeats them with
    every piece: it would double them."""
    state = ChatCompletionStreamState()
    named: set[tuple[int, str]] = set()
    for line in recording.sse.decode().splitlines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            continue
        chunk: Any = orjson.loads(data)
        for choice in chunk.get("choices") or ():
            choice["delta"].pop("annotations", None)
            calls = choice["delta"].get("tool_calls")
            choice["delta"]["tool_calls"] = [call for call in calls or () if call]
            for call in choice["delta"]["tool_calls"]:
                if (name := (call.get("index", 0), str(call.get("id")))) in named:
                    call["id"] = call["function"]["name"] = None
                named.add(name)
        if chunk.get("choices") is not None:
            state.handle_chunk(ChatCompletionChunk.construct(**chunk))
    return state.current_completion_snapshot


def oracle(recording: Recording) -> Any:
    if recording.streamed:
        return sdk_stream(recording)
    return ChatCompletion.construct(**recording.response["body"])


def ours(recording: Recording) -> Reply:
    return parse_reply(recording.sse if recording.streamed else recording.body)


@pytest.mark.parametrize("recording", CHATS, ids=lambda recording: recording.name)
def test_a_recorded_reply_says_what_the_sdk_says_it_says(recording: Recording) -> None:
    reply = ours(recording)
    if reply.error is not None:
        assert not reply.complete
        return
    expected = oracle(recording)
    assert len(reply.choices) == len(expected.choices)
    for choice, other in zip(reply.choices, expected.choices, strict=True):
        assert said(choice.message) == sdk_said(other.message)
    if expected.usage is not None:
        assert reply.usage is not None
        assert reply.usage.input_tokens == expected.usage.prompt_tokens
        assert reply.usage.output_tokens == expected.usage.completion_tokens


@pytest.mark.parametrize("recording", CHATS, ids=lambda recording: recording.name)
def test_every_message_of_a_recorded_request_is_read(recording: Recording) -> None:
    asked = parse_request(orjson.dumps(recording.sent))
    assert asked.malformed == ()
    assert len(asked.messages) == len(recording.sent.get("messages", ()))
