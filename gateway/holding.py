"""Local replies held back until they are checked, so that the client sees one answer and no other.

Checked is whether a reply fits the tools (`routers.verify`) and, where the decision asks for a
second opinion, whether another local model says the same (`gateway.opinions`). Where the decision
has replies weighed, `gateway.weighing` says all there is to say.

Which places' replies are to be checked, the decision says (`RouteDecision.checked`); one is held
while some later place could answer instead. A held reply is kept whole, read as it arrives, and
then handed over, or dropped as unfit so that the next place is tried. A stream that grows past what
is held is handed over unchecked, and its record says so; a reply that is not streamed is whole
before anything of it goes out, and is checked up to the longest that the gateway takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from capture.exchange import Reason
from capture.messages import Message
from capture.replies import Choice, ReplyReader
from gateway.errors import UpstreamError
from gateway.opinions import Opinions
from gateway.upstreams.base import ChatRequest, ReplyEnd, StreamReader
from routers.verify import unfit

HELD_BYTES = 4 * 1024 * 1024
"""Most bytes of a streamed reply that are held."""
TOO_LONG = f"the reply was handed over unchecked: it is longer than {HELD_BYTES} bytes"
LAST_RESORT = "the reply was handed over although it is unfit: no other place answered"
WORDS = "the reply was handed over unchecked: it began with words, and those are not held"
ALONE = "the reply was handed over although no second opinion confirms it: no other place answered"
WORTH_LEAVING = "the reply was handed over although BURST was to answer: no other place answered"
NO_CHOICE = Choice(0, Message("assistant"), None)
"""What a reply without any comes down to."""

Weighs = Callable[[Choice], tuple[Reason, bool] | None]
"""Why a reply must not go out now, and whether an agent could run it; None: it goes out."""


class UnfitReply(UpstreamError):
    """A held reply that is not fit. Never told to a client: another place answers, or, where none
    does, this very reply is what it gets."""

    code = "unfit_reply"

    def __init__(self, fault: Reason, upstream: str, *, fit: bool) -> None:
        super().__init__(fault.text, upstream=upstream)
        self.turned = fault.code if fit else "unfit"
        """What led away from this place, in a word."""
        self.fit = fit
        """Nothing is wrong with the reply but that nobody confirmed it."""


class Held:
    """One attempt's reply, held back; reads a stream as the reader it stands before does."""

    def __init__(
        self,
        request: ChatRequest,
        elsewhere: Callable[[], bool],
        opinions: Opinions | None = None,
        weighs: Weighs | None = None,
        *,
        words: bool = True,
    ) -> None:
        """`elsewhere` says whether a later place could still answer; `opinions` are those of other
        places, None where none is asked for, and `weighs` those of the learning router. Without
        that, `request` offers tools. `words` says whether a reply that begins with them is held."""
        body = request.body
        self.done = False
        self.note: str | None = None
        """What the record is to say of how it was held; None: nothing."""
        self.confirmed = False
        """Another local model said the same."""
        self.elsewhere = elsewhere
        self._opinions, self._weighs = opinions, weighs
        self._tools = cast("list[Any]", body.get("tools") or body.get("functions"))
        self._choice = body.get("tool_choice", body.get("function_call"))
        self._kept: list[bytes] = []
        self._size = 0
        self._said = ReplyReader()
        self._words = words
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
        if not self._words and self._said.talks:
            self.note = WORDS
        elif self._size <= HELD_BYTES:
            return b""
        else:
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

    def fault(self) -> tuple[Reason, bool] | None:
        """The reply is whole: what speaks against it, and whether it is fit all the same. None when
        nothing does, or it went out long ago."""
        if self.note is not None:
            return None
        choices = self._said.finish().choices
        if self._weighs is not None:
            return self._weighs(choices[0] if choices else NO_CHOICE)
        for choice in choices:
            wrong = unfit(choice.message, self._tools, self._choice)
            if wrong is not None:
                return wrong, False
        if self._opinions is None or len(choices) != 1:
            return None
        alone = self._opinions.against(choices[0].message)
        self.confirmed = alone is None
        return None if alone is None else (alone, True)

    def _all(self) -> bytes:
        kept = b"".join(self._kept)
        self._kept.clear()
        return kept
