"""What people say of an exchange or a conversation, beside what was observed of it. Pure.

Feedback is evidence like any other (`capture.outcomes`), but said of the reply by somebody who is
known by the name of a key. It is kept whole, each piece for ever; for the outcome counts what each
speaker said last:

    value above 0.5     `praised`
    value below 0.5     `blamed`
    a demonstration     `demonstrated`, whatever the value: the reply that should have been given
    0.5 exactly         neither: takes back what the speaker said before
    a comment alone     nothing changes: it is there to be read

Whether the exchange may train is said beside that (`train`) and bears on no outcome: what was said
of it last counts, whoever said it.

Feedback about a conversation counts for the last exchange of it that has a reply.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from capture.ids import time_of
from capture.outcomes import Evidence, quote

Source = Literal["api", "cli", "page"]

COMMENT_CHARACTERS = 8_000
DEMONSTRATION_CHARACTERS = 100_000
IDEMPOTENCY_CHARACTERS = 128


class BadFeedback(ValueError):
    """Something that is no feedback. Its text says why, for people."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        """Which field is at fault."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One piece of feedback. Raises BadFeedback where it is none."""

    id: str
    """Made like an exchange's: ids sort by the time they were made."""
    exchange: str | None
    """Id of the exchange it is about; None for a conversation."""
    conversation: str | None
    """Id of an exchange of the conversation it is about; None for an exchange."""
    at: float
    """When it was said, in Unix seconds."""
    key: str | None
    """Name of the API key of who said it; None when the gateway ran without keys: the local
    user."""
    source: Source
    """The way it came in."""
    value: float | None
    """0 (bad) to 1 (good); None when nothing was said of that."""
    comment: str | None
    demonstration: str | None
    """Text of the reply that should have been given."""
    idempotency_key: str | None
    """What the speaker calls this piece, so that sending it again says it once; None: nothing."""
    train: bool | None = None
    """Whether the exchange may train: True approves it (`capture.vetting`), False keeps it out for
    ever; None when nothing was said of that."""

    def __post_init__(self) -> None:
        _check_about(self)
        if self.source not in get_args(Source):
            raise BadFeedback("source", f"`source` is one of {', '.join(get_args(Source))}")
        if self.value is not None and not 0 <= self.value <= 1:
            raise BadFeedback("value", "`value` is true, false, or a number from 0 to 1")
        if self.train not in (None, True, False):
            raise BadFeedback("train", "`train` is true (it may train) or false (it never may)")
        _check_text("comment", self.comment, COMMENT_CHARACTERS)
        _check_text("demonstration", self.demonstration, DEMONSTRATION_CHARACTERS)
        _check_text("idempotency_key", self.idempotency_key, IDEMPOTENCY_CHARACTERS)
        if all(each is None for each in (self.value, self.comment, self.demonstration, self.train)):
            raise BadFeedback(
                "value",
                "feedback says something: a `value`, a `comment`, a `demonstration` or `train`",
            )

    @property
    def about(self) -> str:
        """Id of the exchange that it names, as itself or for its conversation."""
        about = self.exchange or self.conversation
        assert about is not None
        return about

    @property
    def judges(self) -> bool:
        """It says whether the reply was good, beyond a comment."""
        return self.value is not None or self.demonstration is not None

    def says_as(self, other: Feedback) -> bool:
        """Both say the same of the same, whenever and on whichever way."""
        names = ("exchange", "conversation", "key", "value", "comment", "demonstration", "train")
        return all(getattr(self, name) == getattr(other, name) for name in names)


_LATER = ("train",)
"""Fields that older records do not have."""
_FIELDS = tuple(field.name for field in fields(Feedback) if field.name not in _LATER)


def feedback_of(plain: Mapping[str, Any]) -> Feedback:
    """The feedback that its fields in JSON tell. Raises KeyError and ValueError."""
    told: dict[str, Any] = {name: plain[name] for name in _FIELDS}
    told |= {name: plain.get(name) for name in _LATER}
    return Feedback(**told)


def standing(said: Iterable[Feedback]) -> list[Feedback]:
    """What each speaker said last that judges, the latest speaker last."""
    newest: dict[str | None, Feedback] = {}
    for each in sorted(said, key=lambda feedback: feedback.id):
        if each.judges:
            newest.pop(each.key, None)
            newest[each.key] = each
    return list(newest.values())


def evidence_of(said: Iterable[Feedback]) -> list[Evidence]:
    """All that is said of one exchange, as evidence of what came of it."""
    found = ((_code(each), each) for each in standing(said))
    return [(code, _clause(code, each)) for code, each in found if code is not None]


def demonstration_of(said: Iterable[Feedback]) -> str | None:
    """The reply that should have been given, as the latest speaker who says so has it; None when
    nobody does."""
    shown = [each.demonstration for each in standing(said) if each.demonstration is not None]
    return shown[-1] if shown else None


def counting(said: Iterable[Feedback], untrusted: Collection[str]) -> list[Feedback]:
    """What was said by keys that are trusted: only that decides what may train, and is learned."""
    return [each for each in said if each.key is None or each.key not in untrusted]


def verdict_of(said: Iterable[Feedback]) -> Feedback | None:
    """What was said last of whether an exchange may train; None when nothing was."""
    verdicts = [each for each in said if each.train is not None]
    return max(verdicts, key=lambda each: each.id, default=None)


def _code(said: Feedback) -> str | None:
    if said.demonstration is not None:
        return "demonstrated"
    if said.value is None or said.value == 0.5:
        return None
    return "praised" if said.value > 0.5 else "blamed"


def _clause(code: str, said: Feedback) -> str:
    who = "the local user" if said.key is None else f"`{said.key}`"
    of = "it" if said.conversation is None else "the conversation"
    if code == "demonstrated":
        text = f"{who} says what the reply should have been"
    elif said.value in (0.0, 1.0):
        text = f"{who} calls {of} {'good' if said.value else 'bad'}"
    else:
        text = f"{who} gives {of} {said.value:g} of 1"
    return text if said.comment is None else f"{text}: {quote(said.comment)}"


def _check_about(said: Feedback) -> None:
    if (said.exchange is None) == (said.conversation is None):
        raise BadFeedback(
            "exchange", "feedback is about one `exchange` or one `conversation`, not both"
        )
    for id_ in (said.id, said.about):
        try:
            time_of(id_)
        except ValueError as error:
            raise BadFeedback("exchange", str(error)) from None


def _check_text(name: str, text: str | None, most: int) -> None:
    if text is None:
        return
    if not text.strip():
        raise BadFeedback(name, f"`{name}` is empty")
    if len(text) > most:
        raise BadFeedback(name, f"`{name}` is longer than {most:,} characters")
    if "\0" in text or not _is_text(text):
        raise BadFeedback(name, f"`{name}` holds what is no text")


def _is_text(text: str) -> bool:
    """It has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
