"""One row of training data: a conversation up to one assistant message, which alone is trained.

Rows have the form mlx-lm's `lora` reads (`messages`, `tools`), with messages as its server hands
them to the chat template: text as one string, arguments of calls as objects. So a model is trained
on exactly what it will be asked. What cannot be put so (an image, arguments that are no object) is
no row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import orjson

Json = dict[str, Any]

_NOT_TRAINED = frozenset(["reasoning", "reasoning_details", "refusal", "annotations", "audio"])
"""Fields of replies that no chat template shows."""


@dataclass(frozen=True)
class Row:
    """What is trained, or, held out, what is asked and expected."""

    id: str
    """The exchange's id, or that of a golden row (`golden:...`)."""
    conversation: str
    """Id of the conversation it is part of; a golden row is its own."""
    skill: str
    """The kind of task; `unknown` where nothing says."""
    messages: Sequence[Json]
    """Ending with the assistant message that is trained."""
    tools: Sequence[Json]
    """As the client offered them."""

    @cached_property
    def line(self) -> bytes:
        """The row as a line of JSON, without the line's end."""
        return orjson.dumps({"messages": self.messages, "tools": self.tools})

    @cached_property
    def sha256(self) -> str:
        """Of the line."""
        return hashlib.sha256(self.line).hexdigest()

    @cached_property
    def key(self) -> bytes:
        """The same for rows that teach the same: ids of calls, made up each time, left out."""
        return _digest(self.messages, self.tools)

    @cached_property
    def request_key(self) -> bytes:
        """The same for rows that ask the same."""
        return _digest(self.messages[:-1], self.tools)

    @property
    def reply(self) -> Json:
        """The assistant message."""
        return self.messages[-1]


def row_of(
    id_: str,
    conversation: str,
    skill: str | None,
    body: Mapping[str, Any],
    reply: Mapping[str, Any],
) -> Row | None:
    """The row that an exchange's request (an OpenAI chat body) and reply make; None for none."""
    asked: object = body.get("messages")
    tools: object = body.get("tools") or []
    if not isinstance(asked, list) or not asked or not isinstance(tools, list):
        return None
    kept = {key: value for key, value in reply.items() if key not in _NOT_TRAINED}
    messages = [_message(each) for each in [*cast("list[object]", asked), kept]]
    whole = [each for each in messages if each is not None]
    if len(whole) < len(messages) or not _says_something(whole[-1]):
        return None
    return Row(id_, conversation, skill or "unknown", whole, cast("list[Json]", tools))


def _digest(messages: Sequence[Json], tools: Sequence[Json]) -> bytes:
    bare = [
        {key: value for key, value in message.items() if key != "tool_call_id"}
        | {"tool_calls": [call["function"] for call in message.get("tool_calls", ())]}
        for message in messages
    ]
    return hashlib.sha256(orjson.dumps([bare, tools])).digest()


def _says_something(reply: Json) -> bool:
    return bool(reply.get("tool_calls") or reply["content"].strip())


def _message(message: object) -> Json | None:
    if not isinstance(message, dict):
        return None
    found = cast("Json", message)
    content = _text(found.get("content"))
    calls = _calls(found.get("tool_calls"))
    if content is None or calls is None:
        return None
    made = {key: value for key, value in found.items() if key != "tool_calls"}
    made["content"] = content
    return made | {"tool_calls": calls} if calls else made


def _text(content: object) -> str | None:
    """Text parts joined; None when some part is not text."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        return None
    parts = [_part(part) for part in cast("list[object]", content)]
    texts = [part for part in parts if part is not None]
    return "".join(texts) if len(texts) == len(parts) else None


def _part(part: object) -> str | None:
    if not isinstance(part, dict):
        return None
    found = cast("Json", part)
    text = found.get("text")
    return text if found.get("type") == "text" and isinstance(text, str) else None


def _calls(calls: object) -> list[Json] | None:
    """Calls with their arguments as objects; None when some arguments are none."""
    if not isinstance(calls, list):
        return []
    made = [_call(call) for call in cast("list[object]", calls)]
    whole = [call for call in made if call is not None]
    return whole if len(whole) == len(made) else None


def _call(call: object) -> Json | None:
    function = cast("Json", call).get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return None
    found = cast("Json", function)
    arguments = arguments_of(found.get("arguments"))
    if arguments is None or not isinstance(found.get("name"), str):
        return None
    return cast("Json", call) | {"function": found | {"arguments": arguments}}


def arguments_of(arguments: object) -> Json | None:
    """A call's arguments as an object, however they are written; None for what is none."""
    if isinstance(arguments, str):
        try:
            arguments = orjson.loads(arguments or "{}")
        except orjson.JSONDecodeError:
            return None
    return cast("Json", arguments) if isinstance(arguments, dict) else None
