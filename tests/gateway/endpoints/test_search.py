from __future__ import annotations

import sys

import httpx2
import pytest

from capture.indexing import take_in
from tests.support.standing import REPLY, Standing, ask, attempt


@pytest.fixture
async def asked(runtime: Standing) -> str:
    id_ = runtime.exchange(ask("Where is the <b>key</b> to the attic?"))
    assert await runtime.ingester.catch_up(30)
    assert runtime.recall is not None
    take_in(runtime.store, runtime.recall, runtime.redactor)
    return id_


async def test_an_exchange_is_found_by_its_words_with_an_excerpt(
    client: httpx2.AsyncClient, asked: str
) -> None:
    reply = await client.get("/v1/search", params={"q": "ATTIC key"})
    assert reply.status_code == 200
    (hit,) = reply.json()["data"]
    assert hit["exchange"]["id"] == asked
    assert "**attic**" in hit["excerpt"]
    none = await client.get("/v1/search", params={"q": "attic", "mode": "active"})
    assert none.json()["data"] == []


async def test_an_exchange_is_found_by_what_it_asks_by_its_tag_and_by_its_adapter(
    client: httpx2.AsyncClient, runtime: Standing
) -> None:
    id_ = runtime.begin(ask("Turn the lights off"), headers={"x-majordomo-tags": "House, evening"})
    runtime.end(id_, attempt(adapter="a-1"), raw=[REPLY])
    assert await runtime.ingester.catch_up(30)
    assert runtime.recall is not None
    take_in(runtime.store, runtime.recall, runtime.redactor)

    async def found(**params: str) -> list[str]:
        reply = await client.get("/v1/search", params={"q": "turning a light off", **params})
        return [hit["exchange"]["id"] for hit in reply.json()["data"]]

    assert await found() == await found(by="meaning", tag="House", adapter="a-1") == [id_]
    assert await found(by="words") == await found(tag="other") == await found(adapter="a-2") == []
    reply = (await client.get("/v1/search", params={"q": "turning a light off"})).json()
    (hit,) = reply["data"]
    assert (hit["held"], hit["distilled"], reply["note"]) == (False, None, None)
    assert hit["excerpt"] == "Turn the lights off"
    assert 0.25 < hit["alike"] <= 1


async def test_without_numpy_a_search_says_that_words_alone_were_searched(
    client: httpx2.AsyncClient, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    reply = (await client.get("/v1/search", params={"q": "attic"})).json()
    assert [hit["exchange"]["id"] for hit in reply["data"]] == [asked]
    assert "numpy" in reply["note"]
    refused = await client.get("/v1/search", params={"q": "attic", "by": "meaning"})
    assert refused.status_code == 503
    assert "numpy" in refused.json()["error"]["message"]


async def test_a_search_for_nothing_is_refused_in_our_error_shape(
    client: httpx2.AsyncClient, asked: str
) -> None:
    assert asked
    wrong = ({"mode": "x"}, {"limit": "0"}, {"by": "x"}, {"q": "-attic"})
    for params in ({}, *({"q": "attic", **each} for each in wrong)):
        reply = await client.get("/v1/search", params=params)
        assert 400 <= reply.status_code < 500
        assert reply.json()["error"]["message"]


async def test_before_the_words_are_open_a_search_says_so(
    client: httpx2.AsyncClient, runtime: Standing
) -> None:
    assert runtime.recall is not None
    runtime.recall.close()
    runtime.recall = None
    reply = await client.get("/v1/search", params={"q": "attic"})
    assert reply.status_code == 503
