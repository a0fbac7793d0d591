"""The latch: a task that BURST took on stays there until it is done. Pure.

Another model in the middle of a tool loop has to make sense of calls it did not make, and the
prompt cache of the first one is lost (docs/escalation.md has what that costs). So while a latch is
set, `auto` requests of a conversation that BURST answered last go to BURST, whatever rules and
history say. A task is done when its last reply called no tool and the user then begins something
else, or when the latch's own limits are reached. What its price buys is nothing where the client
asks for a mode by name: that always counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from capture.cues import approves, asks_again, corrects
from capture.embedding import embed

GoesOn = Literal["loop", "correction", "follow_up", "new_topic", "begins"]
"""How a request goes on: with a tool's result; with the user saying that the reply was wrong or
asking again; with more of the same; with something else; or there was no reply yet."""

_ALIKE = 0.25
"""The cosine from which on two texts are about the same thing (`capture.recall.ALIKE`)."""
_FEW_WORDS = 4
"""A turn with fewer words (`go on`, `yes, both`) says nothing of its own."""
_WHY: dict[GoesOn, str] = {
    "loop": "a tool's result comes back",
    "correction": "the user is not content yet",
    "follow_up": "the user goes on with it",
}


@dataclass(frozen=True, slots=True)
class Latch:
    """How long a task may keep BURST."""

    turns: int | None = None
    """Most turns of the user that BURST answers of one task; None: no limit."""
    minutes: float | None = None
    """Longest time since BURST took it on; None: no limit."""


@dataclass(frozen=True, slots=True)
class TakenOn:
    """A conversation that BURST answered last."""

    seconds: float
    """Since BURST took it on."""
    turns: int
    """Turns of the user that it has answered since."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The end of a request's transcript."""

    speaker: Literal["tool", "user", "other"]
    """Who said the last message."""
    said: str = ""
    """What the user said last."""
    reply: str | None = None
    """The last reply before it; None when there was none."""
    before: str = ""
    """What the user said before that reply."""


def latched(latch: Latch, taken: TakenOn, latest: Latest) -> str | None:
    """Why the task goes on, as a clause for people; None when it is done."""
    if latch.minutes is not None and taken.seconds >= latch.minutes * 60:
        return None
    how = goes_on(latest)
    over = latch.turns is not None and taken.turns >= latch.turns
    if how != "loop" and over:
        return None
    why = _WHY.get(how)
    return None if why is None else f"burst took this task on and it is not done: {why}"


def goes_on(latest: Latest) -> GoesOn:
    """How a request goes on from the reply before it."""
    if latest.reply is None:
        return "begins"
    if latest.speaker != "user":
        return "loop"
    if corrects(latest.said) or asks_again(latest.said, latest.before):
        return "correction"
    if approves(latest.said):
        return "new_topic"
    if len(latest.said.split()) < _FEW_WORDS:
        return "follow_up"
    near = max(_alike(latest.said, latest.before), _alike(latest.said, latest.reply))
    return "follow_up" if near >= _ALIKE else "new_topic"


def _alike(one: str, other: str) -> float:
    first, second = embed(one), embed(other)
    if first is None or second is None:
        return 0.0
    return sum(a * b for a, b in zip(first, second, strict=True))
