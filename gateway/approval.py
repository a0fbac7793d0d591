"""Approval: what the user said of spending money, how long it counts, and whether to ask him.

A yes, a no and `/escalate` count for the task they were said in, as long as a latch would hold it.
Within the user's turn they are read off the transcript; for its later turns this process remembers
them, so that after a restart the user is asked again. Nothing is decided here but what may be asked
and what must stay home: `routers.decide` goes by that, and `gateway.asking` asks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

import orjson

from capture.side_calls import LABELS, told_by_system, told_by_user
from capture.synthetic import is_synthetic
from gateway.conversation_modes import conversation_of
from gateway.dialects.anthropic_parts import plain_text
from gateway.errors import ClientError
from gateway.questions import Word, taken_out
from gateway.seeing import is_turn, latest_of
from gateway.upstreams.base import ChatRequest
from routers.escalation import AUTO
from routers.features import Features
from routers.latch import Latch, TakenOn, latched
from routers.yes_or_no import yes_or_no

APPROVE_HEADER = "x-majordomo-approve"
"""`yes` or `no`, in place of the words: for clients that are programs."""
TAKEN_OUT = "what was said to Majordomo itself (questions, answers, /escalate) was left out"
_MOST = 10_000
_ESCALATED = "the user asked for burst with /escalate"
_REFUSED = "the user said no to spending money on it"
_IN_A_LOOP = "nobody is asked in the middle of a tool loop whether to spend money"
_ON_THE_SIDE = "nobody is asked whether to spend money on what an agent asks on the side"
_IN_A_FORM = "a question has not the form of reply that is demanded, so money is not spent"


class Said(NamedTuple):
    """What the user said of one task."""

    word: Word
    since: float
    """When, in Unix seconds."""
    turns: int = 1
    """Turns of the user that it has counted for."""


class Heard(NamedTuple):
    """A request, and what may become of it as far as money goes."""

    request: ChatRequest
    """Without what was said to Majordomo itself."""
    notes: tuple[str, ...] = ()
    """What was left out of it, one clause each."""
    asks: bool = False
    """Before it is sent to a place that is not free, the user is to be asked."""
    escalated: str | None = None
    """As `Features` has it."""
    stays_home: str | None = None
    """As `Features` has it."""
    conversation: bytes | None = None
    """What its conversation is known by; None where no word can count for it."""
    said: Said | None = None
    """What counts for the task from now on; None: nothing was said of it."""

    def onto(self, features: Features) -> Features:
        """The features of this request, with what was heard."""
        if self.escalated is None and self.stays_home is None:
            return features
        return replace(features, escalated=self.escalated, stays_home=self.stays_home)


class Words:
    """What users said, of up to 10,000 conversations, the least recent forgotten first."""

    def __init__(self) -> None:
        self._said: OrderedDict[bytes, Said] = OrderedDict()

    def get(self, conversation: bytes) -> Said | None:
        """What was said last in it; None where nothing is remembered."""
        return self._said.get(conversation)

    def keep(self, heard: Heard) -> None:
        """Remember what counts from this request on."""
        if heard.conversation is None or heard.said is None:
            return
        self._said[heard.conversation] = heard.said
        self._said.move_to_end(heard.conversation)
        if len(self._said) > _MOST:
            self._said.popitem(last=False)


def attend(
    words: Words,
    latch: Latch,
    request: ChatRequest,
    headers: Mapping[str, str],
    key: str | None,
    session: str | None,
    now: float,
) -> Heard:
    """What this request says of spending money. Nothing is remembered by it.

    `latch` tells how long a word holds; `headers`, `key`, `session` and `now` are as for
    `gateway.seeing.see`. Raises ClientError for a header that says neither yes nor no.
    """
    told = _by_header(headers.get(APPROVE_HEADER))
    transcript = taken_out(request.body["messages"])
    notes = (TAKEN_OUT,) if transcript.changed else ()
    if transcript.changed:
        body = {**request.body, "messages": transcript.messages}
        request = replace(request, raw=orjson.dumps(body), body=body)
    if request.alias != AUTO:
        return Heard(request, notes)
    conversation = conversation_of(request, session, key)
    before = words.get(conversation)
    word = told or transcript.word
    if word is not None:
        goes_on = (
            before is not None and before.word == word and not is_turn(request.body["messages"])
        )
        said = before if goes_on else Said(word, now)
    else:
        said = _still(latch, before, request.body["messages"], now)
    if said is not None:
        escalated = _ESCALATED if said.word == "escalate" else None
        stays = _REFUSED if said.word == "no" else None
        return Heard(request, notes, False, escalated, stays, conversation, said)
    unaskable = _unaskable(request.body)
    return Heard(request, notes, unaskable is None, None, unaskable, conversation)


def _by_header(value: str | None) -> Word | None:
    if value is None:
        return None
    said = yes_or_no(value)
    if said is None:
        text = f"`{APPROVE_HEADER}` must be yes or no"
        raise ClientError(text, code="bad_header", param=APPROVE_HEADER)
    return "yes" if said else "no"


def _still(latch: Latch, said: Said | None, messages: list[Any], now: float) -> Said | None:
    """What was said, where the task goes on that it was said of."""
    if said is None:
        return None
    latest = latest_of(messages)
    turn = _person_speaks(messages)
    if not turn:
        latest = replace(latest, speaker="tool")
    if latched(latch, TakenOn(now - said.since, said.turns), latest) is None:
        return None
    return said._replace(turns=said.turns + turn)


def _person_speaks(messages: list[Any]) -> bool:
    """It is a person who speaks last: neither a tool nor the agent itself."""
    return is_turn(messages) and not is_synthetic(plain_text(messages[-1].get("content")))


def _unaskable(body: Mapping[str, Any]) -> str | None:
    """Why the user must not be asked now; None when he may be."""
    messages = cast("list[dict[str, Any]]", body["messages"])
    if not _person_speaks(messages):
        return _IN_A_LOOP
    if _on_the_side(body, messages):
        return _ON_THE_SIDE
    wanted = body.get("response_format")
    form = cast("dict[str, Any]", wanted).get("type") if isinstance(wanted, dict) else None
    if form not in (None, "text") or body.get("tool_choice") not in (None, "auto", "none"):
        return _IN_A_FORM
    return None


def _on_the_side(body: Mapping[str, Any], messages: list[dict[str, Any]]) -> bool:
    metadata = body.get("metadata")
    task = cast("dict[str, Any]", metadata).get("hermes_task") if isinstance(metadata, dict) else ""
    if isinstance(task, str) and task in LABELS:
        return True
    if told_by_user(plain_text(messages[-1].get("content"))) is not None:
        return True
    first = messages[0]
    told = plain_text(first.get("content")) if first["role"] in ("system", "developer") else ""
    return told_by_system(told) is not None
