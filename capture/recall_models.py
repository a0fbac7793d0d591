"""Who helps `capture.recall`: what makes vectors of texts, and what writes what an exchange comes
down to.

`BUILT_IN` makes vectors here, without a model. Any other is a model at home that somebody else
asks; how, this does not know. Vectors of two names are not comparable and never compared. What is
asked may take its time and fail, so nothing here is called on the path of a request.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

FIRST_REST, LONGEST_REST = 5.0, 300.0
"""Seconds that a model which failed is left alone: at first, and at most; doubled each time."""


class ModelTrouble(RuntimeError):
    """A model gave nothing that can be used; its text says why, for people, without a secret."""


class Refused(ModelTrouble):
    """It will not take this input; it may well take another."""


class Embedder(Protocol):
    """Makes vectors of texts."""

    @property
    def name(self) -> str:
        """Whose vectors they are: those of another name are not comparable."""
        ...

    @property
    def alike(self) -> float:
        """The cosine from which on two of its texts count as alike."""
        ...

    def embed(self, texts: Sequence[str], seconds: float) -> list[list[float] | None]:
        """A vector of length 1 for each text, all of one width; None for a text that has none.
        Blocks for so long at most. Raises ModelTrouble."""
        ...


class Writer(Protocol):
    """A model that writes."""

    @property
    def name(self) -> str:
        """Who it is, for people."""
        ...

    def write(self, instruction: str, text: str, tokens: int, seconds: float) -> str:
        """What it says to a text, in so many tokens at most. Blocks for so long at most. Raises
        ModelTrouble."""
        ...


class BuiltIn:
    """The built-in embedder (`capture.embedding`)."""

    name = "built-in"
    alike = 0.25
    """What shares no word comes to 0.2 by chance."""

    def embed(self, texts: Sequence[str], seconds: float) -> list[list[float] | None]:  # noqa: ARG002  # it takes none
        from capture.embedding import embed

        return [embed(text) for text in texts]


BUILT_IN = BuiltIn()


@dataclass(frozen=True, slots=True)
class Models:
    """Who helps now."""

    embedder: Embedder = BUILT_IN
    writer: Writer | None = None
    """Who distils; None: all is extracted."""


class Patience:
    """How one that fails is left alone for longer and longer. For one thread; `failure` for any."""

    def __init__(self) -> None:
        self.failure: str | None = None
        """Why it was of no use when last asked; None when it was, or was never asked."""
        self._rest = FIRST_REST
        self._until = 0.0
        """On the monotonic clock."""

    @property
    def over(self) -> bool:
        """Whether it may be asked again."""
        return time.monotonic() >= self._until

    def failed(self, why: str) -> None:
        """Leave it alone for a while."""
        self.failure = why
        self._until = time.monotonic() + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)

    def served(self) -> None:
        """It was of use."""
        self.failure, self._rest = None, FIRST_REST
