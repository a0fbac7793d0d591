"""The pass that links exchanges into conversations and observes what came of them.

It takes exchanges that ended and have no turn yet, in the order of their ids, a few per transaction
of its own. An exchange is linked once: its turn is saved together with all that it says about the
exchanges before it, so that a death at any moment leaves nothing half done, and the next process
finds in the store what is still to be linked.

What decides is pure and stands in `capture.conversations` and `capture.outcomes`; what an exchange
goes on from is found by `capture.predecessors`; outcomes are changed by `capture.observing`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence

from capture import outcomes
from capture.conversations import begins_user_turn, next_state, purpose_of, spot
from capture.hearing import hear
from capture.ids import first_id, time_of
from capture.observing import Observations
from capture.outcomes import Evidence
from capture.predecessors import Found, Predecessors
from capture.side_calls import Purpose
from capture.store.links import Ended, Links, Turn
from capture.view import Reading, View

_AT_ONCE = 250
_AHEAD = 16
"""So many are read ahead with one statement each, and linked before others may breathe."""
_FARTHEST = 64
"""Exchanges that a user turn's end reaches back over."""
_CONVERSES = (None, "subagent")
"""Purposes of requests that go on: by a person, or by the agent that delegated a task."""
_AGAIN_SECONDS = 180.0
"""Within this time a first request sent again is a second try; later it is the same again."""
_ASKED_SECONDS = 86_400.0
"""How long ago the user may have been asked whether money may be spent on a request."""
_ROUTINE = 3
"""Asked so often within that time, nobody tries again: a program asks the same every time."""
_BAD_EXCHANGE = (ArithmeticError, LookupError, TypeError, ValueError)
"""What an exchange can be to blame for; everything else is the store's trouble."""

_log = logging.getLogger(__name__)


class Linker:
    """Links what it is told of, and at first all that is in the store unlinked. Not thread-safe."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._reading = Reading(links)
        self._waiting: list[str] | None = None
        """Ids of exchanges to link; None while only the store knows."""

    def add(self, ids: Iterable[str]) -> None:
        """Have these linked by the next `run`: exchanges that ended and are in the store."""
        if self._waiting is not None:
            self._waiting.extend(ids)

    def run(self, breathe: Callable[[], None] = lambda: None) -> None:
        """Link all that waits, then hear what was said of it. `breathe` is called every few
        exchanges, for whoever else wants the interpreter. When it raises, the next call finds in
        the store what is left."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            with self._links.transaction():
                waiting = self._links.missed()
        waiting.sort()
        for at in range(0, len(waiting), _AT_ONCE):
            self._link(waiting[at : at + _AT_ONCE], breathe)
        hear(self._links)
        self._waiting = []

    def _link(self, ids: Sequence[str], breathe: Callable[[], None]) -> None:
        """Link a few; where one of them is to blame for a failure, all but that one, which then
        stands alone in its conversation."""
        try:
            with self._links.transaction():
                step = _Step(self._links, self._reading, ids)
                for at in range(0, len(ids), _AHEAD):
                    if at:
                        breathe()
                    step.link(ids[at : at + _AHEAD])
                step.save()
        except _BAD_EXCHANGE as error:
            if len(ids) > 1:
                for id_ in ids:
                    self._link([id_], breathe)
                return
            _log.warning("exchange %s cannot be linked: %r", ids[0], error)
            with self._links.transaction():
                self._links.save_turns([Turn(ids[0], ids[0], None)])


class _Step:
    """The exchanges of one transaction, as they are linked one after the other."""

    def __init__(self, links: Links, reading: Reading, ids: Sequence[str]) -> None:
        self._links = links
        self._view = View(links, reading)
        self._predecessors = Predecessors(links, self._view)
        self._seen = Observations(links, self._view.exchange, self._view.outcome)
        self._lately = first_id(time_of(ids[0]) - _AGAIN_SECONDS)
        """No id that is recent for one of them is less."""
        self._asks = links.any_asked()
        """Some request was answered with a question of our own."""
        self._began: list[float] = []
        """When those linked here did, in Unix seconds."""
        self._tried_again: list[str] = []
        """Linked here, and took an attempt that was not handed over, as far as that shows."""

    def link(self, ids: Sequence[str]) -> None:
        """Link a few, which are next, one after the other."""
        self._view.read_ahead(ids)
        for id_ in ids:
            self._link(id_)

    def _link(self, id_: str) -> None:
        """Link one exchange to what it continues, and observe that."""
        ended = self._view.exchange(id_)
        if ended is None:
            return
        self._began.append(ended.began_at)
        if ended.attempts > (ended.status != "asked"):
            self._tried_again.append(id_)
        asked = self._view.request(ended)
        reply = self._view.reply(ended)
        found = self._predecessors.find(ended) if asked.start else None
        turn = self._begun(ended) if found is None else self._gone_on(ended, found)
        tail = asked.name_with(reply) if reply.digest else None
        turn = turn._replace(tail=tail, spot=spot(ended.key, asked.known))
        if turn.purpose in _CONVERSES:
            self._observe_retries(turn, ended)
        self._view.keep(turn)
        if found is not None and turn.continues is not None:
            self._observe_before(found.id, ended, found.start)
        if ended.status == "ok" and (not reply.digest or ended.finish_reason == "length"):
            said = self._view.messages([ended.reply])[0] if ended.reply else None
            self._seen.add(id_, outcomes.from_reply(said, ended.finish_reason))

    def save(self) -> None:
        """Write what was not written yet."""
        self._view.flush()
        self._seen.save()
        self._links.add_up_unfit(self._tried_again)
        self._links.touch(self._began)

    def _gone_on(self, ended: Ended, found: Found) -> Turn:
        """The turn of an exchange that repeats another: it continues it, or leaves it for a
        conversation of its own."""
        before = self._view.turn(found.id)
        told = self._purpose(ended)
        known = None if before is None else before.purpose
        if told is None and known is None and self._is_aside(ended, found.id):
            told = "side"
        if found.elsewhere or (told is not None and told != known):
            return Turn(ended.id, ended.id, None, purpose=told, parent=found.id)
        conversation = found.id if before is None else before.conversation
        return Turn(ended.id, conversation, found.id, purpose=known)

    def _begun(self, ended: Ended) -> Turn:
        """The turn of an exchange that repeats no other: a conversation's first, unless its client
        names one that there is."""
        purpose = self._purpose(ended)
        if purpose in _CONVERSES:
            parent = self._predecessors.delegated_by(ended)
            if parent is not None or purpose is not None:
                return Turn(ended.id, ended.id, None, purpose="subagent", parent=parent)
            return self._of_session(ended) or self._after_question(ended)
        parent = self._predecessors.asked_for(ended)
        return Turn(ended.id, ended.id, None, purpose=purpose, parent=parent)

    def _purpose(self, ended: Ended) -> Purpose | None:
        """What a request says it is for."""
        asked = self._view.request(ended)
        instructions = asked.known[asked.unnamed[0]] if asked.unnamed else None
        return purpose_of(asked.known, instructions, ended.skill)

    def _of_session(self, ended: Ended) -> Turn | None:
        """The next turn of the session that its client names: begun anew, or with a transcript that
        was rewritten beyond recognition."""
        if ended.session is None:
            return None
        self._view.flush()
        latest = self._links.in_session(ended.session, ended.key, ended.id)
        before = None if latest is None else self._view.turn(latest)
        if before is None:
            return None
        repeats = self._view.request(ended).start
        return Turn(ended.id, before.conversation, before.exchange_id if repeats else None)

    def _after_question(self, ended: Ended) -> Turn:
        """A conversation's first turn: of one of its own, or of that in which the user was asked
        whether money may be spent on the very same."""
        alone = Turn(ended.id, ended.id, None)
        at = spot(ended.key, self._view.request(ended).known) if self._asks else None
        if at is None or ended.status == "asked":
            return alone
        since = first_id(time_of(ended.id) - _ASKED_SECONDS)
        latest = max(self._view.lately_at(at, ended.id, since, 1), default=None)
        before = None if latest is None else self._view.exchange(latest)
        if before is None or before.status != "asked":
            return alone
        place = self._view.turn(before.id)
        return alone if place is None else alone._replace(conversation=place.conversation)

    def _is_aside(self, ended: Ended, before: str) -> bool:
        """Whether a request only looks back on a conversation: under other instructions, and
        without the tools it has."""
        other = self._view.exchange(before)
        if other is None or ended.tools or not other.tools:
            return False
        return self._view.instructions(ended) != self._view.instructions(other)

    def _observe_before(self, before: str, ended: Ended, start: int) -> None:
        """What this request says of the exchange it continues, and of its user turn's earlier."""
        earlier = self._view.exchange(before)
        if earlier is None or not earlier.reply or earlier.status == "asked":
            return
        asked = self._view.request(ended)
        ids = asked.ids[start : next_state(asked.known, start)]
        last_said = self._last_said(earlier)
        reply, *said = self._view.messages(
            [earlier.reply, *ids, *([last_said] if last_said else [])]
        )
        text = said.pop().text if last_said else None
        evidence = outcomes.from_next(text, reply, said)
        self._seen.add(before, evidence)
        self._reach_back(earlier, outcomes.for_earlier(evidence))

    def _reach_back(self, last: Ended, evidence: list[Evidence]) -> None:
        """Evidence for the exchanges of the user turn that ends with `last`."""
        exchange: Ended | None = last
        for _ in range(_FARTHEST if evidence else 0):
            if exchange is None or begins_user_turn(self._view.request(exchange).known):
                return
            place = self._view.turn(exchange.id)
            if place is None or place.continues is None:
                return
            self._seen.add(place.continues, evidence)
            exchange = self._view.exchange(place.continues)

    def _observe_retries(self, turn: Turn, ended: Ended) -> None:
        """The same request, answered already: whoever sends it again did not want that answer."""
        if turn.continues is not None:
            for id_ in self._view.continuing(turn.continues, ended.id):
                if self._repeats(ended, id_):
                    self._seen.add(id_, [outcomes.RETRY])
        elif turn.spot is not None:
            before = self._view.lately_at(turn.spot, ended.id, self._lately, _ROUTINE)
            if before:  # of a step that was long in coming the first may be hours older
                lately = first_id(time_of(ended.id) - _AGAIN_SECONDS)
                before = [id_ for id_ in before if id_ > lately]
            for id_ in before if len(before) < _ROUTINE else ():
                if self._repeats(ended, id_, within=_AGAIN_SECONDS) and not self._left(id_):
                    self._seen.add(id_, [outcomes.SENT_AGAIN])

    def _left(self, id_: str) -> bool:
        """Whether an exchange was gone on with."""
        self._view.flush()
        return self._links.is_continued(id_)

    def _repeats(self, ended: Ended, id_: str, within: float = math.inf) -> bool:
        """Whether a request is an earlier one over again, sent when that had its answer, and not
        more than `within` seconds later. A side call (for a title, for a summary) says the same
        messages under another system prompt, without tools, to another model."""
        other = self._view.exchange(id_)
        return (
            other is not None
            and other.status == "ok"
            and ended.began_at - other.began_at <= within
            and bool(other.reply)
            and len(other.asked) == len(ended.asked)
            and other.began_at + (other.total_s or 0.0) <= ended.began_at
            and self._digests(other) == self._digests(ended)
            and self._view.instructions(other) == self._view.instructions(ended)
            and self._links.offer(other.id) == self._links.offer(ended.id)
        )

    def _last_said(self, ended: Ended) -> bytes | None:
        """Id of the last message of a request that a person wrote."""
        asked = self._view.request(ended)
        for number in range(len(asked.ids) - 1, -1, -1):
            if asked.known[number].human:
                return asked.ids[number]
        return None

    def _digests(self, ended: Ended) -> list[bytes]:
        return [known.digest for known in self._view.request(ended).known if known.digest]
