"""Feedback on a page: shown as text, given by a plain form, and by our own pages alone."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import httpx2
import pytest

from gateway.heard import AT_ONCE
from tests.support.sample_exchanges import HOSTILE, TURNED
from tests.support.standing import REPLY, Standing, attempt

Client = httpx2.AsyncClient
OURS = {
    "origin": "http://127.0.0.1:8300",
    "content-type": "application/x-www-form-urlencoded",
}


async def send(client: Client, id_: str, **fields: str) -> httpx2.Response:
    """Send the form as a browser does."""
    body = urlencode(fields).encode()
    return await client.post(f"/exchanges/{id_}/feedback", content=body, headers=OURS)


async def shown(client: Client, id_: str) -> str:
    response = await client.get(f"/exchanges/{id_}")
    assert response.status_code == 200
    return response.text


async def test_the_form_is_taken_and_the_page_shows_it(runtime: Standing, client: Client) -> None:
    id_ = runtime.exchange()
    page = await shown(client, id_)
    assert f'action="/exchanges/{id_}/feedback" method="post"' in page
    once = re.search(r'name="once" value="(\w{26})"', page)
    assert once is not None
    form = {
        "once": once[1],
        "value": "bad",
        "comment": "not quite\r\nso",
        "demonstration": " Good morning. ",
    }
    for _ in range(2):  # a double click, or the page sent again
        answer = await send(client, id_, **form)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/exchanges/{id_}#feedback"
    (given,) = (await client.get("/v1/feedback", params={"exchange": id_})).json()["data"]
    assert (given["value"], given["comment"]) == (0.0, "not quite\nso")
    assert (given["demonstration"], given["source"]) == ("Good morning.", "page")
    page = await shown(client, id_)
    assert '<span class="verdict bad">bad</span>' in page
    assert "not quite\nso" in page
    assert "Good morning." in page
    assert "Failure, 95% sure; the user corrected it." in page


@pytest.mark.parametrize(("word", "says"), [("yes", "It may train"), ("never", "It may never")])
async def test_the_form_says_whether_it_may_train(
    runtime: Standing, client: Client, word: str, says: str
) -> None:
    id_ = runtime.exchange()
    assert f'name="train" value="{word}"' in await shown(client, id_)
    assert (await send(client, id_, train=word)).status_code == 303
    (given,) = (await client.get("/v1/feedback", params={"exchange": id_})).json()["data"]
    assert (given["train"], given["value"]) == (word == "yes", None)
    assert f'<p class="soft small">{says}' in await shown(client, id_)
    assert (await send(client, id_, train="maybe")).status_code == 422


@pytest.mark.parametrize("fields", [{}, {"value": "", "comment": "  "}, {"value": "so-so"}])
async def test_a_form_that_says_nothing_is_told_so(
    runtime: Standing, client: Client, fields: dict[str, str]
) -> None:
    id_ = runtime.exchange()
    answer = await send(client, id_, **fields)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")
    assert "This feedback was not taken" in answer.text
    assert "Feedback</h2>" in await shown(client, id_)


@pytest.mark.parametrize("body", [b"\xff\xfe=1", b"&".join(b"a%d=1" % n for n in range(100))])
async def test_a_body_that_is_no_form_of_ours_is_a_400(
    runtime: Standing, client: Client, body: bytes
) -> None:
    id_ = runtime.exchange()
    answer = await client.post(f"/exchanges/{id_}/feedback", content=body, headers=OURS)
    assert answer.status_code == 400


async def test_a_form_without_an_origin_is_refused(runtime: Standing, client: Client) -> None:
    id_ = runtime.exchange()
    answer = await client.post(f"/exchanges/{id_}/feedback", content=b"value=good")
    assert answer.status_code == 403
    assert (await client.get("/v1/feedback", params={"exchange": id_})).json()["data"] == []


@pytest.mark.parametrize("id_", ["x", "..%2f..%2fetc", "0" * 26])
async def test_a_form_for_an_unknown_exchange_is_a_404(client: Client, id_: str) -> None:
    answer = await send(client, id_, value="good")
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_a_flood_of_forms_is_held_off(runtime: Standing, client: Client) -> None:
    id_ = runtime.exchange()
    statuses = {
        (await client.post("/v1/feedback", json={"exchange": id_, "value": True})).status_code
        for _ in range(AT_ONCE * 2)
    }
    assert statuses == {201, 429}
    assert (await send(client, id_, value="good")).status_code in (303, 429)


@pytest.mark.parametrize("key", ["hermes", None])
async def test_who_may_not_speak_of_an_exchange_sees_no_form_and_is_taken_for_nobody(
    runtime: Standing, client: Client, key: str | None
) -> None:
    id_ = runtime.begin(key=key)
    runtime.end(id_, attempt(), raw=[REPLY])
    runtime.speaker = "laptop"
    page = await shown(client, id_)
    assert "<form" not in page.split('id="feedback"')[1]
    assert f"majordomo feedback {id_}" in page
    assert (await send(client, id_, value="good")).status_code == 404


async def test_an_exchange_that_goes_on_has_no_form_to_lose_words_in(
    runtime: Standing, client: Client
) -> None:
    id_ = runtime.begin()
    page = await shown(client, id_)
    assert "Once the answer is whole" in page
    assert "<form" not in page.split('id="feedback"')[1]


async def test_hostile_feedback_is_shown_as_text(runtime: Standing, client: Client) -> None:
    id_ = runtime.exchange()
    words = {"comment": HOSTILE + TURNED, "demonstration": HOSTILE + TURNED}
    given = await client.post("/v1/feedback", json={"exchange": id_, **words})
    assert given.status_code == 201
    assert await runtime.ingester.catch_up(30)
    page = await shown(client, id_)
    assert page.count("&lt;img src=x") == 3, "in the evidence, the comment and the demonstration"
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert page.count("</textarea>") == 2, "our own form's"
