"""What linking has read of the store within one transaction: exchanges, requests, turns, messages.

Nothing is read twice, and turns that were kept here are seen before they are written. What linking
will ask for is read ahead, for a few exchanges with one statement each: nobody else writes
meanwhile, so it stays true.
"""

from __future__ import annotations

from collections.abc import Sequence

from capture.conversations import Known
from capture.messages import Message
from capture.outcomes import Outcome
from capture.store.links import AT_TAIL, CONTINUING, Ended, Links, Turn
from capture.transcripts import NOTHING, Memory, Transcript, Transcripts


class Reading:
    """What is remembered from one transaction to the next. Not thread-safe."""

    def __init__(self, links: Links) -> None:
        self.messages = Memory(links)
        self.transcripts = Transcripts(self.messages)


class View:
    """One transaction's view. Not thread-safe."""

    def __init__(self, links: Links, reading: Reading) -> None:
        self._links = links
        self._reading = reading
        self._ended: dict[str, Ended] = {}
        self._turns: dict[str, Turn] = {}
        self._unsaved: list[Turn] = []
        self._spots: dict[bytes, list[str]] = {}
        """Ids of the unsaved by their spot."""
        self._tails: dict[bytes, list[str]] = {}
        self._continuing: dict[str, list[str]] = {}
        """Ids of all that were kept, by their tail and by what they continue."""
        self._requests: dict[str, Transcript] = {}
        self._stored_at: dict[tuple[bytes, str], list[str]] = {}
        self._stored_after: dict[tuple[str, str], list[str]] = {}
        self._outcomes: dict[str, Outcome | None] = {}
        """What was read ahead, as it is stored: what ends in a transcript and is older than an id,
        what continues an exchange and is older than one, and what came of an exchange."""

    def read_ahead(self, ids: Sequence[str]) -> None:
        """Read what linking these exchanges, which are next, will ask for."""
        self._ended |= self._links.ended(ids)
        few = [ended for id_ in ids if (ended := self._ended.get(id_)) is not None]
        self._reading.transcripts.ahead([each.asked for each in few], [each.reply for each in few])
        requests = [(self.request(ended), ended.id) for ended in few]
        wanted = [(asked.continues, id_) for asked, id_ in requests if asked.continues]
        for where, found in zip(wanted, self._links.ending_in(wanted), strict=True):
            self._stored_at[where] = [each.turn.exchange_id for each in found]
            for turn, ended, outcome, continuing in found:
                self._turns[ended.id] = turn
                self._ended[ended.id] = ended
                self._outcomes[ended.id] = outcome
                self._stored_after[ended.id, where[1]] = continuing

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
        return [asked.ids[number] for number in asked.unnamed]

    def messages(self, ids: Sequence[bytes]) -> list[Message]:
        """Messages whole, in this order."""
        return self._reading.messages.whole(ids)

    def turn(self, id_: str) -> Turn | None:
        """An exchange's place; None before it is linked."""
        return self._turns.get(id_) or self._links.turn(id_)

    def outcome(self, id_: str) -> Outcome | None:
        """What is stored of what came of an exchange."""
        if id_ not in self._outcomes:
            self._outcomes[id_] = self._links.outcome(id_)
        return self._outcomes[id_]

    def ending_in(self, tail: bytes, before: str) -> list[str]:
        """The latest exchanges older than `before` that end in this transcript."""
        stored = self._stored_at.get((tail, before))
        if stored is None:
            ((*found,),) = self._links.ending_in([(tail, before)])
            self._ended |= {each.ended.id: each.ended for each in found}
            self._turns |= {each.turn.exchange_id: each.turn for each in found}
            stored = [each.turn.exchange_id for each in found]
        return _latest(self._tails.get(tail, []), stored)[:AT_TAIL]

    def continuing(self, id_: str, before: str) -> list[str]:
        """The latest exchanges older than `before` that continue this one."""
        stored = self._stored_after.get((id_, before))
        if stored is None:
            stored = self._links.continuing(id_, before)
        return _latest(self._continuing.get(id_, []), stored)[:CONTINUING]

    def lately_at(self, spot: bytes, before: str, since: str, limit: int) -> list[str]:
        """Exchanges between two ids that were asked at this spot; where there are `limit` or more,
        the latest so many at least. Nothing is flushed for it: this is asked for every
        conversation's first exchange."""
        here = self._spots.get(spot, [])
        if len(here) >= limit:
            return here[-limit:]
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
        self._unsaved, self._spots = [], {}


def _latest(kept: Sequence[str], stored: Sequence[str]) -> list[str]:
    """Both, each once, the latest first."""
    return sorted({*kept, *stored}, reverse=True) if kept else list(stored)
