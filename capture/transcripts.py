"""Transcripts as linking reads them: on from where an earlier request ended, if they begin with it.

An agent's request repeats the one before and says a little more, so what it repeats is neither
looked up nor hashed again, however long it has become.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from capture.conversations import UNNAMED, Known, Name, know, last_reply, unsaid
from capture.messages import Message
from capture.plain import message_of
from capture.said import MESSAGE_ID_BYTES
from capture.store.links import Links

_REMEMBERED_MESSAGES = 12_000
_REMEMBERED_TRANSCRIPTS = 1_000
_REMEMBERED_WHOLE = 2_000_000
"""Characters of messages that are remembered whole."""
_LONG = 8_000
"""Characters of a message from which on it is not."""
_OVERHEAD = 500
"""What remembering a message takes beside its text, in characters."""
_NEW = 12
"""A request goes on from another by so many messages at most to be read on from there."""
_Whole = Message | Mapping[str, Any]
NOTHING = Known("system", b"")
"""What is known of a message that is not there."""


class Memory:
    """Messages read for linking, remembered by id.

    Bounded: of what was not asked for lately, half is forgotten at a time.
    """

    def __init__(
        self, links: Links, size: int = _REMEMBERED_MESSAGES, characters: int = _REMEMBERED_WHOLE
    ) -> None:
        self._links = links
        self._half = size // 2
        self._recent: dict[bytes, Known] = {}
        self._older: dict[bytes, Known] = {}
        self._half_characters = characters // 2
        self._whole: dict[bytes, tuple[_Whole, int]] = {}
        self._older_whole: dict[bytes, tuple[_Whole, int]] = {}
        """Those that were read lately, as the store has them until somebody asks, and their
        characters."""
        self._characters = 0
        """Of `_whole`."""

    def whole(self, ids: Sequence[bytes]) -> list[Message]:
        """Messages whole, in this order."""
        found: dict[bytes, _Whole] = {
            id_: known for id_ in ids if (known := self._whole_of(id_)) is not None
        }
        if len(found) < len(ids):
            found |= self._said({id_ for id_ in ids if id_ not in found})
        return [self._message(id_, found[id_]) for id_ in ids]

    def is_reply(self, id_: bytes) -> bool:
        """Whether a message was read lately, and is a model's."""
        known = self._recent.get(id_)
        return known is not None and known.role == "assistant"

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

    def _whole_of(self, id_: bytes) -> _Whole | None:
        if (known := self._whole.get(id_)) is not None:
            return known[0]
        if (known := self._older_whole.get(id_)) is None:
            return None
        self._remember(id_, *known)
        return known[0]

    def _message(self, id_: bytes, whole: _Whole) -> Message:
        if isinstance(whole, Message):
            return whole
        message = message_of(whole)
        if (known := self._whole.get(id_)) is not None:
            self._whole[id_] = message, known[1]
        return message

    def _said(self, ids: Collection[bytes]) -> Mapping[bytes, Mapping[str, Any]]:
        said = self._links.messages(ids) if ids else {}
        for id_, plain in said.items():
            if (size := _size(plain)) <= _LONG:
                self._remember(id_, plain, size)
        return said

    def _remember(self, id_: bytes, whole: _Whole, size: int) -> None:
        if self._characters > self._half_characters:
            self._older_whole, self._whole, self._characters = self._whole, {}, 0
        self._whole[id_] = whole, size
        self._characters += size + _OVERHEAD


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
    start: int
    """Number of the message after that one; nought when there is none."""
    unnamed: Sequence[int]
    """Numbers of the messages that name nothing: what the system and the developer say."""

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
        """By their API key, how long they are, and the message that ends them."""

    def read(self, key: str | None, joined: bytes) -> Transcript:
        """What these ids name, said by this API key."""
        begun = self._begun(key, joined)
        if begun is not None and len(begun.joined) == len(joined):
            return begun
        found = self._read_on(begun or Transcript(b"", (), (), unsaid(key), b"", 0, ()), joined)
        if len(self._recent) >= self._half:
            self._older, self._recent = self._recent, {}
        self._recent[key, len(joined), joined[-MESSAGE_ID_BYTES:]] = found
        return found

    def ahead(self, requests: Sequence[bytes], replies: Sequence[bytes]) -> None:
        """Look up at once what these say that was not read yet: replies, and requests as far back
        as to the last reply that was."""
        said = [id_ for joined in requests for id_ in self._last_said(joined)]
        self._memory.read([*said, *[reply for reply in replies if reply]])

    def _last_said(self, joined: bytes) -> Iterator[bytes]:
        """Ids of a request's last messages, back to a reply that is remembered."""
        size = MESSAGE_ID_BYTES
        for end in range(len(joined), max(len(joined) - _NEW * size, 0), -size):
            id_ = joined[end - size : end]
            if self._memory.is_reply(id_):
                return
            yield id_

    def _begun(self, key: str | None, joined: bytes) -> Transcript | None:
        """The longest that was read lately of those it begins with."""
        size = len(joined)
        for end in range(size, max(size - (_NEW + 1) * MESSAGE_ID_BYTES, 0), -MESSAGE_ID_BYTES):
            where = key, end, joined[end - MESSAGE_ID_BYTES : end]
            found = self._recent.get(where) or self._older.get(where)
            if found is not None and joined.startswith(found.joined):
                return found
        return None

    def _read_on(self, begun: Transcript, joined: bytes) -> Transcript:
        ids = split(joined[len(begun.joined) :])
        known = self._memory.read(ids)
        first = len(begun.ids)
        name, continues, start = begun.name, begun.continues, begun.start
        end = last_reply(known)
        if end:
            name = name.after(known[:end])
            continues, start = name.digest(), first + end
        name = name.after(known[end:])
        unnamed = [first + at for at, each in enumerate(known) if each.role in UNNAMED]
        return Transcript(
            joined,
            [*begun.ids, *ids],
            [*begun.known, *known],
            name,
            continues,
            start,
            [*begun.unnamed, *unnamed],
        )


def _size(plain: Mapping[str, Any]) -> int:
    """Characters of what a message says and calls."""
    said = sum([len(part.get("text") or "") for part in plain.get("content", ())])
    return said + sum([len(call["arguments"]) for call in plain.get("tool_calls", ())])


def split(joined: bytes) -> list[bytes]:
    """Message ids, one by one."""
    size = MESSAGE_ID_BYTES
    return [joined[at : at + size] for at in range(0, len(joined), size)]
