"""Replies as far as they repeat: which are the same, and which say nothing by themselves.

Two short replies are the same when their words and figures are; long ones, when they are near-
duplicates. A reply that only looks at something is no danger by itself, nor is one of one word, nor
one whose words the user has just given: those teach a habit at most. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from capture.anomalies.minhash import Clusters, Numbers, sketch
from capture.anomalies.wording import exact_words, words

LONG = 40
"""Words from which on a reply may differ a little from one that is the same."""
NEAR = 0.85
"""How much of them must be the same then."""
_PRESCRIBED = 4
"""Words of the longest reply that counts as given by the user."""
_PARTICULAR = 3
"""Letters of the shortest word that says something in particular."""
_SCAFFOLD = re.compile(
    r'"id": ?"(?:call|toolu|fc)_[^"]*"'
    r'|"role": ?"assistant"|"type": ?"function"|"content": ?null'
)
"""What a reply has around what it says: ids of calls, and the fixed parts of OpenAI's messages."""
_KEY = re.compile(r'\\*"\w+\\*"\s*:')
_NAMED = re.compile(r'\\*"name\\*"\s*:\s*\\*"([\w.:/-]+)\\*"')
_CALLED = re.compile(r'(?<![\w.:/-])([A-Za-z_][\w.:/-]*)(?:\(| ?\{["}])')
_NAMESPACE = re.compile(r"__|[.:/]")
_FIRST = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_LOOKS = frozenset(
    (
        *("browse", "cat", "check", "count", "describe", "fetch", "find", "forecast", "get"),
        *("glob", "grep", "head", "info", "list", "look", "lookup", "ls", "query", "read"),
        *("recall", "retrieve", "search", "show", "state", "states", "stat", "status", "tail"),
        *("time", "track", "view", "weather"),
    )
)
"""First words of tools that only look."""
_ADDRESS = re.compile(r"[^\s\"'\\]*(?:://|@)[^\s\"'\\]*")
"""What makes a look one that can carry something out of the house."""
_OF_ANY_ADDRESS = frozenset(("http", "https", "www"))
_NAMING = 4
"""Letters of the shortest word by which an address can be meant."""
_COMMAND = re.compile(r'\\*"(?:command|cmd)\\*"\s*:\s*\\*"([\w ./:=,-]*)\\*"\s*\\?[,}]')
_SHELL = re.compile(
    r"(?:ls|cat|pwd|head|tail|grep|rg|find|wc|tree|which|date|df|du|ps|uname|whoami"
    r"|git (?:status|diff|log|show|branch|blame))(?= |$)(?!.* -(?:exec|delete))"
)
"""Commands that only look, as far as `_COMMAND` lets them be written: one, without a shell's
signs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that was given once or often."""

    particular: tuple[str, ...]
    """Words that say what it does: of its text, its calls' names and their values; each once."""
    calls: bool
    """Whether it calls anything."""
    looks: bool
    """Whether all that it does is look at something in the house."""
    addresses: tuple[str, ...]
    """Words of the addresses in it."""
    fetches: bool
    """Whether all that it does is look at something, and there is an address in it."""
    length: int
    """Words."""

    @property
    def is_a_word(self) -> bool:
        """Whether it says one word and does nothing: `Done.`, `no`."""
        return not self.calls and self.length <= 1

    def given_in(self, said: str) -> bool:
        """Whether it says a few words that the user gave, and does nothing: `NO_REPLY`."""
        if self.calls or self.length > _PRESCRIBED:
            return False
        return all(word in said for word in self.particular)

    def follows_from(self, said: str) -> bool:
        """Whether the user's own words, folded, say half of what it does, or name the address that
        is all there is to it."""
        if self.fetches:
            return any(word in said for word in self.addresses if len(word) >= _NAMING)
        told = sum(word in said for word in self.particular)
        return bool(self.particular) and 2 * told >= len(self.particular)


def answer_of(text: str) -> Answer:
    """What a reply is."""
    bare = _SCAFFOLD.sub(" ", text)
    heads = [*_NAMED.findall(bare), *_CALLED.findall(bare)]
    saying = exact_words(_KEY.sub(" ", bare))
    particular = dict.fromkeys(word for word in saying if len(word) >= _PARTICULAR)
    addresses = [word for found in _ADDRESS.findall(bare) for word in exact_words(found)]
    looks = bool(heads) and (all(map(_only_looks, heads)) or _is_quiet_command(bare, heads))
    return Answer(
        particular=tuple(particular),
        calls=bool(heads),
        looks=looks and not addresses,
        addresses=tuple(word for word in addresses if word not in _OF_ANY_ADDRESS),
        fetches=looks and bool(addresses),
        length=len(saying),
    )


def _is_quiet_command(answer: str, heads: Sequence[str]) -> bool:
    """Whether every call is one command of the shell that only looks."""
    commands = _COMMAND.findall(answer)
    return len(commands) == len(heads) and all(map(_SHELL.match, commands))


def _only_looks(name: str) -> bool:
    first = _FIRST.search(_NAMESPACE.split(name)[-1])
    return first is not None and first[0].lower() in _LOOKS


def numbered(answers: Sequence[str], numbers: Numbers) -> list[int | None]:
    """For each reply, oldest first, the place of the oldest that is the same; None for an empty
    one."""
    same: dict[str, int] = {}
    clusters = Clusters(NEAR)
    found: list[int | None] = []
    for place, answer in enumerate(answers):
        bare = _SCAFFOLD.sub(" ", answer)
        said = exact_words(bare)
        if not said:
            found.append(None)
        elif len(said) < LONG:
            found.append(same.setdefault(" ".join(said), place))
        else:
            kind = (*_NAMED.findall(bare), *_CALLED.findall(bare))
            found.append(clusters.add(place, kind, sketch(numbers.of(words(bare)))))
    return found
