"""Regular expressions in linear time, whatever the text: google-re2 over bytes, with types.

RE2 is an automaton: no text makes it backtrack. The price is no look-around, so what a match has to
stand beside is matched too, and a group, of which there is one at most, says which part is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import re2  # pyright: ignore[reportMissingTypeStubs]


class Pattern:
    """One expression over UTF-8, compiled when it is first used. May be used from any thread."""

    def __init__(self, expression: str) -> None:
        self.expression = expression

    @cached_property
    def _compiled(self) -> Any:
        return re2.compile(self.expression)  # pyright: ignore[reportUnknownMemberType]

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where it matches, from left to right, never overlapping: its group, or all of the match
        when it has none. In bytes."""
        group = min(1, self._compiled.groups)
        for match in self._compiled.finditer(data):
            yield match.span(group)

    def fits(self, data: bytes) -> bool:
        """Whether it matches all of `data`."""
        return self._compiled.fullmatch(data) is not None

    def is_in(self, data: bytes) -> bool:
        """Whether it matches anywhere in `data`."""
        return self._compiled.search(data) is not None
