"""Models at home over real sockets, in the wire format of `/v1/embeddings`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from capture.indexing import Indexer
from capture.recall_models import BUILT_IN, Embedder, ModelTrouble, Refused
from capture.redact import Redactor
from capture.sought import Sought
from gateway.settings import Settings
from gateway.upstreams.home_models import models_of
from tests.support.fake_openai import FakeOpenAI
from tests.support.fake_scripts import Call, completion
from tests.support.journals import capturing
from tests.support.kitchen import answer, exchange, user
from tests.support.meanings import answered, embeddings, meaning

KEY = "sk-of-this-house"


@pytest.fixture
async def server() -> AsyncGenerator[FakeOpenAI]:
    fake = FakeOpenAI()
    fake.default = embeddings
    await fake.start()
    yield fake
    await fake.stop()
    assert fake.errors == []


def settings(server: FakeOpenAI, **recall: object) -> Settings:
    target = {"upstream": "ollama", "model": "nomic-embed-text"}
    upstream = {"kind": "openai_compatible", "base_url": server.base_url, "api_key_env": "HOUSE"}
    return Settings.model_validate(
        {
            "upstreams": {"ollama": upstream},
            "capture": {"recall": recall or {"embedding": {**target, "alike": 0.6}}},
        }
    )


def embedder(server: FakeOpenAI) -> Embedder:
    return models_of(settings(server), {"HOUSE": KEY}).embedder


async def embed(server: FakeOpenAI, *texts: str, seconds: float = 5.0) -> object:
    return await asyncio.to_thread(embedder(server).embed, texts, seconds)


def says(body: object, status: int = 200):  # a script
    async def script(call: Call) -> None:
        await answered(call, json.dumps(body).encode(), status)

    return script


async def test_a_batch_is_asked_for_and_every_vector_comes_back_in_its_place(
    server: FakeOpenAI,
) -> None:
    made = await embed(server, "lamp", "cat", "caf\u00e9 \ud800")
    assert made == [pytest.approx(meaning(text)) for text in ("lamp", "cat", "caf\u00e9")]
    (call,) = server.calls
    assert (call.method, call.target) == ("POST", "/v1/embeddings")
    assert call.header("authorization") == f"Bearer {KEY}"
    assert call.json == {
        "model": "nomic-embed-text",
        "input": ["lamp", "cat", "caf\u00e9 \ufffd"],
        "encoding_format": "float",
    }


def test_without_such_settings_nobody_is_asked() -> None:
    models = models_of(Settings())
    assert models.embedder is BUILT_IN
    assert models.writer is None


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"error": {"message": "the input is too long"}}, 400, Refused),
        ({"error": f"no key {KEY}"}, 401, ModelTrouble),
        ({"error": {"message": "no such model"}}, 404, ModelTrouble),
        ({"data": []}, 200, ModelTrouble),
        ([], 200, ModelTrouble),
        ({"data": [{"index": 0, "embedding": [0.0, 0.0]}]}, 200, ModelTrouble),
        ({"data": [{"index": 0, "embedding": ["1", "2"]}]}, 200, ModelTrouble),
        ({"data": [{"index": 0, "embedding": [1e40, 1]}]}, 200, ModelTrouble),
        ({"data": [{"index": 0, "embedding": [1.0] * 9000}]}, 200, ModelTrouble),
        ({"data": [{"index": 0, "embedding": "AACAPw=="}]}, 200, ModelTrouble),
        ({"data": [{"index": 7, "embedding": [1.0]}]}, 200, ModelTrouble),
        ({"data": [{"index": 0, "embedding": [1.0]}] * 2}, 200, ModelTrouble),
    ],
)
async def test_what_is_no_vector_is_trouble_that_tells_no_key(
    server: FakeOpenAI, body: object, status: int, kind: type[ModelTrouble]
) -> None:
    server.default = says(body, status)
    with pytest.raises(ModelTrouble, match="ollama/nomic-embed-text") as caught:
        await embed(server, "lamp")
    assert type(caught.value) is kind
    assert KEY not in str(caught.value)


async def test_one_that_is_silent_or_away_is_waited_for_no_longer_than_said(
    server: FakeOpenAI,
) -> None:
    async def silent(call: Call) -> None:
        await call.closed.wait()

    server.default = silent
    with pytest.raises(ModelTrouble, match="no answer within"):
        await embed(server, "lamp", seconds=0.1)
    await server.stop()
    with pytest.raises(ModelTrouble, match="cannot connect"):
        await embed(server, "lamp")


async def test_a_writer_is_asked_as_a_chat_and_its_words_come_back(server: FakeOpenAI) -> None:
    async def chat(call: Call) -> None:
        await answered(call, completion('{"core": "x"}'))

    server.default = chat
    target = {"upstream": "ollama", "model": "qwen3:4b"}
    writer = models_of(settings(server, distill=target), {}).writer
    assert writer is not None
    assert writer.name == "ollama/qwen3:4b"
    said = await asyncio.to_thread(writer.write, "Distil.", "{}", 300, 5.0)
    assert said == '{"core": "x"}'
    (call,) = server.calls
    assert call.target == "/v1/chat/completions"
    assert [message["role"] for message in call.json["messages"]] == ["system", "user"]
    assert (call.json["model"], call.json["max_tokens"]) == ("qwen3:4b", 300)
    server.default = says({"choices": []})
    assert await asyncio.to_thread(writer.write, "Distil.", "{}", 300, 5.0) == ""


async def test_the_index_thread_has_exchanges_embedded_redacted_and_found_by_meaning(
    server: FakeOpenAI, tmp_path: Path
) -> None:
    secret = "ghp_" + "a1b2" * 9
    with capturing(tmp_path) as (journal, ingester, store):
        lamp = exchange(journal, [user(f"Switch the lamp off, {secret}")], answer("Done."))
        exchange(journal, [user("Order cat food")], answer("Ordered."))
        assert await ingester.catch_up(30)
        models = models_of(settings(server), {"HOUSE": KEY})
        redactor = Redactor("secrets", b"of this house")
        indexer = Indexer(store, tmp_path / "search.db", lambda: redactor, models=lambda: models)
        indexer.open()
        assert indexer.step() == 2
        await asyncio.to_thread(indexer.ask)
        assert indexer.recall is not None
        sought = Sought("Make it dark", by="meaning")
        found = await asyncio.to_thread(indexer.recall.find, sought)
        assert [hit.exchange for hit in found.hits] == [lamp]
        await server.stop()
        found = await asyncio.to_thread(indexer.recall.find, Sought("lamp"))
        assert [hit.exchange for hit in found.hits] == [lamp]
        assert "cannot connect" in (found.note or "")
        indexer.stop()
    assert all(secret.encode() not in call.body for call in server.calls)
