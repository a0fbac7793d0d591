"""A model that embeds, made of a few meanings: texts with words of one meaning are alike, whichever
of its words they use.

In two forms: as `capture.recall_models.Embedder`, and as what `/v1/embeddings` answers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from capture.recall_models import ModelTrouble, Refused
from tests.support.fake_scripts import Call

MEANINGS = (
    ("dark", "lamp", "light", "lights"),
    ("cat", "feed", "food", "kibble"),
    ("key", "door", "lock", "attic"),
)


def meaning(text: str, dimensions: int = 8) -> list[float]:
    """A vector of length 1: an axis for each meaning, and one for what has none of them."""
    words = text.lower().replace("?", "").split()
    counts = [float(sum(word in words for word in each)) for each in MEANINGS]
    vector = [*counts, 0.2, *[0.0] * (dimensions - len(counts) - 1)]
    length = math.hypot(*vector)
    return [each / length for each in vector]


class Meanings:
    """A model that embeds. What a test changes, changes how it behaves."""

    def __init__(self, name: str = "home/meanings", dimensions: int = 8) -> None:
        self.name = name
        self.alike = 0.6
        self.dimensions = dimensions
        self.away = False
        """It does not answer."""
        self.refuses: str | None = None
        """Texts with this in them are refused; empty: all."""
        self.asked: list[list[str]] = []
        """Every batch so far."""

    def embed(self, texts: Sequence[str], seconds: float) -> list[list[float] | None]:
        assert seconds > 0
        self.asked.append(list(texts))
        if self.away:
            raise ModelTrouble(f"{self.name} is away")
        if self.refuses is not None and any(self.refuses in text for text in texts):
            raise Refused(f"{self.name} refuses that")
        return [meaning(text, self.dimensions) for text in texts]


async def embeddings(call: Call) -> None:
    """A script for `fake_openai`: `/v1/embeddings` as OpenAI and Ollama answer it, last first, for
    the order is in `index`."""
    texts: list[str] = call.json["input"]
    data: list[dict[str, Any]] = [
        {"object": "embedding", "index": at, "embedding": [3 * each for each in meaning(text)]}
        for at, text in enumerate(texts)
    ]
    body = {
        "object": "list",
        "data": data[::-1],
        "model": call.json["model"],
        "usage": {"prompt_tokens": 9, "total_tokens": 9},
    }
    await answered(call, json.dumps(body).encode())


async def answered(call: Call, body: bytes, status: int = 200) -> None:
    """Answer with a JSON body."""
    headers = {"content-type": "application/json"}
    await call.head(status, headers, framing="length", length=len(body))
    await call.send(body)
    await call.end()
