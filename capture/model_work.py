"""What the index thread has models do: vectors of what was asked, a batch at a time, and one
exchange after another distilled.

A model is left alone for three times as long as its answer took, and one that fails for longer and
longer. One that will not take a text, but takes
another, is not asked for that text again: the exchange is found by its words, or what was extracted
stays. The newest exchanges come first, so that what a change of models leaves to be done again is
done from there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from capture.distill import written
from capture.distilling import REPLY_TOKENS, instruction, shown, taken
from capture.recall import EXTRACTED, Recall, Undistilled
from capture.recall_models import (
    BUILT_IN,
    Embedder,
    Models,
    ModelTrouble,
    Patience,
    Refused,
    Writer,
)

EMBED_SECONDS, WRITE_SECONDS = 60.0, 60.0
"""That an answer may take: the model may have to be loaded first."""

_AT_ONCE = 32
"""Texts in one request."""
_AT_ONCE_HERE = 100
"""That the built-in embedder is given."""
_BREATH_SECONDS = 0.002
_LEFT_ALONE = 3.0
"""Times as long as its answer took, a model is left alone."""
_FIRST, _LAST = 1200, 400
"""Characters of what was asked that a model is shown: most hold some 500 tokens."""
_MOST_USELESS = 5
"""Answers in a row that are no distillation, after which the model is left alone, too."""
_PLAIN = "What is the weather like today?"
"""What every model that embeds can embed."""


class ModelWork:
    """The work on one `Recall`. For one thread; `failures` for any."""

    def __init__(self, recall: Recall) -> None:
        self._recall = recall
        self._embedder: str = recall.vectors.embedder.name
        self._writer = ""
        self._embedding = Patience()
        self._writing = Patience()
        self._useless = 0
        """Answers in a row that were no distillation."""
        self._from = 0.0
        """When models may be asked again, on the monotonic clock."""

    @property
    def failures(self) -> Sequence[str]:
        """What was asked for and not given."""
        told = (self._embedding.failure, self._writing.failure)
        return [failure for failure in told if failure is not None]

    def do(self, models: Models) -> None:
        """One request to each, where there is something to ask and it is not to be left alone."""
        self._take(models)
        if models.embedder is BUILT_IN:
            embed_some(self._recall, BUILT_IN)
        began = time.monotonic()
        if began < self._from:
            return
        if models.embedder is not BUILT_IN:
            self._embed(models.embedder)
        if models.writer is not None:
            self._distil(models.writer)
        ended = time.monotonic()
        self._from = ended + _LEFT_ALONE * (ended - began)

    def _take(self, models: Models) -> None:
        """Others may help now than before: they have not failed yet."""
        if models.embedder.name != self._embedder:
            self._embedder, self._embedding = models.embedder.name, Patience()
        if (name := "" if models.writer is None else models.writer.name) != self._writer:
            self._writer, self._writing, self._useless = name, Patience(), 0
        self._recall.vectors.embedder = models.embedder

    def _embed(self, embedder: Embedder) -> None:
        if not self._embedding.over:
            return
        try:
            embed_some(self._recall, embedder)
        except ModelTrouble as error:
            text = f"no vectors are made, and new exchanges are found by their words alone: {error}"
            self._embedding.failed(text)
        else:
            self._embedding.served()

    def _distil(self, writer: Writer) -> None:
        left = self._recall.undistilled() if self._writing.over else None
        if left is None:
            return
        try:
            told = _distilled(left, writer)
        except Refused as error:
            told, why = None, str(error)
        except ModelTrouble as error:
            self._writing.failed(f"exchanges are distilled by extraction alone: {error}")
            return
        else:
            why = f"{writer.name} gives no distillations"
        self._recall.distilled(left.number, told, EXTRACTED if told is None else writer.name)
        self._useless = 0 if told is not None else self._useless + 1
        if told is not None:
            self._writing.served()
        elif self._useless >= _MOST_USELESS:
            self._writing.failed(f"exchanges are distilled by extraction alone: {why}")


def embed_some(recall: Recall, embedder: Embedder) -> int:
    """Have a batch of what lacks a vector embedded; returns how many there were. Raises
    ModelTrouble."""
    few = recall.vectors.unembedded(_AT_ONCE_HERE if embedder is BUILT_IN else _AT_ONCE)
    if few:
        vectors = _vectors([each.asked for each in few], embedder)
        numbers = [each.number for each in few]
        recall.vectors.embedded(list(zip(numbers, vectors, strict=True)), embedder)
    return len(few)


def embed_all(recall: Recall) -> None:
    """Have all that lacks a vector embedded by the built-in embedder."""
    while few := recall.vectors.unembedded(_AT_ONCE_HERE):
        vectors = BUILT_IN.embed([each.asked for each in few], EMBED_SECONDS)
        made = zip((each.number for each in few), vectors, strict=True)
        recall.vectors.embedded(list(made), BUILT_IN)


def _vectors(texts: Sequence[str], embedder: Embedder) -> list[list[float] | None]:
    if embedder is BUILT_IN:
        return [vector for text in texts for vector in _here(text)]
    said = {at: _shown(text) for at, text in enumerate(texts) if text.strip()}
    try:
        made = embedder.embed(list(said.values()), EMBED_SECONDS) if said else []
    except Refused:
        embedder.embed([_PLAIN], EMBED_SECONDS)  # if it refuses that, it is not about the texts
        made = [_alone(text, embedder) for text in said.values()]
    known = dict(zip(said, made, strict=True))
    return [known.get(at) for at in range(len(texts))]


def _here(text: str) -> list[list[float] | None]:
    time.sleep(_BREATH_SECONDS)  # whoever answers requests comes first
    return BUILT_IN.embed([text], EMBED_SECONDS)


def _alone(text: str, embedder: Embedder) -> list[float] | None:
    try:
        return embedder.embed([text], EMBED_SECONDS)[0]
    except Refused:
        return None


def _shown(text: str) -> str:
    return text if len(text) <= _FIRST + _LAST else f"{text[:_FIRST]}\n{text[-_LAST:]}"


def _distilled(left: Undistilled, writer: Writer) -> str | None:
    """What a model says that it comes down to, as JSON; None when it is not that."""
    said = (left.asked, left.answered, left.called)
    reply = writer.write(instruction(*said), shown(*said), REPLY_TOKENS, WRITE_SECONDS)
    told = taken(reply, *said)
    return None if told is None else written(told)
