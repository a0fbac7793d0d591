"""`/v1/decision` of a running gateway: it foretells, and leaves no trace."""

from __future__ import annotations

import json

import pytest

from tests.blackbox.house import House
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import call, chat, chat_body, get

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_dry_run_says_what_then_happens_and_neither_sends_nor_records(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    body = json.dumps(chat_body(mark, model="auto")).encode()
    newest = json.loads((await get(gateway.url, "/v1/exchanges?limit=1")).body)["data"]
    for method in ("POST", "GET"):
        told = await call(gateway.url, method, "/v1/decision", body)
        assert told.status == 200
        foretold = json.loads(told.body)
    assert house.seen(mark) == []
    assert json.loads((await get(gateway.url, "/v1/exchanges?limit=1")).body)["data"] == newest
    answered = await chat(gateway.url, mark)
    assert answered.header("x-majordomo-mode") == foretold["mode"]
    assert answered.header("x-majordomo-model") == foretold["model"]


async def test_a_dry_run_needs_the_key_that_a_request_needs(guarded: GatewayProcess) -> None:
    body = json.dumps(chat_body("hm", model="auto")).encode()
    told = await call(guarded.url, "POST", "/v1/decision", body)
    assert told.status == 401
    key = [("authorization", f"Bearer {guarded.client_key}")]
    assert (await call(guarded.url, "POST", "/v1/decision", body, key)).status == 200
