"""What of a file is to be imported: which exchanges, and which are there already. Pure but for what
it asks of the store.

A file is surveyed whole before anything of it is kept. An exchange is there already when its id is,
or when some exchange ends in the same transcript, whoever served it: what an agent recorded of
requests that went through this gateway is not taken again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import orjson

from capture.conversations import names
from capture.exchange import Mode
from capture.imported import Imported
from capture.imports import Conversation, Format, Found, Skipped
from capture.imports.replay import Replayed, replayed, transcript
from capture.replies import read_tools
from routers.skills import skill_of

MOST_SKIPPED = 1000
"""So many are told one by one."""
LOGS = frozenset((Format.CLAUDE_API, Format.LITELLM, Format.HELICONE))
"""Formats in which one conversation's exchanges are apart, and in any order."""
_PLAIN = ("at", "format", "model", "mode", "session", "skill")


class Seen(Protocol):
    """What is here already."""

    def known(self, ids: Collection[str]) -> set[str]: ...
    def endings(self, tails: Collection[bytes]) -> set[bytes]: ...
    def keys(self) -> list[str | None]:
        """The API keys under which it may be; None, for no key, among them."""
        ...


@dataclass(slots=True)
class Survey:
    """What a file holds."""

    format: Format
    """Of the file."""
    conversations: int = 0
    """That have an exchange."""
    known: set[str] = field(default_factory=set[str])
    """Ids of exchanges that are here already, or stand in the file before as others."""
    new: set[str] = field(default_factory=set[str])
    """Ids of all others."""
    bytes: int = 0
    """Of those: their requests and replies."""
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    """The first of what is not imported, in the order of the file."""
    skipped_count: int = 0
    """How many there are."""

    def skip(self, skipped: Skipped) -> None:
        """Note one."""
        self.skipped_count += 1
        if len(self.skipped) < MOST_SKIPPED:
            self.skipped.append(skipped)


def survey(found: Iterable[Found], format: Format, seen: Seen) -> Survey:
    """Look through a file."""
    told = Survey(format)
    keys = seen.keys()
    tails: set[bytes] = set()
    for each in found:
        if isinstance(each, Skipped):
            told.skip(each)
            continue
        made = _made(each, told)
        told.conversations += bool(made)
        here = _here(each, made, keys, seen, tails)
        for one in made:
            if one.id in told.new:
                continue  # conversations that part later have it in common
            if one.end in here:
                told.known.add(one.id)
            else:
                told.new.add(one.id)
                told.bytes += one.size
    return told


def exchanges(
    found: Iterable[Found], format: Format, wanted: Collection[str], mode: Mode | None = None
) -> Iterator[Imported]:
    """Those of these ids, each once, their skills named, so that a conversation's are in order.
    `mode` is what the user says that they are; None goes by the models' names."""
    made = _exchanges(found, format, set(wanted), mode)
    return _in_order(made) if format in LOGS else made


def _exchanges(
    found: Iterable[Found], format: Format, left: set[str], mode: Mode | None
) -> Iterator[Imported]:
    for each in found:
        if isinstance(each, Skipped):
            continue
        skill = _skill(each)
        for one in replayed(each, format):
            if isinstance(one, Replayed) and one.exchange.id in left:
                left.remove(one.exchange.id)
                yield replace(one.exchange, skill=skill, mode=mode or one.exchange.mode)


class _Made(NamedTuple):
    """An exchange, as far as a survey looks at it."""

    id: str
    """Of the exchange."""
    end: int
    """As `Replayed` has it."""
    size: int
    """Bytes of its request and reply."""


def _made(conversation: Conversation, told: Survey) -> list[_Made]:
    made: list[_Made] = []
    for one in replayed(conversation, told.format):
        if isinstance(one, Skipped):
            told.skip(one)
        else:
            exchange = one.exchange
            size = len(exchange.request) + len(exchange.reply)
            made.append(_Made(exchange.id, one.end, size))
    return made


def _here(
    conversation: Conversation,
    made: Sequence[_Made],
    keys: Sequence[str | None],
    seen: Seen,
    tails: set[bytes],
) -> set[int]:
    """Which of a conversation's exchanges are here already, by their ends. `tails` are what the
    file's own exchanges ended in so far."""
    if not made:
        return set()
    said = transcript(conversation)
    ends = {one.end for one in made}
    named = {key: names(key, said, ends) for key in keys}
    stored = seen.endings({tail for each in named.values() for tail in each.values()})
    known = seen.known({one.id for one in made})
    here = {one.end for one in made if one.id in known}
    here |= {end for each in named.values() for end, tail in each.items() if tail in stored}
    here |= {end for end, tail in named[None].items() if tail in tails}
    tails.update(named[None].values())
    return here


def _skill(conversation: Conversation) -> str | None:
    """What kind of task its exchanges are; None where nobody knows which tools were offered."""
    if conversation.tools is None:
        return None
    return skill_of(None, read_tools({"tools": list(conversation.tools)}))


def _in_order(made: Iterable[Imported]) -> Iterator[Imported]:
    """Exchanges by their ids, that is by when they happened: a log may be written backwards, and
    what goes on from another must come after it. They wait in a temporary database on disk."""
    with closing(sqlite3.connect("")) as waiting:
        waiting.execute("CREATE TABLE waiting(id TEXT PRIMARY KEY, rest BLOB) WITHOUT ROWID")
        for each in made:
            rest = orjson.dumps(
                [
                    *(getattr(each, name) for name in _PLAIN),
                    each.request.decode(),
                    each.reply.decode(),
                ]
            )
            waiting.execute("INSERT OR IGNORE INTO waiting VALUES (?, ?)", (each.id, rest))
        for id_, rest in waiting.execute("SELECT id, rest FROM waiting ORDER BY id"):
            *plain, request, reply = orjson.loads(rest)
            told = dict(zip(_PLAIN, plain, strict=True))
            told["mode"] = Mode(told["mode"])
            yield Imported(id=id_, request=request.encode(), reply=reply.encode(), **told)
