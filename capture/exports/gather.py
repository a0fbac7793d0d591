"""Turns gathered into conversations: each as its last turn tells it, with every reply's thinking.

Clients leave thinking out when they send a conversation again; here it is put back into the replies
it came with, and each reply has what came of it. Thinking that a client tells is nobody's: only
what was recorded stands there. A conversation with a reply that may not be learned
(`TrainableTurn.history`) makes none. Turns wait in a temporary database of SQLite's, on
disk and gone when closed, so memory does not grow.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

from capture.exports.chat import Unsayable, objects
from capture.exports.manifest import Left
from capture.outcomes import OutcomeName
from capture.trainable import TrainableTurn

Json = Mapping[str, Any]
"""Somebody else's JSON object: every value is to be narrowed before use."""

_IMAGES = frozenset(("image", "image_url", "input_image"))
_THINKING = frozenset(("reasoning_content", "reasoning", "thinking"))
"""Fields of a message, and types of its parts, that hold thinking."""
_SCHEMA = """
PRAGMA journal_mode=OFF;
PRAGMA cache_size=-8000;
BEGIN;
CREATE TABLE last(conversation TEXT PRIMARY KEY, exchange TEXT, messages TEXT, tools TEXT,
                  began_at REAL, model TEXT, completed INTEGER, spoiled TEXT);
CREATE TABLE replies(conversation TEXT, exchange TEXT, key TEXT, thinking TEXT, outcome TEXT,
                     confidence REAL, evidence TEXT, PRIMARY KEY(conversation, exchange));
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """A gathered turn's reply, among the messages of its conversation."""

    exchange: str
    thinking: str | None
    outcome: OutcomeName
    confidence: float
    evidence: tuple[str, ...]
    """As `TrainableTurn` has these three."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, up to its last gathered turn."""

    exchanges: tuple[str, ...]
    """Ids of the gathered exchanges whose replies are in it, in order."""
    replies: Mapping[int, Reply]
    """Those replies, by the number of their message."""
    messages: Sequence[Json]
    """As the last turn's client sent them, and the reply to it; `reasoning_content` put back."""
    tools: Sequence[Json]
    """Offered with the last turn."""
    began_at: float
    """When the last turn began, in Unix seconds."""
    model: str
    """Who answered it."""
    completed: bool
    """It ended in an answer rather than a tool call, and not in a known failure."""


def conversations(turns: Iterable[TrainableTurn | Left]) -> Iterator[Conversation | Left]:
    """What is left out already, and turns that cannot be gathered, as they come; then each
    conversation, by the id of its first exchange."""
    with closing(Gathered()) as gathered:
        for turn in turns:
            if isinstance(turn, Left):
                yield turn
                continue
            try:
                gathered.add(turn)
            except Unsayable as error:
                yield Left(turn.id, str(error))
        yield from gathered.conversations()


class Gathered:
    """Takes turns in the order of their exchanges, gives conversations."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Drop everything."""
        self._db.close()

    def add(self, turn: TrainableTurn) -> None:
        """Take one turn: the last of its conversation until a later one comes. Raises Unsayable."""
        asked = objects(turn.request.get("messages"), "messages")
        tools = objects(turn.request.get("tools") or [], "tools")
        self._db.execute(
            "INSERT OR REPLACE INTO replies VALUES(?,?,?,?,?,?,?)",
            (
                turn.conversation,
                turn.id,
                _key(turn.reply),
                thinking_of(turn.reply),
                turn.outcome,
                turn.confidence,
                json.dumps(turn.evidence),
            ),
        )
        self._db.execute(
            "INSERT OR REPLACE INTO last VALUES(?,?,?,?,?,?,?,?)",
            (
                turn.conversation,
                turn.id,
                json.dumps([*asked, turn.reply]),
                json.dumps(tools),
                turn.began_at,
                turn.model,
                not calls_of(turn.reply) and turn.outcome != "failure",
                turn.history[0].code if turn.history else None,
            ),
        )

    def conversations(self) -> Iterator[Conversation | Left]:
        """Each, by the id of its first exchange; for one that is not to be learned, its last."""
        for row in self._db.execute("SELECT * FROM last ORDER BY conversation"):
            conversation, last, messages, tools, began_at, model, completed, spoiled = row
            if spoiled is not None:
                yield Left(last, spoiled)
                continue
            known = _found(messages := json.loads(messages), self._replies(conversation))
            yield Conversation(
                tuple(sorted({*(reply.exchange for reply in known.values()), last})),
                known,
                [_thought(message, known.get(at)) for at, message in enumerate(messages)],
                json.loads(tools),
                began_at,
                model,
                bool(completed),
            )

    def _replies(self, conversation: str) -> dict[str, list[Reply]]:
        """Replies, in order, by their key."""
        replies: dict[str, list[Reply]] = {}
        found = self._db.execute(
            "SELECT key, exchange, thinking, outcome, confidence, evidence FROM replies "
            "WHERE conversation = ? ORDER BY exchange",
            (conversation,),
        )
        for key, exchange, thinking, outcome, confidence, codes in found:
            evidence = tuple(json.loads(codes))
            reply = Reply(exchange, thinking, outcome, confidence, evidence)
            replies.setdefault(key, []).append(reply)
        return replies


def text_of(content: object) -> str:
    """A message's text, as Hermes keeps it: images are a word."""
    if isinstance(content, str):
        return content
    parts = cast("list[object]", content) if isinstance(content, list) else []
    return "".join(_part(part) for part in parts)


def calls_of(message: Json) -> list[Json]:
    """A message's tool calls."""
    calls = message.get("tool_calls")
    entries = cast("list[object]", calls) if isinstance(calls, list) else []
    return [cast("Json", call) for call in entries if isinstance(call, dict)]


def function_of(call: Json) -> Json:
    """A call's or a tool's function; empty when it has none."""
    function: object = call.get("function")
    return cast("Json", function) if isinstance(function, dict) else {}


def thinking_of(message: Json) -> str | None:
    """What a reply was thinking; None when nothing says."""
    found = message.get("reasoning_content") or message.get("reasoning")
    return found if isinstance(found, str) and found.strip() else None


def _found(messages: Sequence[Json], replies: dict[str, list[Reply]]) -> dict[int, Reply]:
    """The replies that are among the messages, by their numbers; each is found once."""
    found: dict[int, Reply] = {}
    for number, message in enumerate(messages):
        candidates = replies.get(_key(message)) if message.get("role") == "assistant" else None
        if candidates:
            found[number] = candidates.pop(0)
    return found


def _thought(message: Json, reply: Reply | None) -> Json:
    """A message with the thinking that came with it, and no other."""
    told = {name: value for name, value in message.items() if name not in _THINKING}
    if reply is None or reply.thinking is None:
        return told
    return {**told, "reasoning_content": reply.thinking}


def _key(message: Json) -> str:
    """What a reply is known by when clients send it again: the ids of its calls, else its text."""
    ids = [str(call.get("id") or "") for call in calls_of(message)]
    return "\0".join(ids) if any(ids) else text_of(message.get("content")).strip()


def _part(part: object) -> str:
    found: Json = cast("Json", part) if isinstance(part, dict) else {}
    kind = str(found.get("type"))
    if kind in _IMAGES:
        return "[screenshot]"
    if kind in _THINKING:
        return ""
    text: object = found.get("text")
    return text if isinstance(text, str) else ""
