"""Questions that Majordomo asks by itself, as replies: written, known again, and taken out. Pure.

Clients send them back with every later request of the conversation. No model is to see them, nor
the yes or no that answered them, nor the command `/escalate`: they are said to Majordomo. What is
left is what a model was asked, and the same in every later request. A question is known by its
words, so that it is known after a restart, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

from capture.exchange import Candidate
from capture.narrowing import list_of, object_of
from capture.synthetic import is_synthetic
from routers.constraints import dollars
from routers.yes_or_no import yes_or_no

Word = Literal["yes", "no", "escalate"]
"""What a user says of spending: to a question, or by the command."""
Message = Mapping[str, Any]

_HEAD = "Majordomo asks before it spends money."
_TAIL = "Yes or no?"
_COMMAND = re.compile(r"\s*/escalate(?=\s|\Z)\s*", re.IGNORECASE)
_ALONE = frozenset({"role", "content", "name"})
"""Fields of a message that can be joined to another."""


class Transcript(NamedTuple):
    """A request's messages without what was said to Majordomo."""

    messages: list[Any]
    """Those that the client sent, all of them, where nothing was."""
    word: Word | None = None
    """What the user said in the turn that goes on; None: nothing of the kind."""
    changed: bool = False
    """Something was taken out."""


def question(id_: str, candidate: Candidate, usd: float | None, why: str) -> str:
    """Whether this exchange may go to a place that costs `usd` at most (None: nobody knows)."""
    price = "at a price that is not known" if usd is None else f"for up to {dollars(usd)}"
    place = f"{candidate.model} at {candidate.upstream} ({candidate.mode.upper()})"
    return (
        f"{_HEAD} This would go to {place} {price}: {' '.join(why.split())}. "
        f"`majordomo explain {id_}` says more; `/escalate` at the head of a message goes to BURST "
        f"unasked. {_TAIL}"
    )


def is_question(message: Message) -> bool:
    """Whether this is one that `question` wrote."""
    if message.get("role") != "assistant":
        return False
    text = _text(message)
    return text is not None and text.startswith(_HEAD) and text.rstrip().endswith(_TAIL)


def taken_out(messages: list[Any]) -> Transcript:
    """The messages without questions, the plain words that answer them, and the command. Where no
    message of a user or a tool would be left, all of them stay."""
    if not any(map(_is_ours, messages)):
        return Transcript(messages)
    left = _Left()
    for message in messages:
        left.take(message)
    if not any(each["role"] in ("user", "tool", "function") for each in left.messages):
        return Transcript(messages)
    return Transcript(left.messages, left.word, changed=True)


class _Left:
    """What is left of a transcript so far, and what the user said of spending in its last turn."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.word: Word | None = None
        self._asked = False
        """The message before was a question."""

    def take(self, message: Message) -> None:
        """Read the next message."""
        asks = is_question(message)
        if message["role"] == "user":
            self._take_user(message)
        elif not asks:
            self.messages.append(message)
        self._asked = asks

    def _take_user(self, message: Message) -> None:
        said, left = _heard(message, asked=self._asked)
        if said is not None or not is_synthetic(_text(left) or ""):
            self.word = said
        before = self.messages[-1]["role"] if self.messages else None
        if left and self._asked and before == "user":
            self._join(left)
        elif left:
            self.messages.append(left)
        elif not self._asked and before == "assistant":
            self.messages.pop()  # the answer that is to be given again, by BURST

    def _join(self, message: Message) -> None:
        """Add what follows another message of the user, now that the question between them is gone:
        some models take no two in a row."""
        before = self.messages[-1]
        first, then = before.get("content"), message.get("content")
        if isinstance(first, str) and isinstance(then, str) and not {*before, *message} - _ALONE:
            self.messages[-1] = {**before, "content": f"{first}\n\n{then}"}
        else:
            self.messages.append(message)


def _is_ours(message: Message) -> bool:
    """Something of this message was said by Majordomo or to it."""
    if message["role"] == "user":
        text = _text(message)
        return text is not None and _COMMAND.match(text) is not None
    return is_question(message)


def _heard(message: Message, *, asked: bool) -> tuple[Word | None, Message]:
    """What a user's message says of spending, and what is left of it: empty when nothing is."""
    text = _text(message)
    if text is None:
        return None, message
    command = _COMMAND.match(text)
    if command is not None:
        left = text[command.end() :]
        return "escalate", _saying(message, left) if left or _has_more(message) else {}
    answer = yes_or_no(text) if asked and not _has_more(message) else None
    return (None, message) if answer is None else ("yes" if answer else "no", {})


def _text(message: Message) -> str | None:
    """What a message says first, in words; None when it begins otherwise."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts: Sequence[object] = list_of(content)
    text = (object_of(parts[0]) or {}).get("text") if parts else None
    return text if isinstance(text, str) else None


def _has_more(message: Message) -> bool:
    """Whether it says more than its first words: pictures, documents."""
    return len(list_of(message.get("content"))) > 1


def _saying(message: Message, text: str) -> Message:
    """The message with other first words."""
    content = message["content"]
    if isinstance(content, str):
        return {**message, "content": text}
    first, *rest = cast("list[dict[str, Any]]", content)
    return {**message, "content": [*([{**first, "text": text}] if text else []), *rest]}
