"""Vetting as one pass over a whole store, in memory: what incremental vetting is held to.

It takes every exchange that is linked, in the order of their ids, and knows nothing of what the
store keeps of earlier passes. It is slow and needs memory for each exchange, and each rule stands
here where it is applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import sqlalchemy as sa

from capture.anomalies import Code as AnomalyCode
from capture.anomalies import Flag, Sample
from capture.exchange import Mode
from capture.feedback import Feedback, counting, demonstration_of, evidence_of, verdict_of
from capture.holds import Hold, HoldCode, earlier, joined
from capture.messages import Message
from capture.outside import matches
from capture.plain import message_of
from capture.provenance import Said, Span, Trust, read, reply_key, reply_keys, spans
from capture.store import tables as t
from capture.store.feedback import said_of
from capture.store.linked import LINKED, WHOLE

_ANSWER_CHARACTERS = 20_000
_SOURCE_CHARACTERS = 80
_ANCESTORS = 8
_LOST = Said("tool")


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


@dataclass(frozen=True, slots=True)
class Seen:
    """One exchange, as far as vetting looks at it."""

    id: str
    conversation: str
    parent: str | None
    """The conversation on whose behalf this one was begun, told with its first exchange; None when
    it is nobody's."""
    aside: bool
    """An agent asks it on the side, and what comes of it goes back to that conversation."""
    began_at: float
    key: str | None
    headers: Mapping[str, str]
    """Names in lower case."""
    mode: Mode | None
    upstream: str | None
    """None for both when no place was chosen."""
    whole: bool
    """It ended well and whole, so that its reply was served."""
    said: Sequence[Said]
    """Its request's messages."""
    texts: Sequence[str]
    """What each of them says."""
    reply: Message | None
    feedback: Sequence[Feedback]
    """What counts for it."""


class Vetting:
    """What was found of every exchange that was taken. May be asked from any thread."""

    def __init__(
        self,
        trust: Trust,
        held: Mapping[str, tuple[Hold, ...]],
        verdicts: Mapping[str, Feedback],
        praised: AbstractSet[str],
        served: Served,
        alike: Mapping[str, str],
    ) -> None:
        self.trust = trust
        self._held = held
        self._verdicts = verdicts
        self._praised = praised
        self._served = served
        self._alike = alike

    def held(self, id_: str) -> tuple[Hold, ...]:
        """Why an exchange does not train; empty when it may."""
        return self._held.get(id_, ())

    def verdict(self, id_: str) -> Feedback | None:
        """What a person said last of whether it may train; None when nobody did."""
        return self._verdicts.get(id_)

    def approved(self, id_: str) -> bool:
        """Whether a person said that it may train, or that it was good."""
        verdict = self._verdicts.get(id_)
        return id_ in self._praised or (verdict is not None and verdict.train is True)

    def alike(self, id_: str) -> str:
        """The oldest of those that stand out like this exchange; itself where it does not."""
        return self._alike.get(id_, id_)

    def waiting(self) -> list[str]:
        """Ids of all that only an approval lacks, in order; also of what is not whole."""
        held = self._held.items()
        return sorted(id_ for id_, holds in held if all(hold.waits for hold in holds))

    def history(self, conversation: str, replies: Sequence[Message]) -> tuple[Hold, ...]:
        """Why replies that a request of this conversation repeats may not be learned, each reason
        once."""
        found: dict[HoldCode, Hold] = {}
        for message in replies:
            if not (key := reply_key(message)):
                continue
            id_ = self._served.find(conversation, key)
            for hold in (_INVENTED,) if id_ is None else self._against(id_):
                found.setdefault(hold.code, hold)
        return tuple(found.values())

    def _against(self, id_: str) -> Sequence[Hold]:
        """All that speaks against learning a reply of ours; also that nobody called it good."""
        return self.held(id_) if self.approved(id_) else (*self.held(id_), _UNAPPROVED)


_INVENTED = Hold("invented", "a reply in its history is not ours")
_UNAPPROVED = Hold("unapproved", "nobody approved or praised a reply in its history")


class Vetter:
    """Takes exchanges in the order of their ids."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._held: dict[str, tuple[Hold, ...]] = {}
        self._verdicts: dict[str, Feedback] = {}
        self._praised: set[str] = set()
        self._served = Served()
        self._carried: dict[str, tuple[Hold, ...]] = {}
        """By conversation: what it has read so far."""

    def take(self, seen: Seen) -> Sample | None:
        """Vet one exchange. Gives it as a sample to compare with others; None for one that cannot
        train anyway."""
        if seen.parent is not None:
            self._served.begin(seen.conversation, seen.parent)
        found = spans(
            seen.said, self._trust, lambda each: self._served.find(seen.conversation, each.key)
        )
        carried = self._carry(seen, found)
        verdict = self._hear(seen)
        if holds := self._holds(seen, carried, verdict):
            self._held[seen.id] = holds
        if not seen.whole or seen.reply is None:
            return None
        self._served.add(seen.conversation, seen.reply, seen.id)
        refused = verdict is not None and verdict.train is False
        return None if refused else self._sample(seen, found, seen.reply)

    def vetting(self, flagged: Mapping[str, Sequence[Flag]]) -> Vetting:
        """All that was found, with what stands out."""
        held, alike = dict(self._held), dict[str, str]()
        approved = {id_ for id_, verdict in self._verdicts.items() if verdict.train is True}
        lifted = set(_clusters(flagged, approved))
        for id_, flags in flagged.items():
            left = [flag for flag in flags if (flag.code, flag.like) not in lifted]
            before = held.get(id_, ())
            if not left or id_ in approved or any(hold.code == "refused" for hold in before):
                continue
            held[id_] = (*before, *(Hold(flag.code, flag.reason) for flag in left))
            alike[id_] = left[0].like
        return Vetting(self._trust, held, self._verdicts, self._praised, self._served, alike)

    def _hear(self, seen: Seen) -> Feedback | None:
        """What people said of an exchange; gives what they said last of whether it may train."""
        said = counting(seen.feedback, self._trust.untrusted_keys)
        if any(code == "praised" for code, _ in evidence_of(said)):
            self._praised.add(seen.id)
        if (verdict := verdict_of(said)) is not None:
            self._verdicts[seen.id] = verdict
        return verdict

    def _carry(self, seen: Seen, found: Sequence[Span]) -> tuple[Hold, ...]:
        """What this exchange's conversation has read by now."""
        before = self._carried.get(seen.conversation, ())
        parent = self._served.parent(seen.conversation)
        if parent is not None:
            before = joined(before, self._carried.get(parent, ()))
        new = [*_outside(found), *_untrusted(seen, self._trust)]
        carried = joined(before, new)
        if carried:
            later = tuple(map(earlier, carried))
            self._carried[seen.conversation] = later
            if parent is not None and seen.aside:
                self._carried[parent] = joined(self._carried.get(parent, ()), later)
        return joined(new, before)

    def _holds(
        self, seen: Seen, carried: tuple[Hold, ...], verdict: Feedback | None
    ) -> tuple[Hold, ...]:
        if verdict is not None and verdict.train is False:
            return (_REFUSED,)
        holds = () if verdict is not None else carried
        if self._trust.cloud_text == "keep_out" and self._in_the_cloud(seen):
            return (*holds, _CLOUD)
        return holds

    def _sample(self, seen: Seen, found: Sequence[Span], reply: Message) -> Sample:
        """An exchange as it compares with others: the reply is what would train."""
        numbered = zip(seen.said, seen.texts, strict=True)
        said = [text for each, text in numbered if each.role == "user" and not each.synthetic]
        shown = demonstration_of(counting(seen.feedback, self._trust.untrusted_keys))
        calls = [f"{call.name} {call.arguments}" for call in reply.tool_calls]
        answered = "\n".join([reply.text, *calls]) if shown is None else shown
        return Sample(
            id=seen.id,
            source=_source(seen, self._trust),
            conversation=seen.conversation,
            began_at=seen.began_at,
            said=said[-1] if said else "",
            outside="\n".join([*_new_outside(seen, found)][::-1]),
            answered=answered[:_ANSWER_CHARACTERS],
        )

    def _in_the_cloud(self, seen: Seen) -> bool:
        place = seen.mode, seen.upstream
        return place[0] is not None and self._trust.writes_in_the_cloud(place[0], place[1] or "")


_REFUSED = Hold("refused", "somebody said that it may never train")
_CLOUD = Hold("cloud_text", "a cloud model wrote it (`capture.trust.cloud_text: keep_out`)")


def _outside(found: Sequence[Span]) -> Iterator[Hold]:
    """What the first result from outside makes of an exchange."""
    for span in found:
        if span.cause == "tool" and not span.trusted:
            yield Hold("outside_text", span.why or "")
            return


def _untrusted(seen: Seen, trust: Trust) -> Iterator[Hold]:
    if seen.key is not None and seen.key in trust.untrusted_keys:
        yield Hold("untrusted_source", f"it came from the key `{seen.key}`")
        return
    for header, patterns in trust.untrusted_channels.items():
        value = seen.headers.get(header)
        if value is not None and matches(patterns, value):
            yield Hold("untrusted_source", f"it came by `{header}: {value[:80]}`")
            return


def _clusters(
    flagged: Mapping[str, Sequence[Flag]], approved: set[str]
) -> Iterator[tuple[AnomalyCode, str]]:
    """Those of which some member is approved."""
    for id_, flags in flagged.items():
        for flag in flags:
            if id_ in approved or flag.like in approved:
                yield flag.code, flag.like


def _new_outside(seen: Seen, found: Sequence[Span]) -> Iterator[str]:
    """Text from outside that came since the reply before, the last first."""
    for said, text, span in zip(seen.said[::-1], seen.texts[::-1], found[::-1], strict=True):
        if said.role == "assistant":
            return
        if span.cause == "tool" and not span.trusted:
            yield text


def _source(seen: Seen, trust: Trust) -> str:
    """Who sent it: the key, and the channel where the settings know any."""
    channels = [seen.headers.get(name, "") for name in sorted(trust.untrusted_channels)]
    return " ".join([seen.key or "", *(each[:_SOURCE_CHARACTERS] for each in channels)]).strip()


_before = t.turns.alias("before")
_SEEN = (
    sa.select(
        t.exchanges,
        *(t.turns.c[name] for name in ("conversation", "purpose")),
        _before.c.conversation.label("parent"),
        sa.case((sa.and_(*WHOLE), 1), else_=0).label("whole"),
    )
    .select_from(LINKED.outerjoin(_before, _before.c.exchange_id == t.turns.c.parent))
    .order_by(t.exchanges.c.id)
)


def whole(
    connection: sa.Connection, trust: Trust, flagged: Mapping[str, Sequence[Flag]]
) -> tuple[Vetting, list[Sample]]:
    """What may train of all that is linked, and all that can be compared."""
    bodies = connection.execute(sa.select(t.messages.c.id, t.messages.c.body)).all()
    messages = {id_: message_of(body) for id_, body in bodies}
    vetter = Vetter(trust)
    samples: list[Sample] = []
    for row in connection.execute(_SEEN).all():
        asked = row.request_messages
        said = [messages.get(asked[at : at + 16]) for at in range(0, len(asked), 16)]
        seen = Seen(
            id=row.id,
            conversation=row.conversation,
            parent=row.parent,
            aside=row.purpose is not None,
            began_at=row.began_at,
            key=row.key,
            headers=row.headers,
            mode=None if row.mode is None else Mode(row.mode),
            upstream=row.upstream,
            whole=bool(row.whole),
            said=[_LOST if message is None else read(message) for message in said],
            texts=["" if message is None else message.text for message in said],
            reply=messages.get(row.reply_messages[:16]),
            feedback=said_of(connection, [row.id]).get(row.id, ()),
        )
        if (sample := vetter.take(seen)) is not None:
            samples.append(sample)
    return vetter.vetting(flagged), samples
