"""Models at home as `capture.recall_models` asks for them: `/embeddings` and `/chat/completions` of
an OpenAI-compatible upstream.

The settings name them, and `gateway.config_checks` lets only upstreams inside the house through:
what is sent are words of exchanges. They are asked by threads that may wait, over connections of
their own, by the transport of every request with all that it refuses. An answer is somebody else's:
bounded, and narrowed to what was asked for.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from capture.narrowing import Malformed, dumps, list_of, object_of, read_object, text_of, whole
from capture.recall_models import BUILT_IN, Models, ModelTrouble, Refused
from gateway.settings import Deadlines, Settings, Target, UpstreamSettings
from gateway.upstreams.base import Prepared
from gateway.upstreams.openai_compatible import OpenAICompatible
from gateway.upstreams.transport import BrokenReply, HttpTransport, TransportError

MOST_DIMENSIONS = 8192
_REPLY_BYTES = 32 * 1024 * 1024
"""Largest answer: 32 vectors of the widest in JSON take a quarter of it."""
_LARGEST = 1e30
"""Of a vector's numbers; more is nonsense."""
_ERROR_CHARACTERS = 200
_REFUSED = (400, 413, 422)
"""Statuses that may be about the text alone."""

Json = Mapping[str, Any]


class HomeModel:
    """One model at one upstream."""

    def __init__(self, target: Target, upstream: UpstreamSettings, key: str | None) -> None:
        self.name = f"{target.upstream}/{target.model}"
        self._model = target.model
        self._base_url = upstream.base_url or ""
        self._key = key
        self._dialect = OpenAICompatible(target.upstream, upstream, key)
        self._connect = upstream.deadlines.connect

    def ask(self, what: str, body: Json, seconds: float) -> Json:
        """What it answers at `what`, below the upstream's address. Raises ModelTrouble."""
        prepared = self._dialect.post(dumps({"model": self._model, **body}).encode(), what)
        deadlines = Deadlines(
            connect=min(self._connect, seconds), first_token=seconds, idle=seconds, total=seconds
        )
        try:
            status, answer = asyncio.run(_posted(self._base_url, prepared, deadlines))
        except TransportError as error:
            raise ModelTrouble(f"{self.name} was asked in vain: {error}") from None
        if status != 200:
            said = self._said(answer)
            kind = Refused if status in _REFUSED else ModelTrouble
            raise kind(f"{self.name} answered with HTTP {status}: {said}")
        try:
            return read_object(answer)
        except Malformed:
            raise self.nonsense() from None

    def nonsense(self) -> ModelTrouble:
        """It answered, and not what it was asked."""
        return ModelTrouble(f"{self.name} answered with something else than it was asked for")

    def _said(self, answer: bytes) -> str:
        """The beginning of an error, without the key: some quote the key they refuse."""
        text = answer.decode("utf-8", "replace")
        if self._key:
            text = text.replace(self._key, "***")
        return " ".join(text[:_ERROR_CHARACTERS].split())


class HomeEmbedder:
    """Makes vectors by `/embeddings`."""

    def __init__(self, model: HomeModel, alike: float) -> None:
        self.name = model.name
        self.alike = alike
        self._model = model

    def embed(self, texts: Sequence[str], seconds: float) -> list[list[float] | None]:
        """As `capture.recall_models.Embedder` has it."""
        body = {"input": [whole(text) for text in texts], "encoding_format": "float"}
        said = self._model.ask("/embeddings", body, seconds)
        found = [object_of(each) for each in list_of(said.get("data"))]
        by_place = {each.get("index"): each.get("embedding") for each in found if each is not None}
        vectors = [_vector(by_place.get(place)) for place in range(len(texts))]
        if len(found) != len(texts) or len({len(vector) for vector in vectors}) != 1:
            raise self._model.nonsense()
        if not vectors[0]:
            raise self._model.nonsense()
        return list(vectors)


class HomeWriter:
    """Writes by `/chat/completions`."""

    def __init__(self, model: HomeModel) -> None:
        self.name = model.name
        self._model = model

    def write(self, instruction: str, text: str, tokens: int, seconds: float) -> str:
        """As `capture.recall_models.Writer` has it."""
        body = {
            "messages": [
                {"role": "system", "content": instruction},
                {"role": "user", "content": whole(text)},
            ],
            "max_tokens": tokens,
            "temperature": 0,
            "stream": False,
        }
        choices = list_of(self._model.ask("/chat/completions", body, seconds).get("choices"))
        choice = object_of(choices[0]) if choices else None
        message = None if choice is None else object_of(choice.get("message"))
        return (None if message is None else text_of(message.get("content"))) or ""


def models_of(settings: Settings, environ: Mapping[str, str] = os.environ) -> Models:
    """Who helps recall, as the settings say."""
    recall = settings.capture.recall

    def model(target: Target) -> HomeModel:
        upstream = settings.upstreams[target.upstream]
        key = environ.get(upstream.api_key_env) if upstream.api_key_env else None
        return HomeModel(target, upstream, key)

    embedding, distill = recall.embedding, recall.distill
    return Models(
        BUILT_IN if embedding is None else HomeEmbedder(model(embedding), embedding.alike),
        None if distill is None else HomeWriter(model(distill)),
    )


def _vector(value: object) -> list[float]:
    """A vector at length 1; empty for anything else."""
    numbers = [each for each in list_of(value) if isinstance(each, float | int)]
    if len(numbers) != len(list_of(value)) or len(numbers) > MOST_DIMENSIONS:
        return []
    length = math.hypot(*numbers) if all(abs(each) < _LARGEST for each in numbers) else 0.0
    return [each / length for each in numbers] if length else []


async def _posted(base_url: str, prepared: Prepared, deadlines: Deadlines) -> tuple[int, bytes]:
    """Status and body of one answer. Raises TransportError."""
    transport = HttpTransport(base_url)
    try:
        reply = await transport.post(prepared, deadlines)
        body = bytearray()
        try:
            while data := await reply.read():
                body += data
                if len(body) > _REPLY_BYTES:
                    raise BrokenReply("the answer is too long")
        finally:
            reply.close()
        return reply.status, bytes(body)
    finally:
        transport.close()
        await asyncio.sleep(0)  # the connection is closed in the loop's next turn
