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

from capture.narrowing import Malformed, list_of, object_of, read_object

CHAT = "chat"
"""The skill of requests that offer no tools and name no skill."""

_NAMED = 128
"""Most characters of a client's own skill name that are kept."""
_LOOKED = 40
"""Messages that are looked at, from the last."""
_INVOKED = re.compile(r'\[IMPORTANT: The user has invoked the "([^"\n]{1,128})" skill,')
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


def spoken(messages: Sequence[Mapping[str, object]]) -> str | None:
    """The skill that the conversation shows in use since the user last spoke; None when none.

    Hermes Agent shows it in two ways: a slash command becomes a user message that says which skill
    was invoked, and the agent loads one by calling `skill_view`. The latest of them counts.
    """
    for message in reversed(messages[-_LOOKED:]):
        if message.get("role") == "user":
            content = message.get("content")
            found = _INVOKED.match(content) if isinstance(content, str) else None
            return found[1] if found else None
        for call in list_of(message.get("tool_calls")) or ():
            name = _viewed(call)
            if name is not None:
                return name
    return None


def _viewed(call: object) -> str | None:
    """The skill that a call of `skill_view` loads; None for any other call."""
    function = object_of((object_of(call) or {}).get("function")) or {}
    arguments = function.get("arguments")
    if function.get("name") != "skill_view" or not isinstance(arguments, str):
        return None
    try:
        name = read_object(arguments.encode("utf-8", "surrogatepass")).get("name")
    except Malformed:
        return None
    return name[:_NAMED] if isinstance(name, str) and name else None
