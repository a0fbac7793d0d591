"""Who caused each message of a request, and whether it is trusted. Pure.

    user        a person wrote it
    model       we served it: it is the reply of an exchange of this conversation
    tool        a tool answered, known by the call it answers
    client      the agent's own instructions (system, developer)
    synthetic   the agent wrote it in the user's name (`capture.synthetic`)
    invented    an assistant's message that we did not serve: context, and never a target

A tool's result is trusted unless it is text from outside (`capture.outside`). What is known of one
message (`Said`) is read once, however many requests repeat it; whose reply an assistant's message
is, whoever asks has to know (`Giver`). A reply is known again whatever clients do to it: they
strip it, leave its thinking out, write its calls' arguments anew, drop the text beside calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal, NamedTuple

import orjson

from capture.conversations import NAME_BYTES, call_as_said, spoken
from capture.exchange import Mode
from capture.messages import Message, Role, ToolCall
from capture.outside import (
    INSIDE_TOOLS,
    NAME_CHARACTERS,
    OUTSIDE_TOOLS,
    address_in,
    mark_in,
    matches,
)
from capture.synthetic import is_synthetic

_PLAIN = ("text", "thinking")
"""Kinds of parts that a reply's own words are made of."""

Cause = Literal["user", "model", "tool", "client", "synthetic", "invented"]


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose text may train without a person's word: the settings' `capture.trust`."""

    outside_tools: tuple[str, ...] = OUTSIDE_TOOLS
    """Patterns of tools whose results strangers write."""
    inside_tools: tuple[str, ...] = INSIDE_TOOLS
    """Patterns of tools that are none of those, and may be given any address."""
    untrusted_keys: frozenset[str] = frozenset()
    """Names of API keys whose traffic waits for a person, and whose feedback decides nothing."""
    untrusted_channels: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )
    """Patterns of values by header (in lower case): a request with one waits for a person."""
    cloud_text: Literal["train", "keep_out"] = "train"
    """Whether what a cloud model wrote may train."""
    away: frozenset[str] = frozenset()
    """Names of upstreams that are not at home: cloud models answer there, whatever the mode."""

    def writes_in_the_cloud(self, mode: Mode, upstream: str) -> bool:
        """Whether a cloud model answered."""
        return mode == Mode.BURST or upstream in self.away


USUAL = Trust()
"""What counts where the settings say nothing."""


class Call(NamedTuple):
    """A tool call in a request."""

    id: str
    """Empty where the model gave none."""
    tool: str
    address: str | None
    """A host beyond this house that it names; None when it names none."""


class Said(NamedTuple):
    """What is known of one message, read once."""

    role: Role
    synthetic: bool = False
    """A user message that the agent wrote."""
    calls: tuple[Call, ...] = ()
    """An assistant message's."""
    answers: str | None = None
    """For a tool message: the id of the call it answers."""
    name: str | None = None
    """For a tool message: the tool, as the client says."""
    mark: str | None = None
    """For a tool message: what it carries that injected instructions carry."""
    key: bytes = b""
    """For an assistant message: what it says, to know it by; empty for any other."""


class Span(NamedTuple):
    """One message of a request, or the reply to it."""

    cause: Cause
    name: str | None
    """The tool, or for `model` who served it, as `Giver` says; None where there is no such."""
    trusted: bool
    why: str | None = None
    """Why it is not, in a clause; None where it is."""


Giver = Callable[[Said], str | None]
"""Who gave an assistant's message: a name for whoever did; None when it was not us."""


def read(message: Message) -> Said:
    """What is known of a message."""
    text = message.text
    if message.role == "user":
        return Said("user", synthetic=is_synthetic(text))
    if message.role == "tool":
        name = None if message.name is None else message.name[:NAME_CHARACTERS]
        return Said("tool", answers=message.tool_call_id, name=name, mark=mark_in(text))
    if message.role == "assistant":
        calls = tuple(
            Call(call.id, call.name[:NAME_CHARACTERS], address_in(call.arguments))
            for call in message.tool_calls
        )
        return Said("assistant", calls=calls, key=reply_key(message))
    return Said(message.role)


def reply_key(message: Message) -> bytes:
    """What an assistant's message says, thinking and blanks aside; empty when it says nothing."""
    others = [part.text or part.data for part in message.content if part.kind not in _PLAIN]
    return _key(spoken(message.text), message.tool_calls, others)


def reply_keys(reply: Message) -> tuple[bytes, ...]:
    """What a reply that was served may come back as: whole, or its calls alone."""
    calls = _key("", [call for call in reply.tool_calls if call.id])
    return tuple(key for key in dict.fromkeys((reply_key(reply), calls)) if key)


def spans(said: Sequence[Said], trust: Trust, served: Giver) -> list[Span]:
    """Who caused each of a request's messages, in order."""
    found: list[Span] = []
    calls: dict[str, Call] = {}
    latest: Sequence[Call] = ()
    answered = 0
    for each in said:
        if each.role == "tool":
            call = calls.get(each.answers or "") or _at(latest, answered)
            answered += 1
            found.append(_of_tool(each, call, trust))
            continue
        found.append(_of_others(each, served))
        if each.role == "assistant":
            latest, answered = each.calls, 0
            calls |= {call.id: call for call in each.calls if call.id}
    return found


def _at(calls: Sequence[Call], number: int) -> Call | None:
    """The call that a result answers by its place, where ids do not tell."""
    return calls[number] if number < len(calls) else None


def _of_others(said: Said, served: Giver) -> Span:
    if said.role == "user":
        return Span("synthetic" if said.synthetic else "user", None, trusted=True)
    if said.role != "assistant":
        return Span("client", None, trusted=True)
    if not said.key:
        return Span("model", None, trusted=True)  # it says nothing
    if (by := served(said)) is not None:
        return Span("model", by, trusted=True)
    return Span("invented", None, trusted=False, why="nobody here gave this reply")


def _of_tool(said: Said, call: Call | None, trust: Trust) -> Span:
    name = call.tool if call is not None else said.name
    why = _outside(said, call, name, trust)
    return Span("tool", name, trusted=why is None, why=why)


def _outside(said: Said, call: Call | None, name: str | None, trust: Trust) -> str | None:
    """Why a tool's result is text from outside; None when it is not."""
    if name is None:
        return "nobody knows which tool answered"
    if not matches(trust.inside_tools, name):
        if matches(trust.outside_tools, name):
            return f"`{name}` brings text from outside"
        if call is not None and call.address is not None:
            return f"`{name}` was given an address of {call.address}"
    return None if said.mark is None else f"what `{name}` answered holds {said.mark}"


def _key(text: str, calls: Sequence[ToolCall], others: Sequence[object] = ()) -> bytes:
    if not text and not calls and not others:
        return b""
    said = (text, *map(_call, calls), *map(_plain, others))
    return blake2b("\0".join(said).encode("utf-8", "replace"), digest_size=NAME_BYTES).digest()


def _call(call: ToolCall) -> str:
    """A call as it compares, however its arguments are written."""
    name, arguments = call_as_said(call.name, call.arguments)
    return "\0".join((call.id, name, _plain(arguments)))


def _plain(value: object) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # nested too deep, or no JSON
        return repr(value)
