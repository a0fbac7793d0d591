"""What linking has read of the store within one transaction: exchanges, requests, turns, messages.

Nothing is read twice, and turns that were kept here are seen before they are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from capture.conversations import UNNAMED, Known
from capture.messages import Message
from capture.store.links import Ended, Links, Turn
from capture.transcripts import NOTHING, Memory, Transcript, Transcripts


class Reading:
    """What is remembered from one transaction to the next. Not thread-safe."""

    def __init__(self, links: Links) -> None:
        self.messages = Memory(links)
        self.transcripts = Transcripts(self.messages)


class View:
    """One transaction's view. Not thread-safe."""

    def __init__(self, links: Links, reading: Reading, ids: Sequence[str]) -> None:
        """`ids`: the exchanges that are about to be linked."""
        self._links = links
        self._reading = reading
        self._ended = links.ended(ids)
        self._turns: dict[str, Turn] = {}
        self._unsaved: list[Turn] = []
        self._spots: dict[bytes, list[str]] = {}
        self._tails: dict[bytes, list[str]] = {}
        self._continuing: dict[str, list[str]] = {}
        """Ids of the unsaved by their spot, by their tail, by what they continue."""
        self._requests: dict[str, Transcript] = {}
        said = [(each.asked, each.reply) for each in self._ended.values()]
        reading.transcripts.ahead(list(chain.from_iterable(said)))

    def exchange(self, id_: str) -> Ended | None:
        """An exchange that ended; None for any other."""
        if id_ not in self._ended:
            self._ended |= self._links.ended([id_])
        return self._ended.get(id_)

    def request(self, ended: Ended) -> Transcript:
        """What was asked."""
        if (asked := self._requests.get(ended.id)) is None:
            asked = self._reading.transcripts.read(ended.key, ended.asked)
            self._requests[ended.id] = asked
        return asked

    def reply(self, ended: Ended) -> Known:
        """The reply's message."""
        return self._reading.messages.read([ended.reply])[0] if ended.reply else NOTHING

    def instructions(self, ended: Ended) -> list[bytes]:
        """Ids of a request's messages that name nothing: what the system and the developer say."""
        asked = self.request(ended)
        named = zip(asked.ids, asked.known, strict=True)
        return [id_ for id_, known in named if known.role in UNNAMED]

    def messages(self, ids: Sequence[bytes]) -> list[Message]:
        """Messages whole, in this order."""
        return self._reading.messages.whole(ids)

    def turn(self, id_: str) -> Turn | None:
        """An exchange's place; None before it is linked."""
        return self._turns.get(id_) or self._links.turn(id_)

    def ending_in(self, tail: bytes, before: str) -> list[str]:
        """The latest exchanges older than `before` that end in this transcript."""
        found = self._links.ending_in(tail, before)
        self._ended |= {ended.id: ended for _, ended in found}
        self._turns |= {turn.exchange_id: turn for turn, _ in found}
        return _latest(self._tails.get(tail, []), [ended.id for _, ended in found])

    def continuing(self, id_: str, before: str) -> list[str]:
        """The latest exchanges older than `before` that continue this one."""
        return _latest(self._continuing.get(id_, []), self._links.continuing(id_, before))

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
        if turn.tail is not None:
            self._tails.setdefault(turn.tail, []).append(turn.exchange_id)
        if turn.continues is not None:
            self._continuing.setdefault(turn.continues, []).append(turn.exchange_id)

    def flush(self) -> None:
        """Write the places that were kept, so that look-ups find them."""
        self._links.save_turns(self._unsaved)
        self._unsaved = []
        self._spots, self._tails, self._continuing = {}, {}, {}


def _latest(unsaved: Sequence[str], saved: Sequence[str]) -> list[str]:
    """Both, the latest first."""
    return sorted((*unsaved, *saved), reverse=True) if unsaved else list(saved)
