"""What may train, and what waits for a person: one word per exchange, with its reasons. Pure.

The reasons are those of `capture.holds`. A person's approval lifts what waits, each for its own
exchange; of those that stand out alike one approval is enough, else a habit would ask for ever.
`cloud_text` and `refused` nobody lifts but who set them. What people say counts only when their key
is trusted.

What is found of an exchange by itself (`Facts`) is kept in the store (`capture.store.vetted`). What
its conversation has read stays with it, in the order of ids (`Carried`): also where its client has
compacted it, where an agent asked somebody on the side, and where a sub-agent did the reading.
What people say, where it was answered and what stands out is weighed anew whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import NamedTuple

import orjson

from capture.anomalies import Code as AnomalyCode
from capture.anomalies import Flag
from capture.feedback import Feedback, counting, demonstration_of, evidence_of, verdict_of
from capture.holds import Hold, HoldCode, earlier, joined
from capture.messages import Message
from capture.outside import matches
from capture.provenance import Said, Span, Trust, spans

VERSION = 1
"""Of what is found, and how. Goes up with every change of `facts_of`, `Carried`,
`capture.provenance`, `capture.outside` or `capture.synthetic` that finds something else: what was
kept before is then found anew."""
_ANSWER_CHARACTERS = 20_000
"""Of a reply, so much is compared with others."""
_SOURCE_CHARACTERS = 80


def rules_of(trust: Trust) -> str:
    """The rules that facts are found by, in 32 characters. Whatever is weighed when it is asked for
    is none of them."""
    found = [
        VERSION,
        trust.outside_tools,
        trust.inside_tools,
        sorted(trust.untrusted_keys),
        [*trust.untrusted_channels.items()],
    ]
    return blake2b(orjson.dumps(found), digest_size=16).hexdigest()


class Facts(NamedTuple):
    """What an exchange brings into its conversation by itself."""

    outside: str | None
    """Why its request holds text from outside; None when it holds none."""
    source: str | None
    """Why who sent it is not trusted; None when that one is."""
    asked: bytes | None
    """Id of the message that a person said last; None when nobody said any."""
    brought: tuple[bytes, ...]
    """Ids of the messages from outside that came since the reply before, in order."""

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What of it speaks against training."""
        told: tuple[tuple[HoldCode, str | None], ...] = (
            ("outside_text", self.outside),
            ("untrusted_source", self.source),
        )
        return tuple(Hold(code, text) for code, text in told if text is not None)


def facts_of(
    ids: Sequence[bytes],
    said: Sequence[Said],
    key: str | None,
    headers: Mapping[str, str],
    trust: Trust,
) -> Facts:
    """Of a request with these messages, by this API key. `headers` by names in lower case."""
    found = spans(said, trust, lambda _: None)
    asked = [id_ for id_, each in zip(ids, said, strict=True) if _is_persons(each)]
    return Facts(
        outside=next((span.why or "" for span in found if _is_outside(span)), None),
        source=_untrusted(key, headers, trust),
        asked=asked[-1] if asked else None,
        brought=tuple(_brought(ids, said, found))[::-1],
    )


class Place(NamedTuple):
    """An exchange, as far as what it carries on goes."""

    id: str
    conversation: str
    parent: str | None
    """The conversation on whose behalf its own was begun; None when it is nobody's."""
    aside: bool
    """An agent asks it on the side, and what comes of it goes back to that conversation."""


class Since(NamedTuple):
    """A reason that a conversation carries, and the exchange with which it came."""

    hold: Hold
    id: str


class Carried:
    """What conversations have read, by the order of their exchanges' ids."""

    def __init__(self, known: Mapping[str, Sequence[Since]] | None = None) -> None:
        """`known`: what is known of some, each in the order it came."""
        self.known = {name: list(each) for name, each in (known or {}).items()}

    def before(self, place: Place) -> tuple[Hold, ...]:
        """What an exchange's conversation had read when it came."""
        own = self._until(place.conversation, place.id)
        return own if place.parent is None else joined(own, self._until(place.parent, place.id))

    def new(self, place: Place, own: Sequence[Hold]) -> list[tuple[str, Hold]]:
        """What conversations carry from this exchange on, by `own` reasons or those before it, and
        did not: each with the conversation. While it is nothing, all that is known stays right."""
        holds = joined(self.before(place), own)
        goes_to = [place.conversation]
        if place.parent is not None and place.aside:
            goes_to.append(place.parent)
        return [
            (conversation, earlier(hold))
            for conversation in goes_to
            for hold in holds
            if not self._has(conversation, hold.code, place.id)
        ]

    def take(self, place: Place, own: Sequence[Hold]) -> None:
        """Take an exchange of these `own` reasons: each once, in the order of their ids."""
        for conversation, hold in self.new(place, own):
            self.known.setdefault(conversation, []).append(Since(hold, place.id))

    def _until(self, conversation: str, id_: str) -> tuple[Hold, ...]:
        return tuple(each.hold for each in self.known.get(conversation, ()) if each.id < id_)

    def _has(self, conversation: str, code: HoldCode, id_: str) -> bool:
        known = self.known.get(conversation, ())
        return any(each.hold.code == code and each.id <= id_ for each in known)


class Heard(NamedTuple):
    """What people said of an exchange, as far as they are trusted."""

    verdict: Feedback | None
    """What was said last of whether it may train; None when nothing was."""
    praised: bool
    """Somebody called it good."""

    @property
    def refused(self) -> bool:
        """It may never train."""
        return self.verdict is not None and self.verdict.train is False

    @property
    def approved(self) -> bool:
        """Somebody said that it may train, or that it was good."""
        return self.praised or (self.verdict is not None and self.verdict.train is True)


NOTHING = Heard(None, praised=False)
"""Nobody said anything."""


def heard(said: Sequence[Feedback], trust: Trust) -> Heard:
    """What was said that counts for one exchange."""
    counted = counting(said, trust.untrusted_keys)
    praised = any(code == "praised" for code, _ in evidence_of(counted))
    return Heard(verdict_of(counted), praised)


def weighed(
    own: Sequence[Hold], before: Sequence[Hold], said: Heard, *, keeps_out: bool
) -> tuple[Hold, ...]:
    """Why an exchange does not train, by its own reasons and those its conversation carried.
    `keeps_out`: a cloud model wrote it, and the settings keep that out."""
    if said.refused:
        return (_REFUSED,)
    holds = () if said.verdict is not None else joined(own, before)
    return (*holds, _CLOUD) if keeps_out else holds


def standing_out(
    flagged: Mapping[str, Sequence[Flag]], said: Mapping[str, Heard]
) -> dict[str, tuple[Flag, ...]]:
    """Of what is flagged, what waits for that: neither approved, by itself or by another of its
    cluster, nor refused. `said`: of the exchanges that were spoken of."""
    approved = {id_ for id_, each in said.items() if each.verdict and each.verdict.train is True}
    lifted = set(_clusters(flagged, approved))
    left = {
        id_: tuple(flag for flag in flags if (flag.code, flag.like) not in lifted)
        for id_, flags in flagged.items()
        if id_ not in approved and not said.get(id_, NOTHING).refused
    }
    return {id_: flags for id_, flags in left.items() if flags}


def source_of(key: str | None, headers: Mapping[str, str], trust: Trust) -> str:
    """Who sent an exchange: the key, and the channel where the settings know any."""
    channels = [headers.get(name, "") for name in sorted(trust.untrusted_channels)]
    return " ".join([key or "", *(each[:_SOURCE_CHARACTERS] for each in channels)]).strip()


def answered_with(reply: Message, said: Sequence[Feedback], trust: Trust) -> str:
    """What would train of an exchange, as it compares with others."""
    shown = demonstration_of(counting(said, trust.untrusted_keys))
    calls = [f"{call.name} {call.arguments}" for call in reply.tool_calls]
    answered = "\n".join([reply.text, *calls]) if shown is None else shown
    return answered[:_ANSWER_CHARACTERS]


_REFUSED = Hold("refused", "somebody said that it may never train")
_CLOUD = Hold("cloud_text", "a cloud model wrote it (`capture.trust.cloud_text: keep_out`)")


def _is_persons(said: Said) -> bool:
    return said.role == "user" and not said.synthetic


def _is_outside(span: Span) -> bool:
    return span.cause == "tool" and not span.trusted


def _brought(ids: Sequence[bytes], said: Sequence[Said], found: Sequence[Span]) -> Iterator[bytes]:
    """Messages from outside that came since the reply before, the last first."""
    for at in range(len(said) - 1, -1, -1):
        if said[at].role == "assistant":
            return
        if _is_outside(found[at]):
            yield ids[at]


def _untrusted(key: str | None, headers: Mapping[str, str], trust: Trust) -> str | None:
    if key is not None and key in trust.untrusted_keys:
        return f"it came from the key `{key}`"
    for header, patterns in trust.untrusted_channels.items():
        value = headers.get(header)
        if value is not None and matches(patterns, value):
            return f"it came by `{header}: {value[:80]}`"
    return None


def _clusters(
    flagged: Mapping[str, Sequence[Flag]], approved: AbstractSet[str]
) -> Iterator[tuple[AnomalyCode, str]]:
    """Those of which some member is approved."""
    for id_, flags in flagged.items():
        for flag in flags:
            if id_ in approved or flag.like in approved:
                yield flag.code, flag.like
