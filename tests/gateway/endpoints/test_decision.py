"""The dry run of a decision, as clients ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.config_load import load_bytes
from tests.support.policies import HOUSE, RULES
from tests.support.standing import Standing, ask

if TYPE_CHECKING:
    import httpx2


def serve(runtime: Standing, more: str = "") -> None:
    runtime.settings = load_bytes((HOUSE + RULES + more).encode(), "m.yaml").settings


async def test_it_says_who_would_answer_why_and_what_every_place_would_cost(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    serve(runtime, "  budget: {day_usd: 0.05}\n")
    response = await client.post("/v1/decision", content=ask("Hello?"))
    assert response.status_code == 200
    said = response.json()
    assert said["sentence"] == (
        "Would be answered at home by small (RESTING): no rule decides and the default is resting."
    )
    assert (said["mode"], said["upstream"], said["model"]) == ("resting", "ollama", "small")
    assert [rule["outcome"] for rule in said["rules"]] == ["no_match"] * 3
    assert said["rules"][1]["saw"][0]["wanted"] == "60000"
    cloud = said["choices"][2]
    assert cloud["ruled_out"]["code"] == "budget"
    assert 0 < cloud["prompt_usd"] < 0.001 < cloud["worst_case_usd"]
    assert said["choices"][0]["worst_case_usd"] == 0.0


async def test_the_headers_it_comes_with_count_as_a_request_s_do(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    serve(runtime)
    headers = {"x-majordomo-private": "1", "x-majordomo-skill": "finance/tax"}
    body = ask("Hello?").replace(b"auto", b"burst")
    said = (await client.post("/v1/decision", content=body, headers=headers)).json()
    assert (said["private"], said["mode"], said["skill"]) == (True, "active", "finance/tax")
    assert said["choices"][2]["ruled_out"]["code"] == "private"


async def test_get_takes_a_body_too(runtime: Standing, client: httpx2.AsyncClient) -> None:
    serve(runtime)
    response = await client.request("GET", "/v1/decision", content=ask("Hello?"))
    assert response.json()["mode"] == "resting"


async def test_what_is_no_request_is_refused_as_a_request_would_be(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    serve(runtime)
    for body, status, code in (
        (b"{", 400, "bad_json"),
        (b'{"model":"auto"}', 400, "bad_request"),
        (ask("Hello?").replace(b"auto", b"gpt"), 404, "model_not_found"),
    ):
        response = await client.post("/v1/decision", content=body)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_a_body_over_the_limit_is_refused_while_it_is_read(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    runtime.settings = load_bytes(
        (HOUSE + "server: {limits: {body_bytes: 1024}}\n").encode(), "m.yaml"
    ).settings
    response = await client.post("/v1/decision", content=ask("a" * 2000))
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


async def test_where_nothing_may_answer_it_says_so_instead_of_failing(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    runtime.settings = load_bytes(
        (HOUSE.partition("  resting")[0] + HOUSE[HOUSE.index("  burst") :]).encode(), "m.yaml"
    ).settings
    response = await client.post(
        "/v1/decision", content=ask("Hello?"), headers={"x-majordomo-private": "yes"}
    )
    said = response.json()
    assert said["sentence"].startswith("Would be refused, since nothing may answer")
    assert (said["mode"], said["candidates"]) == (None, [])
