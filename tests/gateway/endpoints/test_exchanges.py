"""Exchanges as data: found from their first moment, whole, explained, and safe to download."""

import itertools

import httpx2
import orjson
import pytest

from capture.exchange import Mode, RouteDecision
from capture.ids import new_id
from capture.messages import Usage
from gateway.endpoints import lookup
from gateway.flight import InFlight
from tests.support.damage import damage_body
from tests.support.standing import CLOUD, DECISION, HOME, REPLY, Standing, ask, attempt


async def test_an_exchange_is_found_right_after_its_reply(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = runtime.exchange(ask("Good evening?"))
    body = (await client.get(f"/v1/exchanges/{id_}")).json()
    assert body["id"] == id_
    assert body["status"] == "ok"
    assert body["mode"] == "resting"
    assert body["messages"] == [
        {"role": "user", "content": [{"kind": "text", "text": "Good evening?"}]}
    ]
    assert body["reply"] == {
        "role": "assistant",
        "content": [{"kind": "text", "text": "Good evening."}],
    }
    assert body["usage"]["input_tokens"] == 14
    assert [tried["status"] for tried in body["attempts"]] == ["ok"]
    assert body["explanation"].startswith("Answered at home by qwen3:8b (RESTING)")


async def test_unknown_usage_and_cost_stay_null(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = runtime.begin()
    silent = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi."}}]}'
    runtime.end(id_, attempt(CLOUD, usage=None, cost_usd=None), raw=[silent])
    body = (await client.get(f"/v1/exchanges/{id_}")).json()
    assert body["usage"] is None
    assert body["cost_usd"] is None
    assert body["attempts"][0]["usage"] is None


async def test_an_open_exchange_shows_what_is_known(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = runtime.begin(ask("Are you there?"))
    runtime.flights = [flight(id_)]
    body = (await client.get(f"/v1/exchanges/{id_}")).json()
    assert body["status"] == "open"
    assert body["model"] == CLOUD.model, "the place tried now, after a fallback"
    assert body["explanation"].startswith("Being answered at home by qwen3:8b")
    assert body["total_s"] is None
    assert body["messages"][0]["content"][0]["text"] == "Are you there?"


async def test_an_exchange_that_only_memory_knows_is_found(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = new_id()
    runtime.flights = [flight(id_)]
    body = (await client.get(f"/v1/exchanges/{id_}")).json()
    assert (body["status"], body["alias"]) == ("open", "auto")
    listed = (await client.get("/v1/exchanges")).json()["data"]
    assert [entry["id"] for entry in listed] == [id_]
    assert (await client.get(f"/v1/exchanges/{id_}/explain")).status_code == 200


async def test_an_unknown_id_is_a_404_in_our_error_shape(client: httpx2.AsyncClient) -> None:
    unknown = ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense", "01ARZ3NDEKTSV4RRFFQ69G5FAU")
    hostile = ("..%2f..%2fetc", "x" * 5000, "%00", "' OR 1=1 --")
    parts = ("", "/explain", "/request", "/response", "/attempts/1/response")
    for id_, part in itertools.product((*unknown, *hostile), parts):
        response = await client.get(f"/v1/exchanges/{id_}{part}")
        assert response.status_code == 404, (id_, part)
        assert response.json()["error"]["code"] in ("exchange_not_found", "not_found")
        assert len(response.text) < 600


async def test_the_explanation_lists_every_rule_with_what_it_saw(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = runtime.begin()
    failed = attempt(HOME, status="http_error", http_status=503)
    runtime.end(id_, failed, attempt(CLOUD), raw=[b"", REPLY])
    body = (await client.get(f"/v1/exchanges/{id_}/explain")).json()
    assert body["sentence"] == (
        "Answered by claude-opus-4-5 at claude (BURST) after qwen3:8b answered with HTTP 503: "
        "the prompt is short and no tools are offered."
    )
    assert [(rule["name"], rule["outcome"]) for rule in body["rules"]] == [
        ("images", "no_match"),
        ("short", "chosen"),
        ("long", "not_reached"),
    ]
    assert body["rules"][0]["saw"] == [
        {"condition": "images", "wanted": "true", "found": "false", "held": False}
    ]
    assert body["excluded"][0]["place"]["mode"] == "burst"
    assert body["excluded"][0]["reason"]["code"] == "budget"
    assert body["config_generation"] == 3


@pytest.mark.parametrize(
    ("status", "begins"),
    [
        ("refused", "Refused before it could be answered "),
        ("interrupted", "Cut off, because Majordomo stopped, while being answered "),
        ("client_gone", "Left by its client before it was answered "),
    ],
)
async def test_an_exchange_without_attempts_is_never_said_to_be_answered(
    runtime: Standing, client: httpx2.AsyncClient, status: str, begins: str
) -> None:
    id_ = runtime.begin()
    runtime.end(id_, status=status, http_status=503)
    body = (await client.get(f"/v1/exchanges/{id_}/explain")).json()
    assert body["sentence"].startswith(begins)


async def test_a_decision_that_nothing_may_answer_is_explained(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = runtime.begin(decision=RouteDecision((), DECISION.reasons, ()))
    runtime.end(id_, status="refused", http_status=503)
    body = (await client.get(f"/v1/exchanges/{id_}")).json()
    assert body["mode"] is None
    assert body["explanation"].startswith("Refused, since nothing may answer: ")


async def test_raw_bytes_come_back_exactly_as_a_download_no_browser_renders(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    request = (
        b'{"model":"auto",  "messages":[{"role":"user","content":"<script>alert(1)</script>"}]}'
    )
    id_ = runtime.begin(request)
    runtime.end(id_, attempt(CLOUD), raw=[b"event: message_start\n\n"], delivered=REPLY)
    for path, body in {
        "request": request,
        "response": REPLY,
        "attempts/1/response": b"event: message_start\n\n",
        "attempts/2/response": b"",
    }.items():
        response = await client.get(f"/v1/exchanges/{id_}/{path}")
        assert response.content == body
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.headers["content-disposition"].startswith("attachment; filename=")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in response.headers["content-security-policy"]


async def test_the_list_is_newest_first_and_goes_on_where_it_stopped(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    made = [runtime.exchange(ask(f"number {n}")) for n in range(7)]
    await runtime.ingester.catch_up(30)
    first = (await client.get("/v1/exchanges?limit=3")).json()
    assert [entry["id"] for entry in first["data"]] == made[:3:-1]
    assert first["has_more"]
    second = (await client.get(f"/v1/exchanges?limit=5&before={first['next_before']}")).json()
    assert [entry["id"] for entry in second["data"]] == made[3::-1]
    assert second["next_before"] is None
    assert not second["has_more"]
    assert first["data"][0]["asked"] == "number 6"
    assert first["data"][0]["attempts"] == 1


async def test_a_filter_finds_its_kind_among_many_others(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    rare = runtime.begin()
    runtime.end(rare, attempt(CLOUD), raw=[REPLY])
    broken = runtime.begin()
    runtime.end(broken, attempt(status="broken"), raw=[b""], status="truncated")
    for n in range(8):
        runtime.exchange(ask(f"number {n}"))
    await runtime.ingester.catch_up(30)
    found = (await client.get("/v1/exchanges?mode=burst")).json()
    assert [entry["id"] for entry in found["data"]] == [rare]
    found = (await client.get("/v1/exchanges?status=truncated&mode=resting")).json()
    assert [entry["id"] for entry in found["data"]] == [broken]
    assert (await client.get("/v1/exchanges?status=truncated&mode=burst")).json()["data"] == []


async def test_a_filtered_list_looks_at_a_bounded_number_and_says_where_to_go_on(
    runtime: Standing, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "SCAN_STEP", 2)
    monkeypatch.setattr(lookup, "SCANNED", 4)
    rare = runtime.begin()
    runtime.end(rare, attempt(CLOUD), raw=[REPLY])
    for n in range(5):
        runtime.exchange(ask(f"number {n}"))
    await runtime.ingester.catch_up(30)
    first = (await client.get("/v1/exchanges?mode=burst")).json()
    assert first["data"] == []
    assert first["has_more"]
    second = (await client.get(f"/v1/exchanges?mode=burst&before={first['next_before']}")).json()
    assert [entry["id"] for entry in second["data"]] == [rare]


async def test_those_in_flight_are_listed_once(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    older = runtime.exchange()
    open_ = runtime.begin()
    await runtime.ingester.catch_up(30)
    unseen = new_id()
    runtime.flights = [flight(open_), flight(unseen)]
    listed = (await client.get("/v1/exchanges")).json()["data"]
    assert [entry["id"] for entry in listed] == [unseen, open_, older]
    for query in ("status=open", "mode=burst"):
        listed = (await client.get(f"/v1/exchanges?{query}")).json()["data"]
        assert [entry["id"] for entry in listed] == [unseen, open_]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "mode=warp", "status=fine", "before=" + "0" * 27]
)
async def test_bad_parameters_are_refused_in_our_error_shape(
    client: httpx2.AsyncClient, query: str
) -> None:
    response = await client.get(f"/v1/exchanges?{query}")
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "bad_parameter"


async def test_the_record_has_tool_calls_errors_notes_and_headers(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{"}}
    reply = orjson.dumps(
        {"choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": [call]}}]}
    )
    id_ = runtime.begin(headers={"user-agent": "OpenAI/Python 2.24.0"}, key="hermes")
    runtime.end(
        id_,
        attempt(),
        raw=[reply],
        error={"message": "it broke off", "code": "upstream_failed"},
        notes=("`seed` was left out",),
        usage=Usage(input_tokens=3),
    )
    body = (await client.get(f"/v1/exchanges/{id_}")).json()
    assert body["reply"]["tool_calls"] == [{"id": "call_1", "name": "f", "arguments": "{"}]
    assert body["error"]["code"] == "upstream_failed"
    assert body["notes"] == ["`seed` was left out"]
    assert body["headers"] == {"user-agent": "OpenAI/Python 2.24.0"}
    assert body["key"] == "hermes"
    assert body["called"] == ["f"]


def flight(id_: str) -> InFlight:
    """In flight at the cloud, after a fallback from home."""
    return InFlight(
        id=id_,
        started_at=1_763_700_000.0,
        alias="auto",
        mode=Mode.BURST,
        upstream=CLOUD.upstream,
        model=CLOUD.model,
        stream=True,
        bytes_out=120,
    )


async def test_a_damaged_exchange_is_told_as_such_and_all_others_are_shown(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    lost, sound = runtime.exchange(ask("Lost?")), runtime.exchange(ask("Sound?"))
    assert await runtime.ingester.catch_up(30)
    damage_body(runtime.store.path, lost)
    for path in ("", "/explain", "/request", "/response", "/attempts/1/response"):
        refused = await client.get(f"/v1/exchanges/{lost}{path}")
        assert refused.status_code == 500
        error = refused.json()["error"]
        assert (error["code"], error["who"]) == ("damaged", "gateway")
        assert lost in error["message"]
        assert "majordomo restore" in error["message"]
    assert (await client.get(f"/v1/exchanges/{sound}")).status_code == 200
    listed = (await client.get("/v1/exchanges")).json()["data"]
    assert [each["id"] for each in listed] == [sound, lost]
    assert (await client.get("/v1/weekly")).status_code == 200
    page = await client.get(f"/exchanges/{lost}")
    assert page.status_code == 500
    assert "cannot be shown" in page.text
    assert (await client.get("/")).status_code == 200
