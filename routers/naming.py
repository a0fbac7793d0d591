"""What the user calls skills: names of his own over the keys that outcomes are counted under. Pure.

A name changes no record: what is stored is the key, so that a name counts for all that was ever
recorded from the moment it is set, and nothing is lost when it is taken back. Several keys of one
name are one skill. Wherever a pattern of skills stands (rules, pins, thresholds) it may be the name
or the key, so that a rule about a key holds whatever that is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from routers.patterns import like


@dataclass(frozen=True, slots=True)
class Names:
    """The user's names of skills."""

    pairs: tuple[tuple[str, str], ...] = ()
    """(pattern of keys, name); the first whose pattern fits counts."""

    def of(self, key: str) -> str:
        """What the skill of this key is called: as its key where the user has no name for it."""
        for pattern, name in self.pairs:
            if like(pattern, key):
                return name
        return key

    def called(self, key: str) -> tuple[str, ...]:
        """All that a pattern may know the skill by: its name, and its key where that is another."""
        name = self.of(key)
        return (key,) if name == key else (name, key)


def any_like(pattern: str, words: Sequence[str]) -> bool:
    """Whether one of these is like the pattern."""
    return any(like(pattern, word) for word in words)


AS_THEY_ARE = Names()
"""No skill has a name of the user's."""
