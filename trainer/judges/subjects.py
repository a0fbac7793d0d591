"""What judges are asked about: frozen values, each with the words it is shown in. Pure.

What is shown is JSON, so that a text in it can end neither its own string nor the part it stands
in: nobody's words can pass for somebody else's. What a model thought is not shown: nobody was given
it. All is cut to a number of characters: long strings lose their middle, then early messages go,
and both is said where it happened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson

Kind = Literal["rating", "planted", "comparison", "process", "hint"]
"""`planted` is a rating of a turn of which it is known how good it is."""

Json = Mapping[str, Any]

_LONGEST = 4000
"""Characters of one string while there is room."""
_SHORTEST = 200
_THOUGHT = "reasoning_content"
_LAST_MESSAGES = 4
"""Of a conversation these stay the longest, and so does its first one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to judge."""

    kind: Kind
    id: str
    """Names it: an exchange's id; for a comparison both ids, a blank between them."""
    exchanges: tuple[str, ...]
    """Ids of the exchanges whose words it shows; a planted one's may be of two."""
    private: bool
    """Some of them never leaves home."""
    shown: str
    """JSON, as judges see it."""
    label: str = ""
    """Of a planted turn `good` or its damage; of a comparison `turned` where the second reply is
    shown first; empty for the rest."""

    @property
    def digest(self) -> str:
        """The same for what is the same question."""
        said = f"{self.kind}\0{self.label}\0{self.shown}"
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def turn_shown(messages: Sequence[Json], tools: Sequence[Json], reply: Json, most: int) -> str:
    """A turn as it is rated: what was asked, what was offered, and the reply."""
    return _within({"tools": tools, "conversation": messages, "reply": reply}, most)


def replies_shown(
    messages: Sequence[Json], tools: Sequence[Json], first: Json, second: Json, most: int
) -> str:
    """Two replies to the same, as they are compared."""
    shown = {"tools": tools, "conversation": messages, "first": first, "second": second}
    return _within(shown, most)


def step_shown(
    messages: Sequence[Json],
    tools: Sequence[Json],
    reply: Json,
    following: Sequence[Json],
    most: int,
) -> str:
    """A reply and what came next, up to the next reply."""
    shown = {"tools": tools, "conversation": messages, "reply": reply, "what_came_next": following}
    return _within(shown, most)


def cut(text: str, longest: int) -> str:
    """A text without its middle where it is longer."""
    if len(text) <= longest:
        return text
    head = longest * 2 // 3
    tail = longest - head
    return f"{text[:head]} [{len(text) - longest} characters left out] {text[-tail:]}"


def _within(shown: dict[str, Any], most: int) -> str:
    """As JSON of about so many characters. Strings get shorter, then earlier messages go, then the
    tools' schemas; what is judged itself stays."""
    longest = _LONGEST
    said = _json(_cut(shown, longest))
    while len(said) > most and longest > _SHORTEST:
        longest //= 2
        said = _json(_cut(shown, longest))
    if len(said) <= most:
        return said
    fewer = dict(shown)
    fewer["conversation"] = _ends(cast("Sequence[Json]", shown["conversation"]))
    fewer["tools"] = [_name_of(tool) for tool in cast("Sequence[Json]", shown["tools"])]
    return _json(_cut(fewer, _SHORTEST))


def _ends(messages: Sequence[Json]) -> list[Json]:
    if len(messages) <= _LAST_MESSAGES + 1:
        return list(messages)
    gone = len(messages) - _LAST_MESSAGES - 1
    return [messages[0], {"left_out": f"{gone} messages"}, *messages[-_LAST_MESSAGES:]]


def _name_of(tool: Json) -> object:
    function: object = tool.get("function")
    return cast("Json", function).get("name") if isinstance(function, dict) else None


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return cut(value, longest)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        return {name: _cut(each, longest) for name, each in entries.items() if name != _THOUGHT}
    if isinstance(value, Sequence):
        return [_cut(each, longest) for each in cast("Sequence[Any]", value)]
    return value


def _json(value: object) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # half a surrogate pair
        import json

        text = json.dumps(value, ensure_ascii=False, default=str)
        return text.encode("utf-8", "replace").decode()
