"""Liveness, readiness, metrics and status tell one and the same truth."""

from dataclasses import replace

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.endpoints.vitals import problems, vitals
from routers.features import Budget
from tests.support.standing import Failing, House, Standing


async def test_a_live_process_says_so_whatever_else_is_wrong(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    runtime.places = ()
    runtime.draining = True
    response = await client.get("/livez")
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}
    assert (await client.head("/livez")).status_code == 200


async def test_a_gateway_with_a_healthy_place_is_ready(client: httpx2.AsyncClient) -> None:
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "reasons": []}


async def test_what_stops_requests_makes_it_unready_and_is_named(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    runtime.draining = True
    runtime.journal = Failing("No space left on device: /secret/path")
    runtime.places = tuple(replace(place, healthy=False) for place in runtime.places)
    runtime.named = {}
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "unready",
        "reasons": ["draining", "no_upstream", "capture"],
    }
    assert "secret" not in response.text, "what is public tells codes only"


async def test_serving_unrecorded_is_ready_but_says_so(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    runtime.refuse_unrecorded(False)
    runtime.journal = Failing("No space left on device")
    assert (await client.get("/readyz")).status_code == 200
    (problem,) = (await client.get("/v1/status")).json()["problems"]
    assert problem["effect"] == "warns"
    assert problem["text"] == "Exchanges are NOT being recorded: No space left on device"


async def test_a_refused_settings_file_shows_in_status_and_metrics(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    runtime.config.error = ValueError("majordomo.yaml:3:1: unknown field `uptsreams`")
    (problem,) = (await client.get("/v1/status")).json()["problems"]
    assert problem["code"] == "config"
    assert "load 3 still serves" in problem["text"]
    assert "majordomo.yaml:3:1" in problem["text"]
    metrics = (await client.get("/metrics")).text
    assert "majordomo_config_error 1.0" in metrics
    assert "majordomo_config_generation 3.0" in metrics


@pytest.mark.parametrize(
    ("budget", "words"),
    [(Budget(day_left_usd=0.0), "today"), (Budget(None, -0.1), "this month")],
)
def test_a_spent_budget_is_a_warning(runtime: Standing, budget: Budget, words: str) -> None:
    runtime.ledger.budget = budget
    (problem,) = problems(vitals(runtime))
    assert problem.code == "budget"
    assert words in problem.text


def test_what_models_do_not_give_for_searching_is_a_warning(runtime: Standing) -> None:
    runtime.recall_failures = ["no vectors are made: ollama/m was asked in vain"]
    (problem,) = problems(vitals(runtime))
    assert (problem.code, problem.effect) == ("recall", "warns")
    assert "ollama/m was asked in vain" in problem.text


def test_the_house_model_is_said_to_start_then_to_fail_then_nothing(runtime: Standing) -> None:
    runtime.house = House()
    (problem,) = problems(vitals(runtime))
    assert problem.text == "The house model is starting; requests for it wait"
    runtime.house.failure = "it exited with status 1"
    (problem,) = problems(vitals(runtime))
    assert problem.text == "The house model does not run: it exited with status 1"
    runtime.house.failure = None
    runtime.house.ready.set()
    assert problems(vitals(runtime)) == ()


def test_an_incumbent_that_cannot_be_served_is_told_with_what_goes_on(runtime: Standing) -> None:
    runtime.house = House(adapter_failure="adapter B is refused: it was trained on another base")
    runtime.house.ready.set()
    (problem,) = problems(vitals(runtime))
    assert (problem.code, problem.effect) == ("adapter", "warns")
    assert problem.text == (
        "The house model goes on with the base alone: "
        "adapter B is refused: it was trained on another base"
    )
    runtime.house.adapter = "A"
    (problem,) = problems(vitals(runtime))
    assert "goes on with adapter A" in problem.text


def test_settings_that_wait_for_a_restart_are_named(runtime: Standing) -> None:
    runtime.config.current.restart_needed = ("server.port",)
    (problem,) = problems(vitals(runtime))
    assert problem.text == "Changed settings wait for a restart: server.port"


def test_a_rested_upstream_is_named_once(runtime: Standing) -> None:
    runtime.places = (replace(runtime.places[0], healthy=False), runtime.places[1])
    runtime.named = {"also": replace(runtime.places[0], mode=None)}
    (problem,) = problems(vitals(runtime))
    assert problem.code == "circuit_open"
    assert problem.effect == "warns"
    assert problem.text.startswith("ollama ")


async def test_metrics_are_in_prometheus_s_text_format(client: httpx2.AsyncClient) -> None:
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert {"majordomo_in_flight", "majordomo_ingest_lag_bytes", "majordomo_requests"} <= names


async def test_status_carries_what_the_runtime_says(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/status")).json() == {
        "version": "0",
        "draining": False,
        "problems": [],
    }
