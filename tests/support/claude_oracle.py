"""What the two vendors' own SDKs make of the same bytes: the judges of our translation."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import openai
from anthropic.types import Message
from jiter import from_json
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionMessageFunctionToolCall

from gateway.sse import DONE

_PROMPT: Any = [{"role": "user", "content": "hello"}]


@dataclass(frozen=True, slots=True)
class Told:
    """A reply as a client sees it, whichever SDK told it."""

    text: str
    thinking: str
    calls: tuple[tuple[str, str, Any], ...]
    """(id, name, arguments) in order; arguments that were cut are read as far as they go."""
    finish_reason: str | None
    input_tokens: int | None
    """All of the prompt, what the cache read and wrote included."""
    output_tokens: int | None
    cached_tokens: int | None


def _transport(body: bytes, content_type: str) -> httpx2.MockTransport:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": content_type}, content=body)

    return httpx2.MockTransport(answer)


def claude_says(body: bytes, *, streamed: bool) -> Told:
    """A Messages API response, read by the `anthropic` SDK."""
    transport = _transport(body, "text/event-stream" if streamed else "application/json")
    with (
        httpx2.Client(transport=transport) as http,
        anthropic.Anthropic(api_key="unused", http_client=http) as client,
    ):
        if not streamed:
            return _of_message(client.messages.create(model="m", max_tokens=1, messages=_PROMPT))
        with client.messages.stream(model="m", max_tokens=1, messages=_PROMPT) as stream:
            return _of_message(stream.get_final_message())


_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


def _of_message(message: Message) -> Told:
    usage = message.usage
    cached = usage.cache_read_input_tokens
    total = usage.input_tokens + (cached or 0) + (usage.cache_creation_input_tokens or 0)
    return Told(
        text="".join(b.text for b in message.content if b.type == "text"),
        thinking="".join(b.thinking for b in message.content if b.type == "thinking"),
        calls=tuple((b.id, b.name, b.input) for b in message.content if b.type == "tool_use"),
        finish_reason=_FINISH[message.stop_reason] if message.stop_reason else None,
        input_tokens=total,
        output_tokens=usage.output_tokens,
        cached_tokens=cached,
    )


def openai_says(body: bytes, *, streamed: bool) -> Told:
    """A chat completion response, read by the `openai` SDK. A stream is given without `[DONE]`."""
    transport = _transport(
        body + DONE if streamed else body,
        "text/event-stream" if streamed else "application/json",
    )
    with (
        httpx2.Client(transport=transport) as http,
        openai.OpenAI(api_key="unused", base_url="http://gateway/v1", http_client=http) as client,
    ):
        if not streamed:
            return _of_completion(client.chat.completions.create(model="m", messages=_PROMPT))
        state = ChatCompletionStreamState[None]()
        for chunk in client.chat.completions.create(model="m", messages=_PROMPT, stream=True):
            with suppress(openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
                state.handle_chunk(chunk)  # these are told once all of the chunk is taken in
        return _of_completion(state.current_completion_snapshot)


def _of_completion(completion: Any) -> Told:
    choice = completion.choices[0]
    usage = completion.usage
    details = usage.prompt_tokens_details if usage else None
    calls: list[tuple[str, str, Any]] = []
    for call in choice.message.tool_calls or ():
        assert isinstance(call, ChatCompletionMessageFunctionToolCall)
        calls.append((call.id, call.function.name, _arguments(call.function.arguments)))
    return Told(
        text=choice.message.content or "",
        thinking=getattr(choice.message, "reasoning_content", None) or "",
        calls=tuple(calls),
        finish_reason=choice.finish_reason,
        input_tokens=usage.prompt_tokens if usage else None,
        output_tokens=usage.completion_tokens if usage else None,
        cached_tokens=details.cached_tokens if details else None,
    )


def _arguments(text: str) -> Any:
    """Whole arguments as strict JSON; cut ones as far as they go, as Claude's SDK reads them."""
    try:
        return json.loads(text)
    except ValueError:
        return from_json(text.encode(), partial_mode=True)
