"""Which conversation an exchange belongs to: what of a transcript names it, and what came next.

Clients send the whole transcript again with every request, but not byte for byte: they strip and
re-dump, leave reasoning out, change the system prompt, merge what a user said in two goes, cut old
results of tools. So a message counts by its role and what is left of it whatever they do:

    user        its lines, stripped; of users in a row, all of them, so that merging changes nothing
    assistant   its text without thinking, stripped, and the ids of its calls
    tool        the id of the call it answers; its text where there is none
    system      nothing

A transcript's name is its messages in order, and an exchange that repeats what an earlier one ended
with continues it. A *spot* names less: how a conversation began and what was said last. It finds
again what a client has rewritten in between.

Pure. API keys are part of every name: what two keys say never meets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from capture.messages import Role, ToolCall
from capture.side_calls import LABELS, Purpose, told_by_system, told_by_user
from capture.synthetic import is_synthetic

NAME_BYTES = 16
PREFIXES = 8
"""How many assistant messages, from the last one back, a request may continue at."""

UNNAMED = frozenset(("system", "developer"))
"""Roles whose messages name nothing."""

_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_WRAP = 1 << 8 * NAME_BYTES


class Known(NamedTuple):
    """What linking needs of one message, read once."""

    role: Role
    digest: bytes
    """Of its normal form; empty for a message that names nothing."""
    opening: bytes = b""
    """Digest of a user message's first line."""
    calls: tuple[str, ...] = ()
    """Ids of the tool calls an assistant message makes, empty ones left out."""
    answers: str | None = None
    """For a tool message: the id of the call it answers."""
    human: bool = False
    """A user message that the agent did not write itself."""
    purpose: Purpose | None = None
    """What it says its request is for; None when it says nothing of the kind."""


def know(plain: Mapping[str, Any]) -> Known:
    """A message as `capture.plain` writes it, read for linking."""
    role: Role = plain["role"]
    text = "".join(
        [part["text"] for part in plain.get("content", ()) if part["kind"] == "text"]
    ).strip()
    if role in UNNAMED:
        return Known(role, b"", purpose=told_by_system(text))
    if role == "user":
        human = not is_synthetic(text)
        digest, opening = _lines(text)
        return Known(role, digest, opening, human=human, purpose=told_by_user(text))
    if role == "tool":
        answers = plain.get("tool_call_id")
        return Known(role, _digest("tool", answers or text), answers=answers)
    text = spoken(text)
    called = plain.get("tool_calls", ())
    if not text and not called:
        return Known(role, b"")  # clients drop such a turn
    calls = tuple([call["id"] for call in called if call["id"]])
    return Known(role, _digest("assistant", *calls, text), calls=calls)


class Name(NamedTuple):
    """A transcript's name, to be gone on from. Transcripts of different API keys never share one;
    users in a row are one message."""

    hashed: blake2b
    """Over all messages but the last; never fed once it is in here."""
    last: bytes
    """Digest of the last message, or of the users in a row that it ends."""
    after_user: bool

    def after(self, said: Iterable[Known]) -> Name:
        """The name once this is said too."""
        hashed, last, after_user = self.hashed.copy(), self.last, self.after_user
        for known in said:
            if digest := known.digest:
                user = known.role == "user"
                if user and after_user:
                    last = _added(last, digest)
                else:
                    hashed.update(last)
                    last = digest
                after_user = user
        return Name(hashed, last, after_user)

    def digest(self) -> bytes:
        """The name itself."""
        hashed = self.hashed.copy()
        hashed.update(self.last)
        return hashed.digest()


def unsaid(key: str | None) -> Name:
    """The name of a transcript in which nothing was said yet."""
    return Name(blake2b(digest_size=NAME_BYTES), _seed(key), after_user=False)


def spoken(text: str) -> str:
    """An assistant's text without the thinking that some models write before it."""
    return _THOUGHT.sub("", text, count=1).strip() if "<think>" in text else text.strip()


def names(key: str | None, transcript: Sequence[Known], ends: Collection[int]) -> dict[int, bytes]:
    """By their number: the names of a transcript's first so many messages."""
    found: dict[int, bytes] = {}
    name, start = unsaid(key), 0
    for end in sorted(ends):
        name, start = name.after(transcript[start:end]), end
        found[end] = name.digest()
    return found


def spot(key: str | None, asked: Sequence[Known]) -> bytes | None:
    """Where in which conversation something is asked, by how that began and what was said last;
    None when nothing was said."""
    first = next((known.opening for known in asked if known.opening), None)
    last = _last_said(asked)
    return None if first is None or last is None else _digest_bytes(_seed(key), first, last)


def purpose_of(
    asked: Sequence[Known], instructions: Known | None, skill: str | None
) -> Purpose | None:
    """What a request is for; None for a turn of a conversation. `instructions` is the first message
    of it that names nothing; `skill` is what its client calls it."""
    if skill is not None and (labelled := LABELS.get(skill)):
        return labelled
    said = next((known for known in reversed(asked) if known.role == "user"), None)
    if said is not None and said.purpose is not None:
        return said.purpose
    return None if instructions is None else instructions.purpose


def replied(asked: Sequence[Known]) -> list[int]:
    """Where a request may continue something: the numbers of the messages that follow its assistant
    messages, the last first."""
    found: list[int] = []
    for end in range(len(asked), 0, -1):
        if asked[end - 1].role == "assistant" and asked[end - 1].digest:
            found.append(end)
            if len(found) == PREFIXES:
                break
    return found


def last_reply(asked: Sequence[Known]) -> int:
    """The first of what `replied` finds; nought where there is none."""
    for end in range(len(asked), 0, -1):
        if asked[end - 1].role == "assistant" and asked[end - 1].digest:
            return end
    return 0


def calls_answered(asked: Sequence[Known]) -> tuple[str, ...]:
    """Ids of the calls that a request's new tool messages answer: those after its last assistant
    message. Empty when nothing was called."""
    ids: list[str] = []
    for known in reversed(asked):
        if known.role == "assistant":
            break
        if known.answers:
            ids.append(known.answers)
    return tuple(dict.fromkeys(reversed(ids)))


def named_calls(calls: Sequence[ToolCall], id_: str) -> list[tuple[str, object]]:
    """What the calls of this id call, and with what."""
    return [call_as_said(call.name, call.arguments) for call in calls if call.id == id_]


def call_as_said(tool: str, arguments: str) -> tuple[str, object]:
    """A call as it compares: clients write arguments anew, with other blanks and keys sorted."""
    try:
        return tool, orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return tool, arguments.strip()


def next_state(asked: Sequence[Known], start: int) -> int:
    """Where the next state of the reply before `start` ends: before the next assistant message."""
    for end in range(start, len(asked)):
        if asked[end].role == "assistant":
            return end
    return len(asked)


def begins_user_turn(asked: Sequence[Known]) -> bool:
    """Whether a person spoke since the last assistant message."""
    for known in reversed(asked):
        if known.role == "assistant":
            return False
        if known.human:
            return True
    return True


def _last_said(asked: Sequence[Known]) -> bytes | None:
    """The last message, or the run of user messages that it ends."""
    said: bytes | None = None
    for known in reversed(asked):
        if not known.digest:
            continue
        if known.role != "user":
            return said or known.digest
        said = _added(said, known.digest) if said else known.digest
    return said


def _lines(text: str) -> tuple[bytes, bytes]:
    """A text by its lines: such digests add up to that of the texts together. And its first line
    alone, which stays the first whatever is merged with it. Both empty when it says nothing."""
    lines = [_digest("user", line) for each in text.splitlines() if (line := each.strip())]
    if not lines:
        return b"", b""
    return _added(*lines) if len(lines) > 1 else lines[0], lines[0]


def _added(*digests: bytes) -> bytes:
    return (sum(map(int.from_bytes, digests)) % _WRAP).to_bytes(NAME_BYTES)


def _digest(*parts: str) -> bytes:
    return blake2b("\0".join(parts).encode(), digest_size=NAME_BYTES).digest()


def _digest_bytes(*parts: bytes) -> bytes:
    return blake2b(b"".join(parts), digest_size=NAME_BYTES).digest()


@lru_cache(maxsize=256)
def _seed(key: str | None) -> bytes:
    return _digest("open") if key is None else _digest("key", key)
