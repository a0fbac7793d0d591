"""Taking in what others recorded: from who owns the home, within bounds, durably, and once."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from typing import Any

import httpx2
import orjson
import pytest

from capture.exchange import Mode
from capture.ids import named_id
from capture.imported import Imported
from capture.journal import JournalError
from gateway.import_key import HEADER, import_key
from gateway.settings import CaptureSettings, Settings
from gateway.wire_imports import BODY_BYTES, MOST, told
from tests.support.standing import Standing

PATH = "/v1/import"
Client = httpx2.AsyncClient


def exchange(number: int = 1) -> Imported:
    said = {"role": "assistant", "content": f"{number}."}
    return Imported(
        id=named_id(1.7e9 + number, b"%010d" % number),
        at=1.7e9 + number,
        format="openai",
        model="unknown",
        mode=Mode.BURST,
        request=orjson.dumps({"messages": [{"role": "user", "content": f"{number}?"}]}),
        reply=orjson.dumps({"choices": [{"index": 0, "message": said}]}),
    )


async def send(
    runtime: Standing, client: Client, *exchanges: Imported, key: str | None = None
) -> httpx2.Response:
    headers = {HEADER: import_key(runtime.home) if key is None else key}
    return await client.post(PATH, content=orjson.dumps(told(exchanges)), headers=headers)


def refused(response: httpx2.Response, status: int) -> str:
    assert response.status_code == status, response.text
    error: Mapping[str, Any] = response.json()["error"]
    return f"{error['code']}: {error['message']}"


async def test_what_is_told_is_in_the_store_and_as_it_was(
    runtime: Standing, client: Client
) -> None:
    response = await send(runtime, client, exchange(2), exchange(1))
    assert (response.status_code, response.json()) == (200, {"taken": 2})
    assert [row.id for row in runtime.store.exchanges()] == [exchange(2).id, exchange(1).id]
    detail = runtime.store.exchange(exchange(1).id)
    assert detail is not None
    assert (detail.request, detail.delivered) == (exchange(1).request, exchange(1).reply)
    assert runtime.late == [exchange(1).id]
    assert (await send(runtime, client, exchange(1))).status_code == 200
    assert len(runtime.store.exchanges()) == 2


async def test_only_who_can_read_the_homes_secret_may_import(
    runtime: Standing, client: Client
) -> None:
    for key in ("", "guess", "ü"):
        headers = {HEADER.encode(): key.encode()}
        content = orjson.dumps(told([exchange()]))
        before = await client.post(PATH, content=content, headers=headers)
        assert "forbidden" in refused(before, 403)
    secret = import_key(runtime.home)
    assert import_key(runtime.home) == secret
    assert stat.S_IMODE((runtime.home.run / "import.key").stat().st_mode) == 0o600
    assert "forbidden" in refused(await send(runtime, client, exchange(), key=secret[:-1]), 403)
    assert "forbidden" in refused(await client.post(PATH, content=b"{}"), 403)
    assert not runtime.store.exchanges()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": "x" * 26}, "id"),
        ({"id": "../../../../etc/passwd"}, "id"),
        ({"at": "now"}, "at"),
        ({"format": "../x"}, "format"),
        ({"mode": "cheap"}, "mode"),
        ({"model": "m" * 500}, "model"),
        ({"request": []}, "request"),
        ({"reply": "text"}, "reply"),
        ({"path": "/v1/chat/completions"}, "path"),
    ],
)
async def test_a_field_that_is_wrong_is_told_and_nothing_kept(
    runtime: Standing, client: Client, change: dict[str, Any], named: str
) -> None:
    good = orjson.loads(orjson.dumps(told([exchange()])))["exchanges"][0]
    headers = {HEADER: import_key(runtime.home)}
    body = {"exchanges": [good, good | change]}
    response = await client.post(PATH, json=body, headers=headers)
    assert named in refused(response, 422)
    await runtime.ingester.catch_up()
    assert not runtime.store.exchanges()


async def test_a_body_that_is_none_is_told(runtime: Standing, client: Client) -> None:
    headers = {HEADER: import_key(runtime.home)}
    for content in (b"", b"[]", b"{", b"\xff"):
        response = await client.post(PATH, content=content, headers=headers)
        assert "bad_json" in refused(response, 400)
    many: dict[str, Any] = {"exchanges": [{}] * (MOST + 1)}
    refused(await client.post(PATH, json=many, headers=headers), 422)
    large = b" " * (BODY_BYTES + 1)
    response = await client.post(PATH, content=large, headers=headers)
    assert "request_too_large" in refused(response, 413)


async def test_a_failing_journal_is_told(
    runtime: Standing, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Imported) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr(runtime.journal, "imported", fail)
    assert "the disk is full" in refused(await send(runtime, client, exchange()), 503)


async def test_strict_durability_waits_for_the_disk(runtime: Standing, client: Client) -> None:
    runtime.settings = Settings(capture=CaptureSettings(durability="strict"))
    assert (await send(runtime, client, exchange())).status_code == 200
    assert runtime.journal.durable >= runtime.journal.written


async def test_the_pages_and_the_api_show_what_was_imported(
    runtime: Standing, client: Client
) -> None:
    await send(runtime, client, exchange())
    shown = (await client.get(f"/v1/exchanges/{exchange().id}")).json()
    assert shown["upstream"] == "import:openai"
    assert "this was imported (openai)" in shown["explanation"]
    assert (await client.get(f"/exchanges/{exchange().id}")).status_code == 200
    assert exchange().id in (await client.get("/")).text
    raw = await client.get(f"/v1/exchanges/{exchange().id}/response")
    assert raw.content == exchange().reply
