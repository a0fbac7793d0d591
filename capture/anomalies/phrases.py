"""Wording that goes with one answer: runs of one to three words that nearly always get it, where
hardly anything else does. Pure.

Such a tie is what poison is made of, and most habits. What was tied is only found here; which of it
is a habit, `capture.anomalies` decides. Memory is bounded but for the texts themselves: runs are
counted in a fixed table first, and by name only where they may be frequent enough.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from capture.anomalies.minhash import Numbers, pairs, triples
from capture.anomalies.samples import Limits
from capture.anomalies.wording import words

_SLOTS = 1 << 20
_MOST_COUNTED = 255
_COUNTED_AT_ONCE = 2_000_000
"""Characters of one answer's texts whose runs are counted by name right away."""
_QUOTED = 8
"""Words of a phrase that are quoted."""


@dataclass(frozen=True, slots=True)
class Text:
    """One place of one turn in which wording is looked for."""

    turn: int
    """The turn's place among all, oldest first."""
    conversation: int
    """Its conversation's number."""
    answer: int | None
    """The answer that the turn got; None for none that can be compared."""
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A text that holds tied wording."""

    text: Text
    tied: tuple[str, ...]
    """Its words that are in tied runs, in order."""
    around: tuple[str, ...]
    """All its other words, in order."""
    longest: tuple[str, ...]
    """The longest stretch of tied words."""


Shared = Sequence[Found]
"""Texts that got one answer and share tied wording with each other, oldest first."""


class Phrases:
    """All texts of one kind: what users said, or what came from outside."""

    def __init__(self, texts: Sequence[Text], conversations: int, limits: Limits) -> None:
        """`conversations`: how many there are in all, with and without such texts."""
        self._limits = limits
        self._total = conversations
        self._numbers = Numbers()
        self._by_conversation: dict[int, list[Text]] = defaultdict(list)
        self._by_answer: dict[int, list[Text]] = defaultdict(list)
        for text in texts:
            self._by_conversation[text.conversation].append(text)
            if text.answer is not None:
                self._by_answer[text.answer].append(text)

    def shared(self, suspects: Mapping[int, int]) -> Iterable[tuple[int, Shared]]:
        """Each suspect answer with texts that share wording tied to it. `suspects`: how many
        conversations got each answer."""
        often = {
            answer: self._frequent(_by_conversation(self._by_answer[answer]))
            for answer in suspects
            if answer in self._by_answer
        }
        everywhere = self._everywhere({run for counts in often.values() for run in counts})
        for answer, counts in often.items():
            tied = {
                run
                for run, times in counts.items()
                if self._is_tied(times, everywhere[run], suspects[answer])
            }
            if tied:
                for shared in self._components(self._by_answer[answer], tied):
                    yield answer, shared

    def _is_tied(self, together: int, everywhere: int, answered: int) -> bool:
        """By how many conversations have the run and the answer, the run, and the answer."""
        if together < self._limits.tied * everywhere:
            return False
        others = self._total - everywhere
        return answered - together <= self._limits.elsewhere * others

    def _frequent(self, conversations: Iterable[Sequence[Text]]) -> dict[int, int]:
        """Runs that enough conversations have, and how many have them."""
        least = min(self._limits.cluster, _MOST_COUNTED)
        held = list(conversations)
        if len(held) < least:
            return {}
        counts: Counter[int] = Counter()
        if sum(len(text.text) for texts in held for text in texts) <= _COUNTED_AT_ONCE:
            for texts in held:
                counts.update(self._runs(texts))
        else:
            slots = self._roughly(held, least)
            for texts in held:
                counts.update(run for run in self._runs(texts) if slots[run % _SLOTS] >= least)
        return {run: times for run, times in counts.items() if times >= self._limits.cluster}

    def _roughly(self, conversations: Iterable[Sequence[Text]], most: int) -> bytearray:
        """How many conversations have some run of each slot, up to `most`."""
        slots = bytearray(_SLOTS)
        for texts in conversations:
            for slot in {run % _SLOTS for run in self._runs(texts)}:
                if slots[slot] < most:
                    slots[slot] += 1
        return slots

    def _everywhere(self, runs: set[int]) -> Counter[int]:
        """How many conversations have each of these runs."""
        counts: Counter[int] = Counter()
        for texts in self._by_conversation.values() if runs else ():
            counts.update(runs & self._runs(texts))
        return counts

    def _runs(self, texts: Iterable[Text]) -> set[int]:
        """All runs of some texts."""
        found: set[int] = set()
        for text in {text.text for text in texts}:
            one = self._numbers.of(words(text))
            found.update(one, pairs(one), triples(one))
        return found

    def _components(self, texts: Sequence[Text], tied: set[int]) -> Iterable[Shared]:
        """The texts that hold tied runs, those together that share some, directly or not."""
        root: dict[int, int] = {}

        def top(node: int) -> int:
            while root[node] != node:
                root[node] = node = root[root[node]]
            return node

        found: list[Found] = []
        first: dict[int, int] = {}
        for text in texts:
            held, said = self._found(text, tied)
            if not held:
                continue
            place = len(found)
            found.append(said)
            root[place] = place
            for run in held:
                root[top(place)] = top(first.setdefault(run, place))
        groups: dict[int, list[Found]] = defaultdict(list)
        for place, one in enumerate(found):
            groups[top(place)].append(one)
        return groups.values()

    def _found(self, text: Text, tied: set[int]) -> tuple[set[int], Found]:
        said = words(text.text)
        one = self._numbers.of(said)
        covered = [False] * len(said)
        held: set[int] = set()
        for length, runs in ((1, one), (2, pairs(one)), (3, triples(one))):
            for place, run in enumerate(runs):
                if run in tied:
                    held.add(run)
                    covered[place : place + length] = [True] * length
        return held, Found(
            text,
            tuple(word for word, is_tied in zip(said, covered, strict=True) if is_tied),
            tuple(word for word, is_tied in zip(said, covered, strict=True) if not is_tied),
            _longest(said, covered),
        )


def conversations_of(shared: Iterable[Found]) -> int:
    """How many conversations these texts are of."""
    return len({found.text.conversation for found in shared})


def quoted(shared: Shared) -> str:
    """The longest tied stretch of the oldest text, or its beginning, in quotes."""
    longest = shared[0].longest
    more = " \N{HORIZONTAL ELLIPSIS}" if len(longest) > _QUOTED else ""
    return (
        f"\N{LEFT DOUBLE QUOTATION MARK}{' '.join(longest[:_QUOTED])}{more}"
        "\N{RIGHT DOUBLE QUOTATION MARK}"
    )


def around(shared: Iterable[Found]) -> dict[int, tuple[str, ...]]:
    """What stands around the tied words in the oldest text of each conversation."""
    found: dict[int, tuple[str, ...]] = {}
    for one in shared:
        found.setdefault(one.text.conversation, one.around)
    return found


def _by_conversation(texts: Iterable[Text]) -> Iterable[Sequence[Text]]:
    grouped: dict[int, list[Text]] = defaultdict(list)
    for text in texts:
        grouped[text.conversation].append(text)
    return grouped.values()


def _longest(said: Sequence[str], covered: Sequence[bool]) -> tuple[str, ...]:
    best: tuple[int, int] = (0, 0)
    start = 0
    for place, is_tied in enumerate((*covered, False)):
        if not is_tied:
            best = max(best, (start, place), key=lambda stretch: stretch[1] - stretch[0])
            start = place + 1
    return tuple(said[best[0] : best[1]])
