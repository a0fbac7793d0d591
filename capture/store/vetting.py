"""What may train of all that the store has, and what waits: asked a page of exchanges at a time.

What was found of exchanges is in tables (`capture.store.vetted`); what people said of them and
where they were answered is read with them. What stands out is looked for among the newest that can
train (`capture.store.samples`) whenever vetting begins, and alone of all is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, islice
from typing import Any, NamedTuple

import sqlalchemy as sa

from capture import anomalies
from capture.anomalies import Flag
from capture.exchange import Mode
from capture.feedback import Feedback, counting
from capture.holds import Hold, HoldCode
from capture.messages import Message
from capture.provenance import Said, Span, Trust, reply_key, spans
from capture.redact import Redactor
from capture.store import tables as t
from capture.store.feedback import said_of
from capture.store.samples import samples
from capture.store.vetted import CONVERSATIONS, PARENT, Kept
from capture.store.vetter import kept_for
from capture.vetting import NOTHING, Carried, Heard, Place, heard, standing_out, weighed

_AT_ONCE = 500
_REMEMBERED = 10_000
_exchanges = t.exchanges.c
_PLACES = (
    sa.select(
        *(_exchanges[name] for name in ("id", "mode", "upstream")),
        t.turns.c.conversation,
        PARENT.label("parent"),
    )
    .select_from(CONVERSATIONS.join(t.exchanges, _exchanges.id == t.turns.c.exchange_id))
    .where(t.turns.c.exchange_id.in_(sa.bindparam("ids", expanding=True)))
)


def vet(connection: sa.Connection, trust: Trust, redactor: Redactor) -> Vetting:
    """What may train of all that is linked, and what waits, under these rules. Within a transaction
    of the caller's, which ends with what is asked of it and is rolled back."""
    kept = kept_for(connection, trust)
    flagged = anomalies.flags(samples(connection, kept, trust, redactor.said))
    return vetting_of(connection, trust, kept, flagged)


def vetting_of(
    connection: sa.Connection, trust: Trust, kept: Kept, flagged: Mapping[str, Sequence[Flag]]
) -> Vetting:
    """The same, of what was found and what is flagged."""
    spoken_of = {*flagged, *(flag.like for flags in flagged.values() for flag in flags)}
    said = _heard(connection, trust, spoken_of)
    return Vetting(connection, trust, kept, standing_out(flagged, said))


class _Found(NamedTuple):
    """What is known of one exchange."""

    held: tuple[Hold, ...]
    heard: Heard


_UNKNOWN = _Found((), NOTHING)
_INVENTED = Hold("invented", "a reply in its history is not ours")
_UNAPPROVED = Hold("unapproved", "nobody approved or praised a reply in its history")


class Vetting:
    """What was found, on one connection, within one consistent view."""

    def __init__(
        self,
        connection: sa.Connection,
        trust: Trust,
        kept: Kept,
        standing: Mapping[str, Sequence[Flag]],
    ) -> None:
        """`standing`: what waits because it stands out, by exchange."""
        self.trust = trust
        self._connection = connection
        self._kept = kept
        self._standing = standing
        self._found: dict[str, _Found] = {}

    def look_at(self, ids: Sequence[str]) -> None:
        """Have these at hand, so that asking for each needs no look-up."""
        if missing := [id_ for id_ in ids if id_ not in self._found]:
            if len(self._found) + len(missing) > _REMEMBERED:
                self._found.clear()
            for at in range(0, len(missing), _AT_ONCE):
                self._look(missing[at : at + _AT_ONCE])

    def held(self, id_: str) -> tuple[Hold, ...]:
        """Why an exchange does not train; empty when it may."""
        return self._of(id_).held

    def verdict(self, id_: str) -> Feedback | None:
        """What a person said last of whether it may train; None when nobody did."""
        return self._of(id_).heard.verdict

    def approved(self, id_: str) -> bool:
        """Whether a person said that it may train, or that it was good."""
        return self._of(id_).heard.approved

    def alike(self, id_: str) -> str:
        """The oldest of those that stand out like this exchange; itself where it does not."""
        flags = self._standing.get(id_)
        return flags[0].like if flags else id_

    def waiting(self) -> Iterator[list[str]]:
        """Ids of all that only an approval lacks, the newest first, in pages; also of what is not
        whole."""
        candidates = merge(
            self._kept.spoken_against(), sorted(self._standing, reverse=True), reverse=True
        )
        ids = (id_ for id_, _ in groupby(candidates))
        while page := list(islice(ids, _AT_ONCE)):
            self.look_at(page)
            yield [id_ for id_ in page if _waits(self.held(id_))]

    def counted(self, said: Sequence[Feedback]) -> list[Feedback]:
        """What was said by keys that are trusted."""
        return counting(said, self.trust.untrusted_keys)

    def history(self, conversation: str, replies: Sequence[Message]) -> tuple[Hold, ...]:
        """Why replies that a request of this conversation repeats may not be learned, each reason
        once."""
        keys = [key for message in replies if (key := reply_key(message))]
        givers = self._kept.givers(conversation, keys)
        self.look_at(sorted(set(givers.values())))
        found: dict[HoldCode, Hold] = {}
        for key in keys:
            id_ = givers.get(key)
            for hold in (_INVENTED,) if id_ is None else self._against(id_):
                found.setdefault(hold.code, hold)
        return tuple(found.values())

    def spans(self, conversation: str, said: Sequence[Said]) -> list[Span]:
        """Who caused each of a request's messages; a model's name is the id of its exchange."""
        givers = self._kept.givers(conversation, [each.key for each in said if each.key])
        return spans(said, self.trust, lambda each: givers.get(each.key))

    def _against(self, id_: str) -> Sequence[Hold]:
        """All that speaks against learning a reply of ours; also that nobody called it good."""
        return self.held(id_) if self.approved(id_) else (*self.held(id_), _UNAPPROVED)

    def _of(self, id_: str) -> _Found:
        self.look_at([id_])
        return self._found[id_]

    def _look(self, ids: Sequence[str]) -> None:
        rows = self._connection.execute(_PLACES, {"ids": ids}).all()
        facts = self._kept.facts(ids)
        said = _heard(self._connection, self.trust, ids)
        named = {name for row in rows for name in (row.conversation, row.parent) if name}
        carried = Carried(self._kept.carried(named))
        self._found |= dict.fromkeys(ids, _UNKNOWN)  # what is not linked is nobody's to learn
        for row in rows:
            before = carried.before(Place(row.id, row.conversation, row.parent, aside=False))
            spoken = said.get(row.id, NOTHING)
            holds = weighed(facts[row.id].holds, before, spoken, keeps_out=self._keeps_out(row))
            stands = (Hold(flag.code, flag.reason) for flag in self._standing.get(row.id, ()))
            self._found[row.id] = _Found((*holds, *stands), spoken)

    def _keeps_out(self, row: sa.Row[Any]) -> bool:
        """Whether a cloud model wrote it and the settings keep that out."""
        if self.trust.cloud_text != "keep_out" or row.mode is None:
            return False
        return self.trust.writes_in_the_cloud(Mode(row.mode), row.upstream or "")


def _waits(holds: Sequence[Hold]) -> bool:
    return bool(holds) and all(hold.waits for hold in holds)


def _heard(
    connection: sa.Connection, trust: Trust, ids: Sequence[str] | set[str]
) -> dict[str, Heard]:
    """What was said of these exchanges; those nobody spoke of are left out."""
    found: dict[str, Heard] = {}
    wanted = sorted(ids)
    for at in range(0, len(wanted), _AT_ONCE):
        said = said_of(connection, wanted[at : at + _AT_ONCE])
        found |= {id_: heard(each, trust) for id_, each in said.items()}
    return found
