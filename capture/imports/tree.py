"""A session whose messages name the one they follow: every way from its beginning to an end.

Agents keep what was rewound, so a session is a tree; each leaf ends a conversation, and those share
how they began. A way that leads over something unreadable is left out as a whole: what follows an
entry nobody knows, in a file with lines that nobody can read, and the way that ends before such a
line. Where nothing follows an unreadable line, as when it is being written, nothing is amiss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from capture.imports.conversation import Skipped

_WORK = 50
"""Messages gone over for each message there is, at most: a file of rewinds only cannot hold us."""
_FREE = 100_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Node(Generic[T]):
    """One entry of a session."""

    id: str
    """Its own, within the file."""
    parent: str | None
    """None for the first of a way."""
    line: int
    """Of the file."""
    said: T | None
    """None for an entry that is only passed through."""
    broken: bool = False
    """It should say something, and cannot be read."""


@dataclass(slots=True)
class Tree(Generic[T]):
    """The entries of one file, by their ids; the first of an id stays."""

    nodes: dict[str, Node[T]] = field(default_factory=dict[str, Node[T]])
    """By id, in the order of the file."""
    cut: set[str | None] = field(default_factory=set[str | None])
    """Entries that stand before lines that could not be read."""

    def add(self, node: Node[T]) -> None:
        """Take one entry."""
        self.nodes.setdefault(node.id, node)

    def unreadable(self, after: str | None) -> None:
        """Note a line that could not be read, after this entry."""
        self.cut.add(after)

    def paths(self) -> Iterator[Sequence[Node[T]] | Skipped]:
        """Every way to an entry that says something and that none such follows."""
        left = _FREE + _WORK * len(self.nodes)
        missing = any(
            node.parent is not None and node.parent not in self.nodes
            for node in self.nodes.values()
        )
        damaged = missing and bool(self.cut)
        cut = {at for id_ in self.cut for at in self._above(id_)} if damaged else set[str]()
        for leaf in self._leaves():
            path, whole = self._up(leaf, damaged=damaged)
            left -= len(path)
            if leaf.id in cut:
                yield Skipped(leaf.line, "what follows it cannot be read")
                continue
            if left < 0:
                yield Skipped(leaf.line, "the session was rewound too often; the rest of it is out")
                return
            if whole:
                yield path
            else:
                yield Skipped(leaf.line, "something it follows cannot be read")

    def _leaves(self) -> list[Node[T]]:
        followed: set[str] = set()
        for node in self.nodes.values():
            if node.said is not None or node.broken:
                followed.update(self._above(node.parent))
        said = (n for n in self.nodes.values() if n.said is not None or n.broken)
        return [node for node in said if node.id not in followed]

    def _above(self, id_: str | None) -> Iterator[str]:
        """The entries from this one up to the first that says something."""
        seen: set[str] = set()
        while id_ is not None and id_ not in seen and (above := self.nodes.get(id_)) is not None:
            seen.add(id_)
            yield id_
            if above.said is not None or above.broken:
                return
            id_ = above.parent

    def _up(self, leaf: Node[T], *, damaged: bool) -> tuple[list[Node[T]], bool]:
        """What was said on the way to a leaf, and whether all of it is there."""
        found: list[Node[T]] = []
        seen: set[str] = set()
        node: Node[T] | None = leaf
        while node is not None:
            if node.broken or node.id in seen:
                return found, False
            seen.add(node.id)
            if node.said is not None:
                found.append(node)
            above = None if node.parent is None else self.nodes.get(node.parent)
            if node.parent is not None and above is None and damaged:
                return found, False
            node = above
        return found[::-1], True
