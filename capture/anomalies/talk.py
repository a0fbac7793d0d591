"""What people of a house talk about: whether messages are about different things. Pure.

A request said in many ways is one thing: around its words stand those that everybody uses every
day. Messages are about different things when each has words of its own, or is one that was said
elsewhere and answered otherwise.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from statistics import fmean, median

from capture.anomalies.samples import Limits
from capture.anomalies.suspects import Turn
from capture.anomalies.wording import words

Message = tuple[str, ...]
"""Its words."""
_RARE = 0.005
"""Share of conversations that may have a word of a message's own."""
_FEWEST_RARE = 2
"""Conversations that may have it, where there are few."""
_OWN = 1
"""Such words that make a message be about something."""
_TELLING = 0.4
"""Share of the messages that must be about something."""
_COMPARED = 40
"""Messages that are compared with each other at most."""


class Talk:
    """All that users said."""

    def __init__(self, turns: Sequence[Turn], limits: Limits) -> None:
        self._limits = limits
        by_conversation: dict[int, set[str]] = defaultdict(set)
        self._answers: dict[Message, set[int | None]] = defaultdict(set)
        for said, turn in {(turn.sample.said, turn.conversation): turn for turn in turns}.items():
            message = tuple(words(said[0]))
            if len(message) < limits.long:  # what everybody uses every day stands in short ones
                by_conversation[turn.conversation].update(message)
            self._answers[message].add(turn.number)
        self._held = Counter(word for held in by_conversation.values() for word in held)
        self._rare = max(_FEWEST_RARE, _RARE * len(by_conversation))

    def are_different_things(self, messages: Mapping[int, Message], answer: int) -> bool:
        """Whether messages that got one answer, one for each conversation, are about different
        things."""
        if not are_varied(messages.values(), self._limits):
            return False
        different = set(messages.values())
        telling = sum(self._is_about_something(message, answer) for message in different)
        return telling >= _TELLING * len(different)

    def _is_about_something(self, message: Message, answer: int) -> bool:
        if self._answers.get(message, {answer}) - {answer}:
            return True
        return sum(self._held[word] <= self._rare for word in set(message)) >= _OWN


def are_varied(messages: Iterable[Message], limits: Limits) -> bool:
    """Whether most of them differ, and any two share few words."""
    all_of_them = list(messages)
    different = sorted(set(all_of_them))
    if len(different) < max(limits.cluster, limits.varied * len(all_of_them)):
        return False
    if len(different) < 2:
        return True
    some = [set(message) for message in different[:: -(-len(different) // _COMPARED)]]
    shared = (len(one & other) / max(1, len(one | other)) for one, other in combinations(some, 2))
    return fmean(shared) <= limits.alike


def middle_length(messages: Iterable[Message]) -> float:
    """Words of the middle one."""
    return median(map(len, messages))
