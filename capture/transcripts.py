"""Transcripts as linking reads them: on from where an earlier request ended, if they begin with it.

An agent's request repeats the one before and says a little more, so what it repeats is neither
looked up nor hashed again, however long it has become.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from capture.conversations import Known, Name, know, replied, unsaid
from capture.messages import Message
from capture.plain import message_of
from capture.said import MESSAGE_ID_BYTES
from capture.store.links import Links

_REMEMBERED_MESSAGES = 20_000
_REMEMBERED_TRANSCRIPTS = 1_000
_REMEMBERED_WHOLE = 512
_LONG = 8_000
"""Characters of a message from which on it is not remembered whole."""
_NEW = 12
"""A request goes on from another by so many messages at most to be read on from there."""
NOTHING = Known("system", b"")
"""What is known of a message that is not there."""


class Memory:
    """Messages read for linking, remembered by id.

    Bounded: of what was not asked for lately, half is forgotten at a time.
    """

    def __init__(self, links: Links, size: int = _REMEMBERED_MESSAGES) -> None:
        self._links = links
        self._half = size // 2
        self._recent: dict[bytes, Known] = {}
        self._older: dict[bytes, Known] = {}
        self._whole: dict[bytes, Mapping[str, Any]] = {}
        """The last few that were read, as the store has them."""

    def whole(self, ids: Sequence[bytes]) -> list[Message]:
        """Messages whole, in this order."""
        known = self._whole
        missing = {id_ for id_ in ids if id_ not in known}
        said = self._said(missing) if missing else {}
        return [message_of(dict(said[id_] if id_ in said else known[id_])) for id_ in ids]

    def read(self, ids: Sequence[bytes]) -> list[Known]:
        """The messages of these ids, in this order."""
        recent = self._recent
        found = list(map(recent.get, ids))
        if not all(found):
            fresh = self._find({id_ for id_ in ids if id_ not in recent})
            found = [known or fresh[id_] for id_, known in zip(ids, found, strict=True)]
        return cast("list[Known]", found)

    def _find(self, ids: Collection[bytes]) -> dict[bytes, Known]:
        found = {id_: known for id_ in ids if (known := self._older.get(id_)) is not None}
        said = self._said([id_ for id_ in ids if id_ not in found])
        found |= {id_: know(plain) for id_, plain in said.items()}
        if len(self._recent) + len(found) > self._half:
            self._older, self._recent = self._recent, {}
        self._recent |= found
        return {id_: found.get(id_, NOTHING) for id_ in ids}

    def _said(self, ids: Collection[bytes]) -> dict[bytes, Mapping[str, Any]]:
        said = self._links.messages(ids)
        short = {id_: plain for id_, plain in said.items() if _is_short(plain)}
        if len(self._whole) + len(short) > _REMEMBERED_WHOLE:
            self._whole = {}  # another one: somebody may be reading this
        if len(short) <= _REMEMBERED_WHOLE:
            self._whole |= short
        return said


@dataclass(frozen=True, slots=True)
class Transcript:
    """The messages of one request."""

    joined: bytes
    """Their ids, one after the other."""
    ids: Sequence[bytes]
    known: Sequence[Known]
    """What linking needs of each."""
    name: Name
    """Of all of it."""
    continues: bytes
    """Name of what ends with its last assistant message; empty when there is none."""

    def name_with(self, reply: Known) -> bytes:
        """Name of the transcript that ends with this reply."""
        return self.name.after((reply,)).digest()


class Transcripts:
    """Those read lately, by how they end. Not thread-safe.

    Bounded, as `Memory` is.
    """

    def __init__(self, memory: Memory, size: int = _REMEMBERED_TRANSCRIPTS) -> None:
        self._memory = memory
        self._half = size // 2
        self._recent: dict[tuple[str | None, int, bytes], Transcript] = {}
        self._older: dict[tuple[str | None, int, bytes], Transcript] = {}

    def read(self, key: str | None, joined: bytes) -> Transcript:
        """What these ids name, said by this API key."""
        begun = self._begun(key, joined)
        if begun is not None and len(begun.joined) == len(joined):
            return begun
        found = self._read_on(begun or Transcript(b"", (), (), unsaid(key), b""), joined)
        if len(self._recent) >= self._half:
            self._older, self._recent = self._recent, {}
        self._recent[_end(key, joined, len(joined))] = found
        return found

    def ahead(self, joined: Sequence[bytes]) -> None:
        """Look up at once what transcripts end in, a reply or a request's last messages."""
        some = b"".join([each[-_NEW * MESSAGE_ID_BYTES :] for each in joined])
        self._memory.read(list(set(split(some))))

    def _begun(self, key: str | None, joined: bytes) -> Transcript | None:
        """The longest that was read lately of those it begins with."""
        size = len(joined)
        for end in range(size, max(size - (_NEW + 1) * MESSAGE_ID_BYTES, 0), -MESSAGE_ID_BYTES):
            where = _end(key, joined, end)
            found = self._recent.get(where) or self._older.get(where)
            if found is not None and joined.startswith(found.joined):
                return found
        return None

    def _read_on(self, begun: Transcript, joined: bytes) -> Transcript:
        ids = split(joined[len(begun.joined) :])
        known = self._memory.read(ids)
        name, continues = begun.name, begun.continues
        if ends := replied(known):
            name = name.after(known[: ends[0]])
            continues = name.digest()
        name = name.after(known[ends[0] if ends else 0 :])
        return Transcript(joined, [*begun.ids, *ids], [*begun.known, *known], name, continues)


def _is_short(plain: Mapping[str, Any]) -> bool:
    texts = (part.get("text") for part in plain.get("content", ()))
    return sum(len(text) for text in texts if text) <= _LONG and "tool_calls" not in plain


def split(joined: bytes) -> list[bytes]:
    """Message ids, one by one."""
    size = MESSAGE_ID_BYTES
    return [joined[at : at + size] for at in range(0, len(joined), size)]


def _end(key: str | None, joined: bytes, end: int) -> tuple[str | None, int, bytes]:
    return key, end, joined[end - MESSAGE_ID_BYTES : end]
