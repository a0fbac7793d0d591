"""Local replies held back until they are checked, so that the client sees one answer and no other.

A reply is held when it comes from home, the request offers tools, the settings ask for it and some
later place could answer instead; every other reply streams as it comes. A held reply is kept whole,
read as it arrives, and then handed over, or dropped as unfit so that the next place is tried. One
that grows past what is held is handed over unchecked, and its record says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from capture.replies import ReplyReader
from gateway.errors import UpstreamError
from gateway.upstreams.base import ChatRequest, ReplyEnd, StreamReader
from routers.verify import unfit

HELD_BYTES = 4 * 1024 * 1024
"""Most bytes of a streamed reply that are held."""
TOO_LONG = f"the reply was handed over unchecked: it is longer than {HELD_BYTES} bytes"


class UnfitReply(UpstreamError):
    """A held reply that must not be handed over. Never told to a client: another place answers."""

    code = "unfit_reply"


class Held:
    """One attempt's reply, held back; reads a stream as the reader it stands before does."""

    def __init__(
        self, upstream: str, tools: Sequence[object], choice: object, elsewhere: Callable[[], bool]
    ) -> None:
        """`tools` and `choice` (the `tool_choice`) are as the client wrote them; `elsewhere` says
        whether a later place could still answer."""
        self.done = False
        self.note: str | None = None
        """What the record is to say of how it was held; None: nothing."""
        self._upstream = upstream
        self._tools = tools
        self._choice = choice
        self._elsewhere = elsewhere
        self._kept: list[bytes] = []
        self._size = 0
        self._said = ReplyReader()
        self._stream: StreamReader

    def before(self, reader: StreamReader) -> Held:
        """Hold back what `reader` gives for the client."""
        self._stream = reader
        return self

    def feed(self, data: bytes) -> bytes:
        """Nothing, while it holds; all there is, once it is too long to be held."""
        out = self._stream.feed(data)
        self.done = self._stream.done
        if self.note is not None:
            return out
        self.keep(out)
        if self._size <= HELD_BYTES:
            return b""
        self.note = TOO_LONG
        return self._all()

    def finish(self) -> tuple[bytes, ReplyEnd]:
        tail, end = self._stream.finish()
        if self.note is None:
            self.keep(tail)
            tail = self._all()
        return tail, end

    def keep(self, out: bytes) -> None:
        """Read a piece of the reply, or all of it."""
        self._kept.append(out)
        self._size += len(out)
        self._said.feed(out)

    def check(self) -> None:
        """The reply is whole: raises UnfitReply when another place is to answer instead."""
        if self.note is not None:
            return
        choices = self._said.finish().choices
        found = (unfit(choice.message, self._tools, self._choice) for choice in choices)
        reason = next((reason for reason in found if reason is not None), None)
        if reason is not None and self._elsewhere():
            raise UnfitReply(reason.text, upstream=self._upstream)

    def _all(self) -> bytes:
        kept = b"".join(self._kept)
        self._kept.clear()
        return kept


def held(request: ChatRequest, upstream: str, elsewhere: Callable[[], bool]) -> Held | None:
    """How a local place's reply to this request is held; None when it goes out as it comes."""
    tools = request.body.get("tools")
    if not isinstance(tools, list) or not tools or not elsewhere():
        return None
    return Held(upstream, cast("list[Any]", tools), request.body.get("tool_choice"), elsewhere)
