"""Near-duplicates among many texts, found without comparing each with each. Pure, deterministic.

A text is the set of its runs of three words, each a number; its sketch is the smallest of these
(Broder 1997, one permutation). What two sketches have in common estimates how much the texts have
(Jaccard): exactly for texts of up to `SKETCH` runs, within a few per cent for longer ones. Texts
are only compared where half of their `BANDS` smallest numbers agree, and each joins the oldest that
it is near to; so no chain of small differences leads from one text to quite another.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise

SKETCH = 64
BANDS = 8
MOST = 100
"""Texts that are known by one number: what more of them have in common is nobody's mark."""
_MOST_WORDS = 400_000
"""Words whose numbers are kept; there is no end to the words that machines write."""


class _Known(dict[str, int]):
    """The number of each word, made when it first turns up."""

    def __missing__(self, word: str) -> int:
        digest = blake2b(word.encode(), digest_size=8).digest()
        number = self[word] = int.from_bytes(digest) >> 3  # as a tuple's hash takes it, whole
        return number


class Numbers:
    """A number for each word and each run of words, always the same, and hard to collide with on
    purpose."""

    def __init__(self) -> None:
        self._known = _Known()

    def of(self, words: Iterable[str]) -> list[int]:
        """Of each word."""
        if len(self._known) > _MOST_WORDS:
            self._known.clear()
        return list(map(self._known.__getitem__, words))


def pairs(numbers: Sequence[int]) -> list[int]:
    """Of each two words that follow each other."""
    return list(map(hash, pairwise(numbers)))


def triples(numbers: Sequence[int]) -> list[int]:
    """Of each three."""
    return list(map(hash, zip(numbers, numbers[1:], numbers[2:], strict=False)))


def sketch(numbers: Sequence[int]) -> array[int]:
    """Of a text of these words, of which there are at least three."""
    return array("q", sorted(set(triples(numbers)))[:SKETCH])


def likeness(one: array[int], other: array[int]) -> float:
    """The estimated share of runs in both among those in either."""
    some, others = set(one), set(other)
    smallest = sorted(some | others)[:SKETCH]
    return sum(run in some and run in others for run in smallest) / len(smallest)


class Clusters:
    """Near-duplicates of the texts that have been added, oldest first."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._sketches: dict[int, array[int]] = {}
        self._bands: dict[tuple[Hashable, int], list[int]] = {}

    def add(self, id_: int, kind: Hashable, sketch: array[int]) -> int:
        """The id of the oldest text of this kind that it is near to; its own, when there is
        none."""
        bands = [self._bands.setdefault((kind, run), []) for run in sketch[:BANDS]]
        met = Counter(other for band in bands for other in band)
        for other in sorted(other for other, times in met.items() if 2 * times >= len(bands)):
            if likeness(self._sketches[other], sketch) >= self._least:
                return other
        self._sketches[id_] = sketch
        for band in bands:
            if len(band) < MOST:
                band.append(id_)
        return id_
