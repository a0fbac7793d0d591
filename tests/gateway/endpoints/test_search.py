from __future__ import annotations

import httpx2
import pytest

from capture.indexing import take_in
from tests.support.standing import Standing, ask


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


async def test_a_search_for_nothing_is_refused_in_our_error_shape(
    client: httpx2.AsyncClient, asked: str
) -> None:
    assert asked
    for params in ({"q": "-attic"}, {"q": "attic", "mode": "x"}, {"q": "attic", "limit": "0"}, {}):
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
