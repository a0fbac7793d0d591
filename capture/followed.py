"""A failed reply and what came next: the next state that says what was wrong with it. Pure.

What a later request of the same conversation holds after the reply is its next state. It is read
here as linking reads it (`capture.outcomes`), so that what goes with a reply is the very part of
its conversation that its outcome rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from capture.conversations import Known, know, next_state
from capture.holds import OF_REQUESTS, Hold
from capture.messages import Message
from capture.narrowing import Json, list_of, object_of
from capture.outcomes import WEIGHTS, Evidence, from_next
from capture.plain import plain_message
from capture.replies import read_message
from capture.synthetic import is_synthetic
from capture.trainable import TrainableTurn


@dataclass(frozen=True, slots=True)
class Followed:
    """A reply that failed, and what its conversation did next."""

    turn: TrainableTurn
    next: tuple[Json, ...]
    """The messages after the reply, up to the next one: tools' results, what the user said."""
    evidence: tuple[Evidence, ...]
    """What speaks for failure in them; a correction comes first."""
    private: bool
    """The request that told of them never leaves home."""
    held: tuple[Hold, ...] = ()
    """Why that request does not train; what speaks of its reply alone left out."""


def followed(
    turn: TrainableTurn, request: Json, *, private: bool, held: tuple[Hold, ...] = ()
) -> Followed | None:
    """The reply with its next state, as a later request tells it; None when the reply is not in
    that request, or nothing after it says what was wrong."""
    said = list(_read(request))
    messages = [message for _, message in said]
    known = [know(plain_message(message)) for message in messages]
    reply = read_message(turn.reply)
    start = None if reply is None else _after(known, know(plain_message(reply)))
    if reply is None or start is None:
        return None
    end = next_state(known, start)
    evidence = from_next(_asked(turn.request), reply, messages[start:end])
    failed = [each for each in evidence if WEIGHTS[each[0]][0] == "failure"]
    if not failed:
        return None
    failed.sort(key=lambda each: each[0] != "correction")
    following = tuple(entry for entry, _ in said[start:end])
    asked = tuple(hold for hold in held if hold.code in OF_REQUESTS)
    return Followed(turn, following, tuple(failed), private, asked)


def _read(request: Json) -> Iterator[tuple[Json, Message]]:
    """A request's messages, as they stand there and read."""
    for entry in list_of(request.get("messages")):
        found, message = object_of(entry), read_message(entry)
        if found is not None and message is not None:
            yield found, message


def _after(known: Sequence[Known], reply: Known) -> int | None:
    """The number of the message after the latest that is this reply: the same to linking, or one
    that makes a call of the same id."""
    for end in range(len(known), 0, -1):
        found = known[end - 1]
        if found.role == "assistant" and (
            (reply.digest and found.digest == reply.digest) or set(found.calls) & set(reply.calls)
        ):
            return end
    return None


def _asked(request: Json) -> str | None:
    """The last thing a person said before the reply."""
    people = (each.text for _, each in reversed([*_read(request)]) if each.role == "user")
    return next((text for text in people if not is_synthetic(text)), None)
