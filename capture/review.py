"""What waits for a person's word, as a person looks at it: grouped, the newest first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from capture.holds import Hold
from capture.outcomes import OutcomeName
from capture.provenance import Cause


@dataclass(frozen=True, slots=True)
class Part:
    """Messages in a row that one cause has."""

    cause: Cause
    name: str | None
    """The tool, or the model and its adapter; None where there is no such."""
    why: str | None
    """Why it is not trusted; None where it is."""
    messages: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """One exchange that waits; every text redacted."""

    id: str
    conversation: str
    began_at: float
    """Unix seconds."""
    model: str
    outcome: OutcomeName
    held: tuple[Hold, ...]
    """Why, the reason it is grouped by first."""
    like: str
    """What is grouped with it says the same here."""
    parts: tuple[Part, ...]
    """Who caused its request, in order; the reply is the model's."""
    asked: str
    """What the user said last, from its beginning; empty when nothing was."""
    outside: str
    """The first text from outside in its request, from its beginning; empty where there is none."""
    answered: str
    """The reply's text and calls, from their beginning."""
    verdict: str | None
    """Id of the feedback that says last whether it may train; None when none does."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits."""

    found: tuple[Waiting, ...]
    """The newest first."""
    total: int
    """How many wait, with those that were not asked for."""


@dataclass(frozen=True, slots=True)
class Group:
    """What waits for the same reason."""

    why: Hold
    members: tuple[Waiting, ...]
    """The newest first."""


def groups(found: Sequence[Waiting]) -> list[Group]:
    """What waits by reason, the group with the newest first."""
    gathered: dict[tuple[str, str], list[Waiting]] = {}
    for each in found:
        gathered.setdefault((each.held[0].code, each.like), []).append(each)
    return [Group(members[0].held[0], tuple(members)) for members in gathered.values()]
