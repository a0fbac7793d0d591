"""What a request goes on from: the exchange it continues, or the one on whose behalf it is asked.

The transcript decides, the last reply in it first: by its whole name; by the id of a call that it
answers; by its spot, where a client has rewritten what came before; then by the replies before it.
Of several exchanges that fit, the likeliest is that of the same session, then of the same
instructions, then the one that nobody has continued yet.

What agents ask on the side repeats no transcript: it quotes. A sub-agent's task is, word for word,
an argument of the call that delegated it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import orjson

from capture.conversations import (
    Known,
    call_as_said,
    calls_answered,
    named_calls,
    names,
    replied,
    spot,
)
from capture.ids import first_id, time_of
from capture.store.links import Ended, Links
from capture.view import View

_CALLS_LOOKED_UP = 8
_LATELY_SECONDS = 900.0
"""How long ago an agent may have asked for what is asked now on its behalf."""
_TASK_WORDS = 3
"""A delegated task has at least so many: shorter arguments are anything."""
_QUOTED = 100
"""Characters of what was said that an agent quotes, at least, when it asks on the side."""
_TELLING = 12
"""So many characters of a user's words make a quote by themselves; fewer need the reply beside."""


class Found(NamedTuple):
    """An exchange that a request repeats."""

    id: str
    start: int
    """Number of the request's message after that exchange's reply."""
    elsewhere: bool
    """Its client gives the two different sessions: a copy that goes its own way."""


class Predecessors:
    """Finds them in one transaction. Not thread-safe."""

    def __init__(self, links: Links, view: View) -> None:
        self._links = links
        self._view = view

    def find(self, ended: Ended) -> Found | None:
        """The exchange that this one, which repeats a reply, goes on from; None when there is
        none."""
        request = self._view.request(ended)
        if found := self._ending_in(request.continues, ended, request.start):
            return found
        self._view.flush()
        asked = request.known
        last, *others = replied(asked)
        return (
            self._by_calls(calls_answered(asked), ended, last)
            or self._by_spot(ended, asked, last)
            or self._by_others(ended, asked, others)
            or self._by_calls(asked[last - 1].calls, ended, last)
        )

    def asked_for(self, ended: Ended) -> str | None:
        """The turn on whose behalf an agent asks this on the side: the session's latest, else the
        latest quoted of the conversation that is quoted most. None when none is known."""
        self._view.flush()
        if ended.session is not None:
            return self._links.in_session(ended.session, ended.key, ended.id)
        ids = self._view.request(ended).ids
        text = _words("\n".join(said.text for said in self._view.messages(ids)))
        quoted, whole = Counter[str](), Counter[str]()
        latest: dict[str, str] = {}
        for turn in self._links.said_lately(ended.key, ended.id, _lately(ended)):
            id_, conversation, said, answer = turn[0], turn[1], _begun(turn[2]), _begun(turn[3])
            whole[conversation] += len(said) + len(answer)
            if much := _quoted(text, said, answer):
                quoted[conversation] += much
                latest.setdefault(conversation, id_)
        # much of it, and much of it all: neither a word that many say nor a long talk's part
        best = max(quoted, key=lambda name: quoted[name] ** 2 / whole[name], default=None)
        return None if best is None else latest[best]

    def delegated_by(self, ended: Ended) -> str | None:
        """The exchange whose reply delegated this request's only task to a sub-agent; None when it
        is nobody's."""
        if not ended.tools:
            return None
        asked = self._view.request(ended)
        said = zip(asked.ids, asked.known, strict=True)
        tasks = [id_ for id_, known in said if known.role == "user"]
        if len(tasks) != 1 or any(known.role == "assistant" for known in asked.known):
            return None
        self._view.flush()
        lately = self._links.called_lately(ended.key, ended.id, _lately(ended))
        if not lately:
            return None
        task = _words(self._view.messages(tasks)[0].text)
        if task.count(" ") < _TASK_WORDS - 1:
            return None
        return next((id_ for id_, arguments in lately if _holds(arguments, task)), None)

    def _by_others(self, ended: Ended, asked: Sequence[Known], ends: Sequence[int]) -> Found | None:
        """At a reply before the last: what follows it was edited, or is not ours, or was asked in
        words that the client has changed since."""
        named = names(ended.key, asked, ends)
        for end in ends:
            if found := self._ending_in(named[end], ended, end):
                return self._onwards(found, ended, asked)
        for end in ends:
            if found := self._by_spot(ended, asked, end):
                return self._onwards(found, ended, asked)
        return None

    def _onwards(self, found: Found, ended: Ended, asked: Sequence[Known]) -> Found:
        """From an exchange on to those that gave the replies after it."""
        for end in range(found.start + 1, len(asked) + 1):
            if asked[end - 1].role != "assistant" or not asked[end - 1].digest:
                continue
            later = self._giving(asked[end - 1].digest, self._links.continuing(found.id, ended.id))
            if not later:
                break
            found = found._replace(id=later[0], start=end)
        return found

    def _ending_in(self, tail: bytes, ended: Ended, end: int) -> Found | None:
        return self._likeliest(self._view.ending_in(tail, ended.id), ended, end)

    def _by_spot(self, ended: Ended, asked: Sequence[Known], end: int) -> Found | None:
        """An exchange asked at the same spot that gave the same reply."""
        where = spot(ended.key, asked[: end - 1])
        if where is None:
            return None
        there = self._giving(asked[end - 1].digest, self._links.asked_at(where, ended.id))
        return self._likeliest(there, ended, end)

    def _giving(self, reply: bytes, ids: Sequence[str]) -> list[str]:
        """Those of these exchanges whose reply has this digest."""
        found = ((id_, self._view.exchange(id_)) for id_ in ids)
        return [
            id_
            for id_, other in found
            if other is not None and self._view.reply(other).digest == reply
        ]

    def _by_calls(self, call_ids: Sequence[str], ended: Ended, end: int) -> Found | None:
        for call_id in call_ids[:_CALLS_LOOKED_UP]:
            if (caller := self._caller(call_id, ended, end)) is not None:
                return self._likeliest([caller], ended, end)
        return None

    def _caller(self, call_id: str, ended: Ended, end: int) -> str | None:
        """Which exchange made a call of a transcript nobody knows. Ids that a model numbers from
        nought mean little: where several made a call of this id, it must be the same call, and of
        one conversation."""
        callers = self._links.callers(call_id, ended.key, ended.id)
        if len({caller.id for caller in callers}) > 1:
            (said,) = self._view.messages([self._view.request(ended).ids[end - 1]])
            wanted = named_calls(said.tool_calls, call_id)
            callers = [c for c in callers if call_as_said(c.name, c.arguments) in wanted]
            if len({caller.conversation for caller in callers}) > 1:
                return None
        return callers[0].id if callers else None

    def _likeliest(self, ids: Sequence[str], ended: Ended, end: int) -> Found | None:
        """Of exchanges that fit, given the latest first; of one conversation only the latest does:
        the others were taken back."""
        others = [other for id_ in ids if (other := self._view.exchange(id_)) is not None]
        if not others:
            return None
        best = others[0]
        if len(others) > 1:
            self._view.flush()
            others = list({self._conversation(other): other for other in reversed(others)}.values())
            instructions = self._view.instructions(ended)
            best = max(
                others,
                key=lambda other: (
                    other.session == ended.session,
                    self._view.instructions(other) == instructions,
                    not self._links.is_continued(other.id),
                    other.id,
                ),
            )
        sessions = {best.session, ended.session} - {None}
        elsewhere = len(sessions) > 1 and not self._renamed(best, ended, end)
        return Found(best.id, end, elsewhere)

    def _renamed(self, before: Ended, ended: Ended, end: int) -> bool:
        """Whether the client gives one session another name with every request. A copy of a session
        goes on with what a person says; this goes on with the agent's own step, or such a step came
        just before, and nothing else has either name."""
        if any(self._links.is_named_again(each, ended.id) for each in (before, ended)):
            return False
        calls = self._view.reply(before).calls
        following = self._view.request(ended).known[end:]
        if following and all(known.answers in calls for known in following):
            return True
        place = self._view.turn(before.id)
        if place is None or place.continues is None:
            return False
        earlier = self._view.exchange(place.continues)
        return earlier is not None and earlier.session not in (None, before.session)

    def _conversation(self, ended: Ended) -> str:
        turn = self._view.turn(ended.id)
        return ended.id if turn is None else turn.conversation


def _lately(ended: Ended) -> str:
    """The least id that is recent for an exchange."""
    return first_id(time_of(ended.id) - _LATELY_SECONDS)


def _words(text: str) -> str:
    return " ".join(text.split())


def _begun(text: str | None) -> str:
    """How a text begins, as it may be quoted."""
    return _words(text or "")[:_QUOTED]


def _quoted(text: str, said: str, answer: str) -> int:
    """How many characters of a turn an agent's words on the side quote; none unless they tell."""
    if not said or said not in text:
        return 0
    if answer and answer in text:
        return len(said) + len(answer)
    return len(said) if len(said) >= _TELLING else 0


def _holds(arguments: str, task: str) -> bool:
    """Whether a call's arguments hold a task as one of their texts."""
    try:
        value: object = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return False
    return any(_words(text) == task for text in _texts(value))


def _texts(value: object) -> Iterable[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in cast("dict[str, Any]", value).values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _texts(each)
