"""One row of training data: a conversation up to one assistant message, which alone is trained.

Its messages are those of `majordomo export --format chat` (`capture.exports.chat` has the reasons);
what cannot be put so (an image, arguments that are no object) is no row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from capture.exports.chat import Unsayable, as_line, row

Json = dict[str, Any]


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
    """As the client offered them; none for `tool_choice: none`."""
    cloud: bool = False
    """A cloud model wrote the assistant message that is trained."""

    @cached_property
    def line(self) -> bytes:
        """The row as a line of JSON, without the line's end."""
        tools = {"tools": self.tools} if self.tools else {}
        return as_line({"messages": self.messages, **tools})

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
    request: Mapping[str, Any],
    reply: Mapping[str, Any],
    *,
    cloud: bool = False,
) -> Row | None:
    """The row that a request (an OpenAI chat body) and its reply make; None for none."""
    try:
        said = row(request, reply)
    except Unsayable:
        return None
    tools = said.get("tools", [])
    return Row(id_, conversation, skill or "unknown", said["messages"], tools, cloud)


def _digest(messages: Sequence[Json], tools: Sequence[Json]) -> bytes:
    bare = [
        {key: value for key, value in message.items() if key != "tool_call_id"}
        | {"tool_calls": [call["function"] for call in message.get("tool_calls", ())]}
        for message in messages
    ]
    return hashlib.sha256(as_line({"messages": bare, "tools": tools})).digest()
