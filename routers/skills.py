"""Which skill a request asks for: the key under which its outcomes are counted. Pure.

The client's own word counts first, then a skill that the conversation itself shows in use. Else
the set of tools offered says what kind of work it is, in whatever order they stand; without any it
is talk. Which requests are alike in meaning, and which are the same task again, `routers.tasks`
knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2s
from typing import Any

from capture.narrowing import Malformed, list_of, object_of, read_object
from capture.synthetic import asks_for_review, is_synthetic

CHAT = "chat"
"""The skill of requests that offer no tools and name no skill."""

_NAMED = 128
"""Most characters of a client's own skill name that are kept."""
_LOOKED = 200
"""Messages that are looked at, from the last: 100 steps of an agent."""
_INVOKED = re.compile(
    r'\[IMPORTANT: The (?:user has invoked the )?"([^"\n]{1,128})" skill'
    r"(?:,| bundle,| is auto-loaded\.)"
)
_COMMAND = re.compile(r"/([A-Za-z0-9][A-Za-z0-9_-]{0,63})(?=\s|\Z)")
_SKILLS_LISTED = "<available_skills>"
_PRELOADED = '[IMPORTANT: The user launched this CLI session with the "'
_TOOL = 64
"""Most characters of a tool's name that are shown."""


def skill_of(named: str | None, tools: tuple[str, ...]) -> str:
    """The skill: as the client names it, else `tool:NAME` or `tools:FIRST+N-xxxxxx` by the tools
    offered (the first by name, how many others, and a hash of all names), else `chat`."""
    if named is not None:
        return named[:_NAMED]
    if not tools:
        return CHAT
    names = sorted(set(tools))
    if len(names) == 1:
        return f"tool:{names[0][:_TOOL]}"
    digest = blake2s("\n".join(names).encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
    return f"tools:{names[0][:_TOOL]}+{len(names) - 1}-{digest}"


def spoken(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The skill that the conversation shows in use; None when none.

    Hermes Agent shows it in four ways, of which the latest since the user last spoke counts: a
    slash command becomes a user message that says which skill was invoked (or stands there as it
    was typed, and the system prompt lists such a skill); a messenger's topic loads one by itself;
    the agent loads one by calling `skill_view`. Failing these, the one that the session was started
    with (`-s`) stands in the system prompt.
    """
    for message in reversed(messages[-_LOOKED:]):
        if (calls := message.get("tool_calls")) is not None:
            if (name := _viewed(calls)) is not None:
                return name
        elif message.get("role") == "user":
            said = _opening(message.get("content"))
            if said is None or not is_synthetic(said):
                return _invoked(said, messages) or _preloaded(messages)
            if asks_for_review(said):
                return None
    return _preloaded(messages)


def _invoked(said: str | None, messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The skill that a user's message invokes; None when it invokes none."""
    if said is None or not said.startswith(("[IMPORTANT: The ", "/")):
        return None
    if (found := _INVOKED.match(said)) is not None:
        return found[1]
    if (typed := _COMMAND.match(said)) is None:
        return None
    system = _system(messages)
    start = system.find(_SKILLS_LISTED)
    return typed[1] if start >= 0 and system.find(f"- {typed[1]}:", start) >= 0 else None


def _preloaded(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The skill that the session was started with, as its system prompt says; None when none."""
    system = _system(messages)
    start = system.find(_PRELOADED)
    if start < 0:
        return None
    start += len(_PRELOADED)
    name, quote, _ = system[start : start + _NAMED + 1].partition('"')
    return name if name and quote else None


def _system(messages: Sequence[Mapping[str, Any]]) -> str:
    """The system prompt; empty where there is none, and where it is no text."""
    if not messages or messages[0].get("role") not in ("system", "developer"):
        return ""
    text = messages[0].get("content")
    return text if isinstance(text, str) else ""


def _opening(content: object) -> str | None:
    """A message's text, or the first part of it; None when it begins with no text."""
    if isinstance(content, str):
        return content
    parts = list_of(content)
    text = (object_of(parts[0]) or {}).get("text") if parts else None
    return text if isinstance(text, str) else None


def _viewed(calls: Any) -> str | None:
    """The skill that one of these calls loads, as `skill_view` does; None when none does, and where
    they are no calls."""
    try:  # nearly all are other calls, and every request has them all again
        for call in calls:
            function = call["function"]
            if function["name"] == "skill_view" and (name := _loaded(function["arguments"])):
                return name
    except (TypeError, KeyError):
        pass
    return None


def _loaded(arguments: object) -> str | None:
    """The skill that a call with these arguments loads."""
    if not isinstance(arguments, str):
        return None
    try:
        name = read_object(arguments.encode("utf-8", "surrogatepass")).get("name")
    except Malformed:
        return None
    return name[:_NAMED] if isinstance(name, str) and name else None
