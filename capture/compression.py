"""A trajectory within a token budget: its middle gives way to one summary. Pure.

What stays is how it began (system, the first thing asked, the first reply with its results) and its
last turns. Of what lies between, the oldest goes first, and no more than has to. A call is never
parted from its results: turns that belong together stay or go together. The way is that of Hermes
Agent's trajectory compressor, and so are the words: `[CONTEXT SUMMARY]: ` said by the user, and a
notice at the end of the system prompt.

A summary is written by whoever is given (a local model), or extracted: a line of each turn, always
the same for the same turns. The budget is met whenever the protected turns and the shortest summary
fit into it. Compressing what is compressed changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "human", "reply", "results"]
Wrote = Literal["model", "extract", "failed"]
"""Who wrote a summary; `failed`: extracted, because the model gave none."""
Count = Callable[[str], int]
"""Tokens of a text."""
Summarise = Callable[[Sequence["Turn"], int], str | None]
"""Turns in at most so many tokens; None where that failed."""

SUMMARY = "[CONTEXT SUMMARY]: "
NOTICE = (
    "\n\nSome of your previous tool responses may be summarized to preserve context."  # as Hermes'
)
SUMMARY_TOKENS, LAST_TURNS = 750, 4
PER_TURN = 4
"""Tokens of a turn beside its text: its role and its ends."""
_WIDTHS = (400, 200, 100, 50, 25)
"""Characters of a turn in an extracted summary: the first width with which all fit."""
_THINKING = re.compile(r"<think>.*?</think>\s*", re.DOTALL)
_NAMES = {"system": "system", "human": "user", "reply": "assistant", "results": "tool"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a trajectory."""

    role: Role
    text: str
    """All of it that costs tokens."""
    begins: bool = True
    """False: it belongs to the turn before it, as results to their call."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a trajectory may be, in tokens."""

    tokens: int
    """All of it, the summary included."""
    summary: int = SUMMARY_TOKENS
    """The summary; less where no more is left, and never less than says that turns are left out."""
    last: int = LAST_TURNS
    """Turns at the end that stay; at least one."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What compressing did to one trajectory; named as by Hermes' compressor, but for `summary`."""

    original_tokens: int
    compressed_tokens: int
    compression_ratio: float
    """The second by the first, to three places."""
    original_turns: int
    compressed_turns: int
    turns_removed: int
    was_compressed: bool
    still_over_limit: bool
    """What is protected is over the budget by itself."""
    summary: Wrote | None
    """None where nothing was compressed."""


@dataclass(frozen=True, slots=True)
class Compressed:
    """What a trajectory is to become."""

    region: range
    """Numbers of the turns that the summary stands for; empty when all stay."""
    summary: str
    """With `SUMMARY` before it; empty when there is none."""
    metrics: Metrics


def compress(
    turns: Sequence[Turn],
    limits: Limits,
    count: Count,
    *,
    summarise: Summarise | None = None,
    beside: int = 0,
) -> Compressed:
    """How these turns fit the budget. `beside` are tokens that come with them (the tools)."""
    tokens = [count(turn.text) + PER_TURN for turn in turns]
    before = beside + sum(tokens)
    between = _between(turns, limits.last)
    if before <= limits.tokens or _is_summary([turns[at] for at in between]):
        return _unchanged(turns, before, limits)
    noticed = count(turns[0].text + NOTICE) + PER_TURN - tokens[0] if _has_system(turns) else 0
    room = max(limits.summary, count(_shortest(len(between))))
    region, left = _removed(
        turns, between, tokens, before + noticed + PER_TURN, limits.tokens - room
    )
    removed = [turns[at] for at in region]
    text, wrote = _summary(removed, min(room, limits.tokens - left), count, summarise)
    after = left + count(text)
    if after >= before:
        return _unchanged(turns, before, limits)
    metrics = _metrics(before, after, len(turns), len(region), limits, wrote)
    return Compressed(region, text, metrics)


def with_notice(system: str) -> str:
    """A system prompt that says that something was summarized; says it once."""
    return system if system.endswith(NOTICE) else system + NOTICE


def _between(turns: Sequence[Turn], last: int) -> range:
    """The turns that may go: whole units after the first reply's, and before the last ones'."""
    starts = [at for at, turn in enumerate(turns) if at == 0 or turn.begins]
    reply = next((at for at, turn in enumerate(turns) if turn.role == "reply"), len(turns))
    start = next((at for at in starts if at > reply), len(turns))
    stop = max((at for at in starts if at <= len(turns) - max(1, last)), default=0)
    return range(start, max(start, stop))


def _removed(
    turns: Sequence[Turn], between: range, tokens: Sequence[int], total: int, most: int
) -> tuple[range, int]:
    """The turns that go so that at most so many tokens stay, and how many do."""
    for at in between:
        if turns[at].begins and total <= most:
            return range(between.start, at), total
        total -= tokens[at]
    return between, total


def _summary(
    turns: Sequence[Turn], limit: int, count: Count, summarise: Summarise | None
) -> tuple[str, Wrote]:
    """One within the limit if any is, and who wrote it."""
    shortest = _shortest(len(turns))
    if summarise is None or count(shortest) >= limit:
        return _extracted(turns, limit, count, shortest), "extract"
    written = summarise(turns, limit)
    if written is None or not written.strip():
        return _extracted(turns, limit, count, shortest), "failed"
    text = SUMMARY + written.strip().removeprefix(SUMMARY.strip()).strip()
    return _cut(text, limit, count, shortest), "model"


def _shortest(turns: int) -> str:
    return f"{SUMMARY}{turns} earlier turns are left out."


def _extracted(turns: Sequence[Turn], limit: int, count: Count, shortest: str) -> str:
    """A line of each turn, as wide as all of them fit."""
    text = shortest
    for width in _WIDTHS:
        text = "\n".join([shortest, *(_line(turn, width) for turn in turns)])
        if count(text) <= limit:
            return text
    return _cut(text, limit, count, shortest)


def _line(turn: Turn, width: int) -> str:
    text = " ".join(_THINKING.sub("", turn.text).removeprefix(SUMMARY).split())
    more = "..." if len(text) > width else ""
    return f"- {_NAMES[turn.role]}: {text[:width]}{more}"


def _cut(text: str, limit: int, count: Count, shortest: str) -> str:
    """The text, cut off where it is too long; the shortest where nothing is left of it."""
    while count(text) > limit:
        text = text[: len(text) * 9 // 10].rstrip()
        if len(text) <= len(shortest):
            return shortest
    return text


def _is_summary(turns: Sequence[Turn]) -> bool:
    """Whether nothing is there to go, or nothing but a summary."""
    return not turns or (len(turns) == 1 and turns[0].text.startswith(SUMMARY))


def _has_system(turns: Sequence[Turn]) -> bool:
    return turns[0].role == "system" and not turns[0].text.endswith(NOTICE)


def _unchanged(turns: Sequence[Turn], tokens: int, limits: Limits) -> Compressed:
    return Compressed(range(0), "", _metrics(tokens, tokens, len(turns), 0, limits, None))


def _metrics(
    before: int, after: int, turns: int, removed: int, limits: Limits, wrote: Wrote | None
) -> Metrics:
    left = turns - removed + (1 if removed else 0)
    return Metrics(
        original_tokens=before,
        compressed_tokens=after,
        compression_ratio=round(after / before, 3) if before else 1.0,
        original_turns=turns,
        compressed_turns=left,
        turns_removed=turns - left,
        was_compressed=removed > 0,
        still_over_limit=after > limits.tokens,
        summary=wrote,
    )
