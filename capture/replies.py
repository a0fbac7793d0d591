"""OpenAI chat bytes, as stored, read into messages, tool calls, finish reasons and usage.

Reads what servers really send, not what a schema says: each field is used when it has the type
expected and left out when not, and nothing an upstream or client sent makes these functions raise
but `parse_request`, for a body that is no JSON object. Text is joined at any split of the stream.
Sampling details (log-probabilities, fingerprints) stay in the raw bytes.

Pure: bytes in, frozen values out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from capture.messages import ContentPart, FinishReason, Message, PartKind, Role, ToolCall, Usage
from capture.narrowing import (
    Json,
    Malformed,
    count_of,
    dumps,
    list_of,
    object_of,
    read_object,
    text_of,
    whole,
)

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
FINISHES: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "eos": "stop",
}
_PART_KINDS: Mapping[str, PartKind] = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
    "thinking": "thinking",
    "reasoning": "thinking",
    "image_url": "image",
    "input_image": "image",
    "image": "image",
    "input_audio": "audio",
    "file": "document",
    "input_file": "document",
    "document": "document",
}


Counts = tuple[int | None, int | None, int | None, int | None, int | None]
"""Tokens, in the order of Usage's fields."""
_UNCOUNTED: Counts = (None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request said."""

    messages: tuple[Message, ...]
    tools: tuple[str, ...]
    """Names of the tools offered, in order."""
    malformed: tuple[str, ...] = ()
    """What could not be read, one clause each; the raw body still has it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers a reply holds; nearly always the only one."""

    index: int
    message: Message
    finish_reason: FinishReason | None
    """None when the server named none, or one that is not OpenAI's."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an upstream answered."""

    choices: tuple[Choice, ...]
    """By index; empty when the body held no answer."""
    usage: Usage | None
    """None when it did not say."""
    complete: bool
    """Every choice ended with a finish reason, or the stream said `[DONE]`; and no error came."""
    error: Json | None = None
    """An error the server told instead, or after a part of the answer."""

    @property
    def message(self) -> Message | None:
        """The first choice's message, or None when there is no answer."""
        return self.choices[0].message if self.choices else None

    @property
    def finish_reason(self) -> FinishReason | None:
        """The first choice's."""
        return self.choices[0].finish_reason if self.choices else None


def parse_request(body: bytes) -> Asked:
    """A chat request's messages and tools. Raises Malformed when it is no JSON object."""
    request = read_object(body)
    messages: list[Message] = []
    malformed: list[str] = []
    for number, entry in enumerate(list_of(request.get("messages"))):
        message = read_message(entry)
        if message is None:
            malformed.append(f"messages[{number}] is not a message")
        else:
            messages.append(message)
    return Asked(tuple(messages), read_tools(request), tuple(malformed))


def read_tools(request: Json) -> tuple[str, ...]:
    """Names of the tools that a request offers, in order."""
    names = [_tool_name(tool) for tool in list_of(request.get("tools"))]
    return tuple(name for name in names if name is not None)


def parse_reply(body: bytes) -> Reply:
    """A whole stored reply, JSON or SSE."""
    if body.startswith(b"{"):
        return _json_reply(body)
    reader = ReplyReader()
    reader.feed(body)
    return reader.finish()


def read_message(value: object) -> Message | None:
    """One message of a request or a JSON reply; None for what has no known role."""
    entry = object_of(value)
    if entry is None:
        return None
    said_role = entry.get("role")
    role = ROLES.get(said_role) if isinstance(said_role, str) else None
    if role is None:
        return None
    content = _parts(entry.get("content"))
    if thinking := text_of(entry.get("reasoning_content")) or text_of(entry.get("reasoning")):
        content = (ContentPart("thinking", thinking), *content)
    if refusal := text_of(entry.get("refusal")):
        content = (*content, ContentPart("refusal", refusal))
    return Message(
        role,
        content,
        _tool_calls(entry),
        text_of(entry.get("tool_call_id")),
        text_of(entry.get("name")),
    )


def read_usage(value: object) -> Usage | None:
    """A `usage` object; None when there is none or it says nothing."""
    counts = read_counts(value)
    return None if counts is None else Usage(*counts)


def read_counts(value: object) -> Counts | None:
    """The five counts of a `usage` object; None when there is none or it says nothing."""
    said = object_of(value)
    if said is None:
        return None
    prompt = object_of(said.get("prompt_tokens_details")) or {}
    completion = object_of(said.get("completion_tokens_details")) or {}
    cached = count_of(prompt.get("cached_tokens"))
    counts = (
        count_of(said.get("prompt_tokens")),
        count_of(said.get("completion_tokens")),
        count_of(said.get("prompt_cache_hit_tokens")) if cached is None else cached,
        count_of(prompt.get("cache_write_tokens")),
        count_of(completion.get("reasoning_tokens")),
    )
    return None if counts == _UNCOUNTED else counts


@dataclass(slots=True)
class _Call:
    """A tool call as its pieces come in."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Choice:
    """A choice as its deltas come in."""

    role: Role = "assistant"
    text: list[str] = field(default_factory=list[str])
    thinking: list[str] = field(default_factory=list[str])
    refusal: list[str] = field(default_factory=list[str])
    others: list[ContentPart] = field(default_factory=list[ContentPart])
    calls: list[_Call] = field(default_factory=list[_Call])
    by_index: dict[int, _Call] = field(default_factory=dict[int, _Call])
    finish_reason: FinishReason | None = None
    finished: bool = False

    def take(self, delta: Json) -> None:
        """Add one `delta`, or a whole message that came in its place."""
        content = delta.get("content")
        if isinstance(content, str):
            self.text.append(content)
            if len(delta) == 1:
                return  # nearly every piece of a stream
        elif content is not None:
            self._take_parts(_parts(content))
        thinking = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thinking, str):
            self.thinking.append(thinking)
        if isinstance(refusal := delta.get("refusal"), str):
            self.refusal.append(refusal)
        if "tool_calls" in delta:
            for piece in list_of(delta["tool_calls"]):
                self._take_call(object_of(piece) or {})
        if function := object_of(delta.get("function_call")):
            self._take_call({"index": 0, "function": function})

    def _take_parts(self, parts: tuple[ContentPart, ...]) -> None:
        kinds: dict[PartKind, list[str]] = {
            "text": self.text,
            "thinking": self.thinking,
            "refusal": self.refusal,
        }
        for part in parts:
            if part.kind in kinds and part.text is not None:
                kinds[part.kind].append(part.text)
            else:
                self.others.append(part)

    def _take_call(self, piece: Json) -> None:
        call_id = text_of(piece.get("id")) or ""
        function = object_of(piece.get("function")) or {}
        name = text_of(function.get("name")) or ""
        call = self._call_for(count_of(piece.get("index")), call_id)
        call.id = call.id or call_id
        call.name = call.name or name
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call.arguments.append(arguments)
        elif arguments is not None:
            call.arguments.append(dumps(arguments))

    def _call_for(self, index: int | None, call_id: str) -> _Call:
        """The call a piece belongs to. Some servers number every call 0, or number none: an id that
        differs begins a new call then."""
        current = self.by_index.get(index) if index is not None else None
        if current is None and index is None and self.calls:
            current = self.calls[-1]
        if current is None or (call_id and current.id and call_id != current.id):
            current = _Call()
            self.calls.append(current)
        if index is not None:
            self.by_index[index] = current
        return current

    def message(self) -> Message:
        """What was said so far."""
        spoken: tuple[tuple[PartKind, list[str]], ...] = (
            ("thinking", self.thinking),
            ("text", self.text),
            ("refusal", self.refusal),
        )
        parts = [ContentPart(kind, text) for kind, said in spoken if (text := whole("".join(said)))]
        calls = [
            ToolCall(call.id, call.name, whole("".join(call.arguments)))
            for call in self.calls
            if call.id or call.name or any(call.arguments)  # some servers send an empty one
        ]
        return Message(self.role, (*parts, *self.others), tuple(calls))


_OPENING = 8
"""Pieces of a stream's text that are looked at for how it begins."""
_MARKUP = "<{[`"


class ReplyReader:
    """Reads one reply, fed in pieces of any size. Keeps the text, not the bytes."""

    def __init__(self) -> None:
        self._kind: Literal["json", "sse"] | None = None
        self._rest: list[bytes] = []
        self._data: list[bytes] = []
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None
        self._error: Json | None = None
        self._done = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._kind is None:
            data = b"".join((*self._rest, data)).lstrip(b"\xef\xbb\xbf \t\r\n")
            self._rest.clear()
            if not data:
                return
            self._kind = "json" if data.startswith((b"{", b"[")) else "sse"
        if self._kind == "json" or (b"\n" not in data and b"\r" not in data):
            self._rest.append(data)
            return
        self._lines(b"".join((*self._rest, data)))

    @property
    def talks(self) -> bool:
        """What was read of a stream so far begins with words: no call, and nothing that may turn
        out to be one that was written out."""
        for choice in self._choices.values():
            text = "".join(choice.text[:_OPENING]).lstrip()
            if not text or choice.calls or text[0] in _MARKUP:
                return False
        return bool(self._choices)

    def finish(self) -> Reply:
        """All that was read."""
        rest = b"".join(self._rest)
        self._rest.clear()
        if self._kind == "json":
            return _json_reply(rest)
        if self._kind == "sse":
            self._lines(rest + b"\n\n")
        choices = tuple(
            Choice(index, choice.message(), choice.finish_reason)
            for index, choice in sorted(self._choices.items())
        )
        finished = bool(choices) and all(choice.finished for choice in self._choices.values())
        complete = (finished or self._done) and self._error is None
        return Reply(choices, self._usage, complete, self._error)

    def _lines(self, data: bytes) -> None:
        """Take whole lines, keep what follows the last line end."""
        if b"\r" in data:
            held = b"\r" if data.endswith(b"\r") else b""
            data = (
                data[: len(data) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
            )
        *lines, rest = data.split(b"\n")
        self._rest = [rest] if rest else []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:])
            elif not line and self._data:
                event = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                self._data.clear()
                self._take(event)

    def _take(self, event: bytes) -> None:
        """One chunk of a stream."""
        if event.strip() == b"[DONE]":
            self._done = True
            return
        try:
            chunk = read_object(event)
        except Malformed:
            return  # the raw bytes have it
        if "usage" in chunk and (usage := read_usage(chunk["usage"])) is not None:
            self._usage = usage
        if "error" in chunk and (error := read_error(chunk)) is not None:
            self._error = error
        for number, said in enumerate(list_of(chunk.get("choices"))):
            if isinstance(said, dict):
                self._take_choice(number, cast("Json", said))

    def _take_choice(self, number: int, said: Json) -> None:
        index = said.get("index")
        if type(index) is not int or index < 0:
            index = number
        if (choice := self._choices.get(index)) is None:
            choice = self._choices[index] = _Choice()
        delta = said.get("delta")
        if type(delta) is dict and delta:  # of every piece of a stream: no call to find it out
            choice.take(cast("Json", delta))
        elif (message := object_of(delta) or object_of(said.get("message"))) is not None:
            choice.take(message)
        elif isinstance(text := said.get("text"), str):
            choice.text.append(text)
        if isinstance(reason := said.get("finish_reason"), str):
            choice.finished = True
            choice.finish_reason = FINISHES.get(reason)


def read_error(body: Json) -> Json | None:
    """The `error` of a reply or a chunk; None when there is none."""
    error = body.get("error")
    return None if error is None else object_of(error) or {"message": error}


def _json_reply(body: bytes) -> Reply:
    try:
        return read_reply(read_object(body))
    except Malformed:
        return Reply((), None, complete=False)


def read_reply(reply: Json) -> Reply:
    """A JSON reply."""
    choices = [
        _whole_choice(n, object_of(c) or {}) for n, c in enumerate(list_of(reply.get("choices")))
    ]
    error = read_error(reply)
    return Reply(
        tuple(sorted(choices, key=lambda choice: choice.index)),
        read_usage(reply.get("usage")),
        bool(choices) and error is None,
        error,
    )


def _whole_choice(number: int, said: Json) -> Choice:
    """A choice of a JSON reply: a message or, from the old completions, a text."""
    index = count_of(said.get("index"))
    message = object_of(said.get("message")) or {"content": said.get("text")}
    if message.get("role") is None:
        message = {**message, "role": "assistant"}
    reason = text_of(said.get("finish_reason")) or ""
    return Choice(
        number if index is None else index,
        read_message(message) or Message("assistant"),
        FINISHES.get(reason),
    )


def _parts(content: object) -> tuple[ContentPart, ...]:
    if isinstance(content, str):
        return (ContentPart("text", whole(content)),) if content else ()
    return tuple(_part(value) for value in list_of(content))


def _part(value: object) -> ContentPart:
    if isinstance(value, str):
        return ContentPart("text", whole(value))
    part = object_of(value)
    if part is None:
        return ContentPart("other", data={"value": value})
    kind = _PART_KINDS.get(text_of(part.get("type")) or "", "other")
    if kind in ("text", "thinking", "refusal"):
        said = next((t for f in ("text", kind) if (t := _spoken(part.get(f))) is not None), None)
        return ContentPart("other", data=part) if said is None else ContentPart(kind, said)
    return ContentPart(kind, data=part)


def _spoken(value: object) -> str | None:
    """Text, or the texts of a list of text parts (Mistral's thinking), joined."""
    parts = list_of(value)
    return "".join(part.text or "" for part in _parts(parts)) if parts else text_of(value)


def _tool_calls(entry: Json) -> tuple[ToolCall, ...]:
    """The calls of a whole message, the old single `function_call` included."""
    if not entry.get("tool_calls") and not entry.get("function_call"):
        return ()
    choice = _Choice()
    calls = [object_of(value) or {} for value in list_of(entry.get("tool_calls"))]
    if not calls and (function := object_of(entry.get("function_call"))):
        calls = [{"function": function}]
    for number, call in enumerate(calls):
        choice.take({"tool_calls": [{**call, "index": number}]})
    return choice.message().tool_calls


def _tool_name(tool: object) -> str | None:
    entry = object_of(tool) or {}
    function = object_of(entry.get("function")) or entry
    return text_of(function.get("name"))
