"""What linking has read of the store within one transaction: exchanges, requests, turns, messages.

Nothing is read twice, and turns that were kept here are seen before they are written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

from capture.conversations import UNNAMED, Known, know
from capture.messages import Message
from capture.plain import message_of
from capture.said import MESSAGE_ID_BYTES
from capture.store.links import Ended, Links, Turn

_REMEMBERED = 20_000
NOTHING = Known("system", b"")
"""What is known of a message that is not there."""


class Memory:
    """Messages read for linking, remembered by id: a long conversation says them with every turn.

    Bounded: of what was not asked for lately, half is forgotten at a time.
    """

    def __init__(self, links: Links, size: int = _REMEMBERED) -> None:
        self._links = links
        self._half = size // 2
        self._recent: dict[bytes, Known] = {}
        self._older: dict[bytes, Known] = {}

    def read(self, ids: Sequence[bytes]) -> list[Known]:
        """The messages of these ids, in this order."""
        recent = self._recent
        found = list(map(recent.get, ids))
        if not all(found):
            fresh = self._find({id_ for id_ in ids if id_ not in recent})
            found = [known or fresh[id_] for id_, known in zip(ids, found, strict=True)]
        return cast("list[Known]", found)

    def _find(self, ids: Collection[bytes]) -> dict[bytes, Known]:
        found = {id_: known for id_ in ids if (known := self._older.get(id_)) is not None}
        said = self._links.messages([id_ for id_ in ids if id_ not in found])
        found |= {id_: know(plain) for id_, plain in said.items()}
        if len(self._recent) + len(found) > self._half:
            self._older, self._recent = self._recent, {}
        self._recent |= found
        return {id_: found.get(id_, NOTHING) for id_ in ids}


class View:
    """One transaction's view. Not thread-safe."""

    def __init__(self, links: Links, memory: Memory, ids: Sequence[str]) -> None:
        """`ids`: the exchanges that are about to be linked."""
        self._links = links
        self._memory = memory
        self._ended = links.ended(ids)
        self._turns: dict[str, Turn] = {}
        self._unsaved: list[Turn] = []
        self._spots: dict[bytes, list[str]] = {}
        """Ids of the unsaved by their spot."""
        self._requests: dict[str, tuple[list[bytes], list[Known]]] = {}
        said = b"".join([each.asked + each.reply for each in self._ended.values()])
        memory.read(list(set(_split(said))))

    def exchange(self, id_: str) -> Ended | None:
        """An exchange that ended; None for any other."""
        if id_ not in self._ended:
            self._ended |= self._links.ended([id_])
        return self._ended.get(id_)

    def request(self, ended: Ended) -> tuple[list[bytes], list[Known]]:
        """Ids of a request's messages, and what linking needs of each."""
        if (known := self._requests.get(ended.id)) is None:
            ids = _split(ended.asked)
            known = self._requests[ended.id] = ids, self._memory.read(ids)
        return known

    def reply(self, ended: Ended) -> Known:
        """The reply's message."""
        return self._memory.read([ended.reply])[0] if ended.reply else NOTHING

    def instructions(self, ended: Ended) -> list[bytes]:
        """Ids of a request's messages that name nothing: what the system and the developer say."""
        ids, asked = self.request(ended)
        return [id_ for id_, known in zip(ids, asked, strict=True) if known.role in UNNAMED]

    def messages(self, ids: Sequence[bytes]) -> list[Message]:
        """Messages whole, in this order."""
        said = self._links.messages(set(ids))
        return [message_of(dict(said[id_])) for id_ in ids]

    def turn(self, id_: str) -> Turn | None:
        """An exchange's place; None before it is linked."""
        return self._turns.get(id_) or self._links.turn(id_)

    def lately_at(self, spot: bytes, before: str, since: str, limit: int) -> list[str]:
        """Exchanges between two ids that were asked at this spot; `limit` of them or more where
        there are so many. Nothing is flushed for it: this is asked for every conversation's first
        exchange."""
        here = self._spots.get(spot, [])
        if len(here) >= limit:
            return here
        return here + self._links.asked_at(spot, before, since, limit)

    def keep(self, turn: Turn) -> None:
        """A new place, to be written by `flush`."""
        self._turns[turn.exchange_id] = turn
        self._unsaved.append(turn)
        if turn.spot is not None:
            self._spots.setdefault(turn.spot, []).append(turn.exchange_id)

    def flush(self) -> None:
        """Write the places that were kept, so that look-ups find them."""
        self._links.save_turns(self._unsaved)
        self._unsaved = []
        self._spots = {}


def _split(joined: bytes) -> list[bytes]:
    """Message ids, one by one."""
    size = MESSAGE_ID_BYTES
    return [joined[at : at + size] for at in range(0, len(joined), size)]
