"""Turns and answers as anomalies weigh them: which text an answer may have come from, and which
answers were given often enough to be planted. Pure.

Text is held to account for the replies after it up to the first that does more than look; what an
agent does then, it does of what it did before.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from capture.anomalies.answers import Answer, answer_of, numbered
from capture.anomalies.minhash import Numbers
from capture.anomalies.samples import Limits, Sample
from capture.anomalies.wording import ends, exact_words


@dataclass(frozen=True)
class Turn:
    """A sample among the others."""

    sample: Sample
    conversation: int
    """The conversation's number."""
    asks: bool
    """Whether nothing has been done yet about what the user said."""
    outside: str
    """What came from outside since something was done."""
    number: int | None
    """Of the answer: the place of the oldest turn that got the same; None for an empty one."""
    calls: bool
    """Whether the answer does more than look and talk."""

    @cached_property
    def said(self) -> str:
        """What the user said, folded."""
        return " ".join(exact_words(self.sample.said))


@dataclass(frozen=True, slots=True)
class Suspect:
    """An answer that was given in many conversations, and does more than look or say a word."""

    number: int
    """The place of the oldest turn that got it."""
    answer: Answer
    places: Sequence[int]
    """Of the turns that got it, oldest first."""
    conversations: int

    def was_prescribed(self, turns: Iterable[Turn]) -> bool:
        """Whether most users gave the answer with the question."""
        return mostly(self.answer.given_in(turn.said) for turn in turns)

    def was_asked_for(self, turns: Iterable[Turn]) -> bool:
        """Whether most users said in their own words what it does."""
        return mostly(self.answer.follows_from(turn.said) for turn in turns)


@dataclass
class _Conversation:
    """What is known of a conversation up to some turn."""

    number: int
    outside: str = ""
    """All of it so far."""
    waiting: str = ""
    """What of it nothing was done about yet."""
    said: str | None = None
    done: bool = False
    """Whether something was done about what was said last."""


def turns_of(samples: Iterable[Sample], limits: Limits) -> list[Turn]:
    """Oldest first."""
    ordered = sorted(samples, key=lambda sample: (sample.began_at, sample.id))
    answered = numbered([ends(each.answered, limits.reach) for each in ordered], Numbers())
    conversations: dict[str, _Conversation] = {}
    turns: list[Turn] = []
    for sample, number in zip(ordered, answered, strict=True):
        known = conversations.setdefault(sample.conversation, _Conversation(len(conversations)))
        if sample.said != known.said:
            known.said, known.done = sample.said, False
        came = sample.outside.removeprefix(known.outside)
        outside = f"{known.waiting}\n{came}".strip()
        answer = answer_of(sample.answered)
        does = answer.calls and not answer.looks
        turns.append(
            Turn(sample, known.number, not known.done, ends(outside, limits.reach), number, does)
        )
        known.outside = sample.outside
        known.waiting = outside if answer.looks else ""
        known.done = known.done or not answer.looks
    return turns


def suspects_of(turns: Sequence[Turn], limits: Limits) -> dict[int, Suspect]:
    """Answers given in enough conversations, by their number."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, turn in enumerate(turns):
        if turn.number is not None:
            places[turn.number].append(place)
    found: dict[int, Suspect] = {}
    for number, of_answer in places.items():
        conversations = len({turns[place].conversation for place in of_answer})
        if conversations >= limits.cluster:
            answer = answer_of(turns[number].sample.answered)
            if not answer.looks and not answer.is_a_word:
                found[number] = Suspect(number, answer, of_answer, conversations)
    return found


def steps(turns: Sequence[Turn], suspects: Mapping[int, Suspect]) -> frozenset[int]:
    """Places of turns after which, for the same words of the user, something was done that is no
    suspect: they were steps on the way to it."""
    found: set[int] = set()
    led: dict[int, str] = {}
    for place in range(len(turns) - 1, -1, -1):
        turn = turns[place]
        if led.get(turn.conversation) == turn.sample.said:
            found.add(place)
        if turn.calls and turn.number not in suspects:
            led[turn.conversation] = turn.sample.said
    return frozenset(found)


def mostly(marks: Iterable[bool]) -> bool:
    """Whether at least half of them are set."""
    counted = Counter(marks)
    return counted[True] >= counted[False]
