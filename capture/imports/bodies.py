"""A logged request and its reply, in either of two dialects, as a conversation of one reply.

Proxies log OpenAI's chat completions and Anthropic's messages side by side, so which it is is told
by the bodies themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from capture.imports import anthropic
from capture.imports.conversation import Conversation, Turn, Unreadable
from capture.imports.events import message_of
from capture.messages import Message
from capture.narrowing import Json, Malformed, list_of, loads, object_of, text_of
from capture.replies import ROLES, Reply, parse_reply, read_message, read_reply
from capture.sessions import session_of
from capture.values import value


@value
class Logged:
    """One row of a log."""

    line: int
    """Of the file, where it begins."""
    request: Json
    """A body of either dialect."""
    reply: Json | Reply
    """A body; or what a stream of OpenAI's said."""
    at: float | None = None
    """When it was asked; None when the row does not say."""
    session: str | None = None
    """What the log calls the conversation; None leaves it to the request."""
    model: str | None = None
    """As the log itself names who answered; None leaves it to the bodies."""


def conversation(logged: Logged) -> Conversation:
    """The conversation that a row holds. Raises Unreadable."""
    if not list_of(logged.request.get("messages")):
        raise Unreadable("it has no messages")
    reply = logged.reply
    if isinstance(reply, Reply) or not _is_anthropic(reply):
        asked, tools, said = _openai(logged.request, reply, logged)
    else:
        asked, tools, said = _anthropic(logged.request, reply, logged)
    if not said.message.says_something:
        raise Unreadable("it has no reply")
    before = (Turn(message, logged.at, taken=False) for message in asked)
    session = logged.session or session_of({}, logged.request)
    return Conversation((*before, said), logged.line, session, said.model, tuple(tools))


def body_of(value: object) -> Json | None:
    """A body, as an object or as the text of one; None when it is neither."""
    if isinstance(value, str | bytes):
        data = value.encode(errors="replace") if isinstance(value, str) else value
        try:
            value = loads(data)
        except Malformed:
            return None
    return object_of(value)


def reply_of(value: object) -> Json | Reply | None:
    """A reply's body, or the text of an event stream, put together. None when it is neither."""
    found = body_of(value)
    if found is not None or not isinstance(value, str):
        return found
    data = value.encode(errors="replace")
    if (told := message_of(data)) is not None:
        return told
    reply = parse_reply(data)
    return reply if reply.choices and reply.complete else None


def openai_messages(values: object) -> list[Message]:
    """Messages of OpenAI's chat dialect. Raises Unreadable when one of them is none."""
    said: list[Message] = []
    for number, entry in enumerate(list_of(values)):
        message = read_message(entry)
        if message is None:
            raise Unreadable(f"messages[{number}] is not a message")
        said.append(message)
    return said


def openai_tools(request: Json) -> list[Json]:
    """The tools offered, also in the older words for them."""
    tools = [tool for value in list_of(request.get("tools")) if (tool := object_of(value))]
    functions = (object_of(value) for value in list_of(request.get("functions")))
    return [*tools, *({"type": "function", "function": each} for each in functions if each)]


_Told = tuple[Sequence[Message], Sequence[Json], Turn]


def _is_anthropic(reply: Json) -> bool:
    return reply.get("type") == "message" or ("choices" not in reply and "content" in reply)


def _anthropic(request: Json, reply: Json, logged: Logged) -> _Told:
    if any(_is_openai(value) for value in list_of(request.get("messages"))):
        asked, tools = openai_messages(request.get("messages")), openai_tools(request)
    else:
        asked, tools = anthropic.request_messages(request), list(anthropic.tools(request))
    return (
        asked,
        tools,
        Turn(
            anthropic.assistant_message(reply.get("content")),
            logged.at,
            _model(logged, reply),
            anthropic.FINISHES.get(text_of(reply.get("stop_reason")) or ""),
            anthropic.usage(reply.get("usage")),
        ),
    )


def _openai(request: Json, reply: Json | Reply, logged: Logged) -> _Told:
    read = reply if isinstance(reply, Reply) else read_reply(reply)
    if read.error is not None:
        raise Unreadable("its reply is an error")
    body: Json = {} if isinstance(reply, Reply) else reply
    message = read.message
    if message is None:  # some logs keep the message alone
        message = read_message({"role": "assistant", **body})
    if message is None:
        raise Unreadable("it has no reply")
    said = Turn(
        replace(message, role="assistant"),
        logged.at,
        _model(logged, body),
        read.finish_reason,
        read.usage,
    )
    return openai_messages(request.get("messages")), openai_tools(request), said


def _is_openai(value: object) -> bool:
    entry = object_of(value) or {}
    role = text_of(entry.get("role"))
    return role in ROLES.keys() - {"user", "assistant"} or "tool_calls" in entry


def _model(logged: Logged, reply: Json) -> str | None:
    told = (reply.get("model"), logged.model, logged.request.get("model"))
    return next((found for each in told if (found := text_of(each))), None)
