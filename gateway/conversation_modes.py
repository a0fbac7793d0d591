"""Which mode last answered a conversation, and for how long: what rules and the latch ask.

A bounded memory of this process, kept only while the policy asks. A conversation is known by the
session its client names, else by its first system and user messages; a request without any
earlier reply of ours begins one. `capture` will know conversations for good; this is only what a
decision may look at without waiting for a database.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Any, NamedTuple, cast

import orjson

from capture.exchange import Mode
from gateway.upstreams.base import ChatRequest

_MOST = 10_000


class Answered(NamedTuple):
    """Who answered a conversation last."""

    mode: Mode
    since: float
    """When that mode took it over, Unix seconds."""
    turns: int
    """Turns of the user that it has answered since."""


class ConversationModes:
    """The last mode of up to 10,000 conversations, the least recently answered forgotten first."""

    def __init__(self) -> None:
        self._modes: OrderedDict[bytes, Answered] = OrderedDict()

    def get(self, conversation: bytes) -> Answered | None:
        """Who answered it last; None for one not known."""
        return self._modes.get(conversation)

    def answered(self, conversation: bytes, mode: Mode, now: float, *, turn: bool) -> None:
        """Remember that `mode` answered at `now`; `turn`: it was the user who asked, and not a tool
        that answered."""
        before = self._modes.get(conversation)
        if before is None or before.mode is not mode:
            before = Answered(mode, now, 0)
        self._modes[conversation] = before._replace(turns=before.turns + turn)
        self._modes.move_to_end(conversation)
        if len(self._modes) > _MOST:
            self._modes.popitem(last=False)


def conversation_of(request: ChatRequest, session: str | None, key: str | None) -> bytes:
    """A digest that stays the same while a conversation goes on; `session` is its client's word for
    it."""
    digest = blake2b((key or "").encode(), digest_size=16)
    if session is not None:
        digest.update(b"\0session\0" + session.encode("utf-8", "surrogatepass"))
        return digest.digest()
    for message in cast("list[dict[str, Any]]", request.body["messages"]):
        if message["role"] == "assistant":
            break
        digest.update(b"\0" + orjson.dumps([message["role"], message.get("content")]))
        if message["role"] == "user":
            break
    return digest.digest()
