"""What models thought, kept between turns because clients drop it.

Claude signs its thinking and wants it back, unchanged, with the tool results that follow. OpenAI
clients throw it away, so the gateway holds whole assistant turns as the model wrote them and puts
them back when the client repeats the turn in its own words. The memory is bounded in bytes, forgets
the least recently used turn first, lives in this process only, and belongs to one thread. After a
restart it can be filled again from the raw replies in the store (`Anthropic.warm`).

Nothing here knows a wire format: a turn's blocks are opaque and its keys are the dialect's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ENTRY_OVERHEAD = 512
"""Bytes that one turn costs beside its text, about."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One assistant turn as its model wrote it."""

    prefix: bytes
    """Digest of all that was sent before it: system, tools and messages."""
    blocks: tuple[Mapping[str, Any], ...]
    """Its content, thinking and signatures included, in order; never changed."""


@dataclass(frozen=True, slots=True)
class _Entry:
    turn: Turn
    keys: tuple[str, ...]
    size: int


class ThinkingStore:
    """A bounded memory of turns by key, and of what requests in flight have sent."""

    def __init__(self, max_bytes: int = 16 * 1024 * 1024, max_in_flight: int = 4096) -> None:
        self._max_bytes = max_bytes
        self._max_in_flight = max_in_flight
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._by_key: dict[str, int] = {}
        self._sent: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._next = 0
        self.bytes = 0
        """Bytes held now, about."""

    @property
    def turns(self) -> int:
        """How many turns it holds."""
        return len(self._entries)

    def sending(self, request_id: str, model: str, prefix: bytes) -> None:
        """Remember what a request sends, until its reply asks with `sent`."""
        self._sent[request_id, model] = prefix
        if len(self._sent) > self._max_in_flight:
            self._sent.popitem(last=False)

    def sent(self, request_id: str, model: str) -> bytes | None:
        """What that request sent, told once; None when it is not known any more."""
        return self._sent.pop((request_id, model), None)

    def keep(self, keys: Sequence[str], turn: Turn, size: int) -> None:
        """Hold a turn of about `size` bytes under each of `keys`; a key's older turn is let go."""
        size += _ENTRY_OVERHEAD
        if not keys or size > self._max_bytes:
            return
        for key in keys:
            self._drop(self._by_key.get(key))
        number = self._next
        self._next += 1
        self._entries[number] = _Entry(turn, tuple(keys), size)
        self._by_key.update(dict.fromkeys(keys, number))
        self.bytes += size
        while self.bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def recall(self, key: str) -> Turn | None:
        """The turn under `key`, or None when there is none or it was forgotten."""
        number = self._by_key.get(key)
        if number is None:
            return None
        self._entries.move_to_end(number)
        return self._entries[number].turn

    def _drop(self, number: int | None) -> None:
        entry = None if number is None else self._entries.pop(number, None)
        if entry is None:
            return
        self.bytes -= entry.size
        for key in entry.keys:
            self._by_key.pop(key, None)
