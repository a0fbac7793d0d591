"""The model list, as OpenAI clients and Hermes Agent read it."""

import httpx2
import pytest
from openai.types import Model

from tests.support.standing import Standing


async def test_every_name_is_listed_with_its_true_context_length(
    client: httpx2.AsyncClient,
) -> None:
    body = (await client.get("/v1/models")).json()
    assert body["object"] == "list"
    found = {entry["id"]: entry.get("context_length") for entry in body["data"]}
    assert found == {
        "auto": 200_000,
        "resting": 40_960,
        "burst": 200_000,
        "library/coder": None,
    }
    for entry in body["data"]:
        Model.model_validate(entry, strict=True)


@pytest.mark.parametrize("name", ["auto", "resting", "burst", "library/coder"])
async def test_one_model_is_found_by_its_name_slashes_included(
    client: httpx2.AsyncClient, name: str
) -> None:
    response = await client.get(f"/v1/models/{name}")
    assert response.status_code == 200
    assert response.json()["id"] == name


@pytest.mark.parametrize("name", ["gpt-4o", "AUTO", "active", "%2e%2e%2fetc", "x" * 3000])
async def test_an_unknown_model_is_a_404_with_the_names_that_exist(
    client: httpx2.AsyncClient, name: str
) -> None:
    response = await client.get(f"/v1/models/{name}")
    assert response.status_code == 404
    error = response.json()["error"]
    assert error["code"] == "model_not_found"
    assert error["message"].endswith("there is: auto, resting, burst, library/coder")
    assert len(error["message"]) < 400


async def test_a_gateway_without_upstreams_still_lists_auto(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    runtime.places, runtime.named = (), {}
    (entry,) = (await client.get("/v1/models")).json()["data"]
    assert entry["id"] == "auto"
    assert "context_length" not in entry
