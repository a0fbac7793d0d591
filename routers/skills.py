"""Which skill a request asks for: the key under which its outcomes are counted. Pure.

The client's own word counts first. Else the set of tools offered says what kind of work it is, in
whatever order they stand; without any it is talk.
"""

from __future__ import annotations

from hashlib import blake2s

CHAT = "chat"
"""The skill of requests that offer no tools and name no skill."""

_NAMED = 128
"""Most characters of a client's own skill name that are kept."""
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
