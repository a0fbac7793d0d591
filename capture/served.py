"""The replies that were served, by conversation: which of a request's history is ours. Pure."""

from __future__ import annotations

from capture.messages import Message
from capture.provenance import reply_keys

_ANCESTORS = 8
"""Conversations that a reply is looked for in, each begun on behalf of the next."""


class Served:
    """The replies that were served, by conversation."""

    def __init__(self) -> None:
        self._given: dict[str, dict[bytes, str]] = {}
        self._parents: dict[str, str] = {}

    def add(self, conversation: str, reply: Message, id_: str) -> None:
        """Note an exchange's reply."""
        given = self._given.setdefault(conversation, {})
        for key in reply_keys(reply):
            given[key] = id_

    def begin(self, conversation: str, parent: str) -> None:
        """Note on whose behalf a conversation was begun: it may repeat that one's replies."""
        self._parents.setdefault(conversation, parent)

    def parent(self, conversation: str) -> str | None:
        """On whose behalf a conversation was begun; None when it is nobody's."""
        return self._parents.get(conversation)

    def find(self, conversation: str, key: bytes) -> str | None:
        """The exchange that gave this reply; None when none of the conversation did."""
        at: str | None = conversation
        for _ in range(_ANCESTORS):
            if at is None:
                return None
            if (found := self._given.get(at, {}).get(key)) is not None:
                return found
            at = self._parents.get(at)
        return None
