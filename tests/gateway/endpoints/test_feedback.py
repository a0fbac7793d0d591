"""Feedback through the API: taken at once, said once, by who may, and told what is wrong."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.exchange import Mode
from capture.feedback import COMMENT_CHARACTERS, DEMONSTRATION_CHARACTERS
from capture.framing import Position
from capture.ids import new_id
from capture.journal import JournalError
from gateway.endpoints.accepting import BODY_BYTES
from gateway.flight import InFlight
from gateway.heard import AT_ONCE, Heard
from gateway.own_key import NAME as OWN_KEY
from gateway.settings import CaptureSettings, Settings
from gateway.wire_feedback import FeedbackBody
from tests.support.browsing import read_by
from tests.support.standing import REPLY, Standing, ask, attempt

PATH = "/v1/feedback"
Client = httpx2.AsyncClient


async def say(client: Client, **body: Any) -> httpx2.Response:
    return await client.post(PATH, json=body)


async def told(client: Client, **about: str) -> list[dict[str, Any]]:
    response = await client.get(PATH, params=about)
    assert response.status_code == 200
    return response.json()["data"]


def assert_refused(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() >= {"message", "type", "param", "code", "who"}
    assert len(error["message"]) < 400
    return error


async def test_feedback_is_taken_told_and_makes_the_outcome(
    runtime: Standing, client: Client
) -> None:
    id_ = runtime.exchange()
    response = await say(client, exchange=id_, value=True, comment="as I like it")
    assert response.status_code == 201
    given = response.json()
    assert given["object"] == "feedback"
    assert (given["exchange"], given["value"], given["comment"]) == (id_, 1.0, "as I like it")
    assert (given["key"], given["source"], given["conversation"]) == (None, "api", None)
    assert await told(client, exchange=id_) == [given]
    found = (await client.get(f"/v1/exchanges/{id_}")).json()
    assert found["outcome"] == "success"
    assert found["what_came_of_it"]["evidence"] == [
        ["praised", "the local user calls it good: as I like it"]
    ]


async def test_a_word_on_training_releases_what_waits_once_however_often_it_is_sent(
    runtime: Standing, client: Client
) -> None:
    request = orjson.dumps({"model": "auto", "messages": read_by("web_search", "Sunny.")})
    id_ = runtime.exchange(request)
    assert (await told(client, exchange=id_)) == []
    assert [each.id for each in runtime.store.waiting(runtime.redactor).found] == [id_]
    body: dict[str, Any] = {"exchange": id_, "train": True, "idempotency_key": "review-1"}
    assert [(await say(client, **body)).status_code for _ in range(2)] == [201, 200]
    assert_refused(await say(client, **body | {"train": False}), 409, "idempotency_conflict")
    (given,) = await told(client, exchange=id_)
    assert (given["train"], given["value"]) == (True, None)
    assert runtime.store.waiting(runtime.redactor).total == 0
    found = (await client.get(f"/v1/exchanges/{id_}")).json()
    assert found["outcome"] is None
    wrong = await say(client, exchange=id_, train="yes")
    assert assert_refused(wrong, 422, "bad_parameter")["param"] == "train"


async def test_feedback_says_which_key_said_it(runtime: Standing, client: Client) -> None:
    id_ = runtime.begin(key="hermes")
    runtime.end(id_, attempt(), raw=[REPLY])
    runtime.speaker = "hermes"
    assert (await say(client, exchange=id_, value=False)).json()["key"] == "hermes"


async def test_an_exchange_in_flight_or_just_ended_is_known(
    runtime: Standing, client: Client
) -> None:
    flying = new_id()
    runtime.flights = [
        InFlight(flying, 0.0, "auto", Mode.RESTING, "ollama", "q", True, 0, "laptop")
    ]
    runtime.speaker = "laptop"
    assert (await say(client, exchange=flying, value=True)).status_code == 201
    runtime.flights = []
    begun = runtime.begin(key="laptop")
    assert (await say(client, exchange=begun, value=False)).status_code == 201
    runtime.end(begun, attempt(), raw=[REPLY])
    assert (await client.get(f"/v1/exchanges/{begun}")).json()["outcome"] == "failure"


async def test_a_conversation_is_spoken_of_by_any_of_its_exchanges(
    runtime: Standing, client: Client
) -> None:
    first = runtime.exchange()
    asked = {"role": "user", "content": "Good evening?"}
    answered = {"role": "assistant", "content": "Good evening."}
    messages = [asked, answered, {"role": "user", "content": "And now?"}]
    second = runtime.exchange(orjson.dumps({"model": "auto", "messages": messages}))
    given = await say(client, conversation=first, value=False)
    assert given.status_code == 201
    assert [each["id"] for each in await told(client, conversation=second)] == [given.json()["id"]]
    assert [each["id"] for each in await told(client, exchange=second)] == [given.json()["id"]]
    assert await told(client, exchange=first) == []


# row 24 of the bad input: the id of another key's exchange


@pytest.mark.parametrize("about", ["exchange", "conversation"])
async def test_another_key_s_exchange_does_not_exist(
    runtime: Standing, client: Client, about: str
) -> None:
    stored = runtime.begin(key="hermes")
    runtime.end(stored, attempt(), raw=[REPLY])
    before_keys = runtime.exchange()
    flying = new_id()
    runtime.flights = [
        InFlight(flying, 0.0, "auto", Mode.RESTING, "ollama", "q", True, 0, "hermes")
    ]
    runtime.speaker = "laptop"
    unknown = assert_refused(
        await say(client, **{about: new_id(), "value": True}), 404, "exchange_not_found"
    )
    for id_ in (stored, before_keys, flying):
        refused = await say(client, **{about: id_, "value": True})
        error = assert_refused(refused, 404, "exchange_not_found")
        assert error.keys() == unknown.keys()
        assert_refused(await client.get(PATH, params={about: id_}), 404, "exchange_not_found")
    runtime.speaker = None
    assert await told(client, exchange=stored) == []


async def test_the_command_line_s_own_key_speaks_for_the_house(
    runtime: Standing, client: Client
) -> None:
    id_ = runtime.begin(key="hermes")
    runtime.speaker = OWN_KEY
    assert (await say(client, exchange=id_, value=True)).status_code == 201


# row 25: floods, replays, wrong types, unknown ids


async def test_what_is_sent_again_is_said_once_however_late(
    runtime: Standing, client: Client
) -> None:
    id_ = runtime.exchange()
    body = {"exchange": id_, "value": 0.3, "idempotency_key": "run-7"}
    first = await say(client, **body)
    assert first.status_code == 201
    at_once = await say(client, **body)
    assert await runtime.ingester.catch_up(30)
    runtime.heard = Heard()  # as after a restart
    later = await say(client, **body)
    assert (at_once.status_code, later.status_code) == (200, 200)
    assert first.json() == at_once.json() == later.json()
    assert len(await told(client, exchange=id_)) == 1


async def test_many_at_once_under_one_name_are_one(runtime: Standing, client: Client) -> None:
    id_ = runtime.exchange()
    assert await runtime.ingester.catch_up(30)
    body = {"exchange": id_, "value": True, "idempotency_key": "run-7"}
    replies = await asyncio.gather(*(say(client, **body) for _ in range(20)))
    assert sorted(reply.status_code for reply in replies) == [200] * 19 + [201]
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert len(await told(client, exchange=id_)) == 1


@pytest.mark.parametrize("stored", [False, True])
async def test_other_words_under_a_used_name_are_refused(
    runtime: Standing, client: Client, stored: bool
) -> None:
    id_ = runtime.exchange()
    assert (await say(client, exchange=id_, value=True, idempotency_key="a")).status_code == 201
    if stored:
        assert await runtime.ingester.catch_up(30)
        runtime.heard = Heard()
    for other in ({"value": False}, {"value": True, "comment": "yes"}):
        refused = await say(client, exchange=id_, idempotency_key="a", **other)
        assert_refused(refused, 409, "idempotency_conflict")
    runtime.speaker = OWN_KEY
    assert (await say(client, exchange=id_, value=False, idempotency_key="a")).status_code == 201


async def test_a_flood_is_held_off_and_nobody_else_with_it(
    runtime: Standing, client: Client
) -> None:
    runtime.heard = Heard(now=lambda: 0.0)
    id_ = runtime.begin(key="hermes")
    runtime.speaker = "hermes"
    statuses = [
        (await say(client, exchange=new_id(), value=True)).status_code for _ in range(AT_ONCE)
    ]
    assert set(statuses) == {404}, "an unknown id counts as well"
    refused = await say(client, exchange=id_, value=True)
    assert_refused(refused, 429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    runtime.speaker = OWN_KEY
    assert (await say(client, exchange=id_, value=True)).status_code == 201


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a value of text": ({"value": "good"}, "value"),
    "a value past the end": ({"value": 1.01}, "value"),
    "a negative value": ({"value": -1}, "value"),
    "a value that is a list": ({"value": [True]}, "value"),
    "a comment that is a number": ({"comment": 7}, "comment"),
    "an empty comment": ({"comment": ""}, "comment"),
    "a long comment": ({"comment": "x" * (COMMENT_CHARACTERS + 1)}, "comment"),
    "a demonstration that is a message": ({"demonstration": {"role": "x"}}, "demonstration"),
    "a long demonstration": (
        {"demonstration": "x" * (DEMONSTRATION_CHARACTERS + 1)},
        "demonstration",
    ),
    "an idempotency key that is a number": ({"value": 1, "idempotency_key": 7}, "idempotency_key"),
    "an unknown field": ({"value": True, "score": 7}, "score"),
    "somebody else's name": ({"value": True, "key": "hermes"}, "key"),
    "a source of its own": ({"value": True, "source": "page"}, "source"),
    "nothing": ({}, "value"),
    "nulls": ({"value": None, "comment": None}, "value"),
    "NUL": ({"comment": "a\0b"}, "comment"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_no_feedback_is_a_422_that_names_the_field(
    runtime: Standing, client: Client, name: str
) -> None:
    id_ = runtime.exchange()
    body, param = WRONG[name]
    error = assert_refused(await say(client, exchange=id_, **body), 422, "bad_parameter")
    assert error["param"] == param
    assert f"{param}" in error["message"]
    assert await told(client, exchange=id_) == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_json"),
        (b"not json", 400, "bad_json"),
        (b"[]", 400, "bad_json"),
        (b'"text"', 400, "bad_json"),
        (b'{"value": NaN}', 400, "bad_json"),
        (b'{"comment": "\\ud800"}', 400, "bad_json"),
        (b"[" * 100_000, 400, "bad_json"),
        (b'{"value": 1e400}', 400, "bad_json"),
        (b'{"value": true}', 422, "bad_parameter"),
        (b" " * (BODY_BYTES + 1), 413, "request_too_large"),
        (b'{"exchange": "../../x", "value": true}', 404, "exchange_not_found"),
        (b'{"exchange": "", "value": true}', 404, "exchange_not_found"),
        (b'{"exchange": 7, "value": true}', 422, "bad_parameter"),
    ],
)
async def test_bodies_that_say_nothing_are_told_so(
    client: Client, body: bytes, status: int, code: str
) -> None:
    assert_refused(await client.post(PATH, content=body), status, code)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
BODIES = st.dictionaries(st.sampled_from(sorted(FeedbackBody.model_fields)) | st.text(), JSON)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
async def test_whatever_is_sent_is_taken_or_told_what_is_wrong(
    runtime: Standing, client: Client, body: dict[str, Any]
) -> None:
    runtime.heard = Heard()
    raw = json.dumps(body).encode()
    response = await client.post(PATH, content=raw)
    assert response.status_code in (400, 404, 422)
    assert response.json()["error"]["who"] == "client"


@pytest.mark.parametrize("about", [{}, {"exchange": "0" * 26, "conversation": "0" * 26}])
async def test_feedback_and_lists_are_of_one_thing(client: Client, about: dict[str, str]) -> None:
    assert_refused(await client.get(PATH, params=about), 422, "bad_parameter")
    assert_refused(await say(client, value=True, **about), 422, "bad_parameter")


@pytest.mark.slow
async def test_a_long_list_is_cut_and_says_so(runtime: Standing, client: Client) -> None:
    id_ = runtime.exchange()
    for _ in range(3):
        for _ in range(AT_ONCE):
            await say(client, exchange=id_, value=True)
        runtime.heard = Heard()
    answer = (await client.get(PATH, params={"exchange": id_})).json()
    assert (len(answer["data"]), answer["has_more"]) == (500, True)
    ids = [each["id"] for each in answer["data"]]
    assert ids == sorted(ids, reverse=True)


class Broken:
    """A journal that cannot be written, or not synced."""

    failure = "the disk is full"

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes

    def feedback(self, _: object) -> Position:
        if not self._writes:
            raise JournalError("the disk is full")
        return Position(1, 1)

    async def synced(self, _: object) -> None:
        raise JournalError("the disk is gone")


@pytest.mark.parametrize("writes", [False, True])
async def test_what_cannot_be_kept_is_not_said_to_be_taken(
    runtime: Standing, client: Client, writes: bool
) -> None:
    id_ = runtime.exchange()
    assert await runtime.ingester.catch_up(30)
    runtime.settings = Settings(capture=CaptureSettings(durability="strict", on_failure="serve"))
    runtime.journal = Broken(writes=writes)
    for _ in range(2):
        refused = await say(client, exchange=id_, value=True, idempotency_key="a")
        assert_refused(refused, 503, "capture_unavailable")


async def test_an_unknown_id_is_not_called_unknown_while_the_store_lags(
    runtime: Standing, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.endpoints.accepting.CATCH_UP_S", 0.01)
    runtime.ingester.stop()
    id_ = runtime.exchange(ask("Too fresh"))
    assert_refused(await say(client, exchange=id_, value=True), 503, "unavailable")
