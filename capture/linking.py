"""The pass that links exchanges into conversations and observes what came of them.

It takes exchanges that ended and have no turn yet, in the order of their ids, a few per transaction
of its own. An exchange is linked once: its turn is saved together with all that it says about the
exchanges before it, so that a death at any moment leaves nothing half done, and the next process
finds in the store what is still to be linked.

What decides is pure and stands in `capture.conversations` and `capture.outcomes`; outcomes are
changed by `capture.observing`. An exchange with nothing before it costs no look-up: only its own
turn is written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import cast

from capture import outcomes
from capture.conversations import (
    UNNAMED,
    Known,
    begins_user_turn,
    call_as_said,
    calls_answered,
    know,
    name,
    named_calls,
    next_state,
    replied,
)
from capture.messages import Message
from capture.observing import Observations
from capture.outcomes import Evidence
from capture.plain import message_of
from capture.said import MESSAGE_ID_BYTES
from capture.store.links import Ended, Links, Turn

_AT_ONCE = 250
_BREATHE_EVERY = 16
_REMEMBERED = 20_000
_FARTHEST = 64
"""Exchanges that a user turn's end reaches back over."""
_CALLS_LOOKED_UP = 8
_NOTHING = Known("system", b"")
_BAD_EXCHANGE = (ArithmeticError, LookupError, TypeError, ValueError)
"""What an exchange can be to blame for; everything else is the store's trouble."""

_log = logging.getLogger(__name__)


class Linker:
    """Links what it is told of, and at first all that is in the store unlinked. Not thread-safe."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._memory = Memory(links)
        self._waiting: list[str] | None = None
        """Ids of exchanges to link; None while only the store knows."""

    def add(self, ids: Iterable[str]) -> None:
        """Have these linked by the next `run`: exchanges that ended and are in the store."""
        if self._waiting is not None:
            self._waiting.extend(ids)

    def run(self, breathe: Callable[[], None] = lambda: None) -> None:
        """Link all that waits. `breathe` is called every few exchanges, for whoever else wants the
        interpreter. When it raises, the next call finds in the store what is left."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            with self._links.transaction():
                waiting = self._links.missed()
        waiting.sort()
        for at in range(0, len(waiting), _AT_ONCE):
            self._link(waiting[at : at + _AT_ONCE], breathe)
        self._waiting = []

    def _link(self, ids: Sequence[str], breathe: Callable[[], None]) -> None:
        """Link a few; where one of them is to blame for a failure, all but that one, which then
        stands alone in its conversation."""
        try:
            with self._links.transaction():
                step = _Step(self._links, self._memory, ids)
                for number, id_ in enumerate(ids):
                    step.link(id_)
                    if number % _BREATHE_EVERY == _BREATHE_EVERY - 1:
                        breathe()
                step.save()
        except _BAD_EXCHANGE as error:
            if len(ids) > 1:
                for id_ in ids:
                    self._link([id_], breathe)
                return
            _log.warning("exchange %s cannot be linked: %r", ids[0], error)
            with self._links.transaction():
                self._links.save_turns([Turn(ids[0], ids[0], None, None)])


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
        if None in found:
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
        return {id_: found.get(id_, _NOTHING) for id_ in ids}


class _Step:
    """The exchanges of one transaction, as they are linked one after the other."""

    def __init__(self, links: Links, memory: Memory, ids: Sequence[str]) -> None:
        self._links = links
        self._memory = memory
        self._ended = links.ended(ids)
        self._turns: dict[str, Turn] = {}
        self._unsaved: list[Turn] = []
        self._seen = Observations(links, self._exchange)
        self._tried_again: list[str] = []
        """Linked here, and took more than one attempt."""
        self._requests: dict[str, tuple[list[bytes], list[Known]]] = {}
        said = b"".join([each.asked + each.reply for each in self._ended.values()])
        memory.read(list(set(_split(said))))

    def link(self, id_: str) -> None:
        """Link one exchange to what it continues, and observe that."""
        ended = self._exchange(id_)
        if ended is None:
            return
        if ended.attempts > 1:
            self._tried_again.append(id_)
        _, asked = self._request(ended)
        reply = self._memory.read([ended.reply])[0] if ended.reply else _NOTHING
        tail = name(ended.key, [*asked, reply]) if reply.digest else None
        found = self._predecessor(ended, asked)
        if found is None:
            self._keep(Turn(id_, id_, None, tail))
        else:
            before, start = found
            place = self._turn(before)
            self._keep(Turn(id_, place.conversation if place else before, before, tail))
            self._observe_before(before, ended, start)
            self._observe_retries(before, ended)
        if ended.status == "ok" and (not reply.digest or ended.finish_reason == "length"):
            said = self._messages([ended.reply])[0] if ended.reply else None
            self._seen.add(id_, outcomes.from_reply(said, ended.finish_reason))

    def save(self) -> None:
        """Write what was not written yet."""
        self._flush()
        self._seen.save()
        self._links.add_up_unfit(self._tried_again)

    def _predecessor(self, ended: Ended, asked: Sequence[Known]) -> tuple[str, int] | None:
        """Which exchange this one continues, and the number of its request's message after that
        exchange's reply."""
        starts = replied(asked)
        if not starts:
            return None
        self._flush()
        last = name(ended.key, asked[: starts[0]])
        if known := self._links.ending_in([last], ended.id):
            return known[last], starts[0]
        for call_id in calls_answered(asked)[:_CALLS_LOOKED_UP]:
            if (caller := self._caller(call_id, ended, starts[0])) is not None:
                return caller, starts[0]
        others = [(name(ended.key, asked[:start]), start) for start in starts[1:]]
        known = self._links.ending_in([named for named, _ in others], ended.id)
        return next(((known[named], start) for named, start in others if named in known), None)

    def _caller(self, call_id: str, ended: Ended, start: int) -> str | None:
        """Which exchange made a call that this request answers in a transcript nobody knows. Ids
        that a model numbers from nought mean little: where several made a call of this id, it must
        be the same call, and of one conversation."""
        callers = self._links.callers(call_id, ended.key, ended.id)
        if len({caller.id for caller in callers}) > 1:
            (said,) = self._messages([self._request(ended)[0][start - 1]])
            wanted = named_calls(said.tool_calls, call_id)
            callers = [c for c in callers if call_as_said(c.name, c.arguments) in wanted]
            if len({caller.conversation for caller in callers}) > 1:
                return None
        return callers[0].id if callers else None

    def _observe_before(self, before: str, ended: Ended, start: int) -> None:
        """What this request says of the exchange it continues, and of its user turn's earlier."""
        earlier = self._exchange(before)
        if earlier is None or not earlier.reply:
            return
        ids, asked = self._request(ended)
        ids = ids[start : next_state(asked, start)]
        last_said = self._last_said(earlier)
        reply, *said = self._messages([earlier.reply, *ids, *([last_said] if last_said else [])])
        text = said.pop().text if last_said else None
        evidence = outcomes.from_next(text, reply, said)
        self._seen.add(before, evidence)
        self._reach_back(earlier, outcomes.for_earlier(evidence))

    def _reach_back(self, last: Ended, evidence: list[Evidence]) -> None:
        """Evidence for the exchanges of the user turn that ends with `last`."""
        exchange: Ended | None = last
        for _ in range(_FARTHEST if evidence else 0):
            if exchange is None or begins_user_turn(self._request(exchange)[1]):
                return
            place = self._turn(exchange.id)
            if place is None or place.continues is None:
                return
            self._seen.add(place.continues, evidence)
            exchange = self._exchange(place.continues)

    def _observe_retries(self, before: str, ended: Ended) -> None:
        """The same request, answered already: whoever sends it again did not want that answer."""
        for sibling in self._links.siblings(before, ended.id):
            other = self._exchange(sibling)
            if other is None or other.status != "ok" or not other.reply:
                continue
            if self._digests(other) == self._digests(ended) and self._asks_alike(other, ended):
                self._seen.add(sibling, [outcomes.RETRY])

    def _asks_alike(self, one: Ended, other: Ended) -> bool:
        """Whether two requests of the same messages are the same request: a side call (for a title,
        for a summary) says them under another system prompt, without tools, to another model."""
        if self._unnamed(one) != self._unnamed(other):
            return False
        return self._links.offer(one.id) == self._links.offer(other.id)

    def _last_said(self, ended: Ended) -> bytes | None:
        """Id of the last message of a request that a person wrote."""
        ids, asked = self._request(ended)
        found = (id_ for id_, known in zip(ids[::-1], asked[::-1], strict=True) if known.human)
        return next(found, None)

    def _messages(self, ids: Sequence[bytes]) -> list[Message]:
        said = self._links.messages(set(ids))
        return [message_of(dict(said[id_])) for id_ in ids]

    def _request(self, ended: Ended) -> tuple[list[bytes], list[Known]]:
        """Ids of a request's messages, and what linking needs of each."""
        if (known := self._requests.get(ended.id)) is None:
            ids = _split(ended.asked)
            known = self._requests[ended.id] = ids, self._memory.read(ids)
        return known

    def _digests(self, ended: Ended) -> list[bytes]:
        return [known.digest for known in self._request(ended)[1] if known.digest]

    def _unnamed(self, ended: Ended) -> list[bytes]:
        """Ids of the messages that name nothing: what the system and the developer say."""
        ids, asked = self._request(ended)
        return [id_ for id_, known in zip(ids, asked, strict=True) if known.role in UNNAMED]

    def _exchange(self, id_: str) -> Ended | None:
        if id_ not in self._ended:
            self._ended |= self._links.ended([id_])
        return self._ended.get(id_)

    def _turn(self, id_: str) -> Turn | None:
        return self._turns.get(id_) or self._links.turn(id_)

    def _keep(self, turn: Turn) -> None:
        self._turns[turn.exchange_id] = turn
        self._unsaved.append(turn)

    def _flush(self) -> None:
        self._links.save_turns(self._unsaved)
        self._unsaved = []


def _split(joined: bytes) -> list[bytes]:
    """Message ids, one by one."""
    size = MESSAGE_ID_BYTES
    return [joined[at : at + size] for at in range(0, len(joined), size)]
