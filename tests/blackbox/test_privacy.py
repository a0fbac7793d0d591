"""What must stay home stays home: a private request reaches no upstream outside, on any path."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.blackbox.house import ENV, House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import chat

pytestmark = pytest.mark.asyncio(loop_scope="session")

PRIVATE = [("X-Majordomo-Private", "true")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tempted(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    """A gateway whose rules send everything to BURST, whose fallback begins there, and which has a
    rule of its own for what is private."""
    quick = {"first_token": 0.3, "connect": 0.3}
    settings = house.settings(
        escalation={
            "default": "burst",
            "rules": [
                {"name": "diary", "when": {"header": {"x-diary": True}}, "private": True},
                {"name": "all-out", "when": {"tools": False}, "then": "burst"},
            ],
            "fallback": ["burst", "active", "resting"],
        },
        models={"hired": {"upstream": "cloud", "model": "cloud-1"}},
    )
    for name in ("small", "big"):
        settings["upstreams"][name]["deadlines"] = quick
    home = tmp_path_factory.mktemp("tempted") / "home"
    async with GatewayProcess(home, settings, ENV) as running:
        yield running


def _cloud_saw_nothing(house: House, mark: str) -> None:
    assert all(mark.encode() not in call.body for call in house.cloud.calls)


async def test_the_same_request_not_private_does_go_out(
    tempted: GatewayProcess, house: House, mark: str
) -> None:
    reply = await chat(tempted.url, mark)
    assert (reply.status, house.seen(mark)) == (200, ["cloud"])


@pytest.mark.parametrize("value", ["true", "1", "yes", "TRUE", ""])
async def test_a_private_header_keeps_the_request_at_home(
    tempted: GatewayProcess, house: House, mark: str, value: str
) -> None:
    reply = await chat(tempted.url, mark, headers=[("X-Majordomo-Private", value)])
    _cloud_saw_nothing(house, mark)
    assert reply.status in (200, 400)
    assert (reply.status == 200) == bool(house.seen(mark))


async def test_a_private_rule_keeps_the_request_at_home(
    tempted: GatewayProcess, house: House, mark: str
) -> None:
    reply = await chat(tempted.url, mark, headers=[("X-Diary", "dear")])
    assert reply.status == 200
    assert reply.header("x-majordomo-mode") in ("active", "resting")
    _cloud_saw_nothing(house, mark)


FAULTS: dict[str, fake.Script] = {
    "server error": fake.failing(500),
    "overload": fake.failing(503, headers={"retry-after": "0"}),
    "too many requests": fake.failing(429),
    "not found": fake.failing(404),
    "reset": fake.reset_at_once,
    "silence": fake.silent,
    "HTML": fake.reply_json(b"<html>", headers={"content-type": "text/html"}),
    "cut stream": fake.broken_after(fake.text_events(["a"])[:1], "close"),
    "context overflow": fake.failing(400, "This model's maximum context length is 4096 tokens"),
}


@pytest.mark.parametrize("headers", [PRIVATE, [("X-Diary", "dear")]], ids=["header", "rule"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
async def test_no_failure_at_home_sends_a_private_request_out(
    tempted: GatewayProcess,
    house: House,
    mark: str,
    fault: str,
    stream: bool,
    headers: list[tuple[str, str]],
) -> None:
    for upstream in (house.small, house.big):
        upstream.on(mark, FAULTS[fault])
    reply = await chat(tempted.url, mark, headers=headers, stream=stream)
    assert set(house.seen(mark)) <= {"small", "big"}
    assert house.seen(mark), "home was not even asked"
    _cloud_saw_nothing(house, mark)
    assert reply.status >= 400 or fake.DONE not in reply.events


@pytest.mark.parametrize("headers", [PRIVATE, [("X-Diary", "dear")]], ids=["header", "rule"])
async def test_with_home_down_a_private_request_is_refused(
    tempted: GatewayProcess, house: House, mark: str, headers: list[tuple[str, str]]
) -> None:
    await house.small.stop()
    await house.big.stop()
    try:
        reply = await chat(tempted.url, mark, headers=headers)
    finally:
        await house.small.start()
        await house.big.start()
    assert reply.status in (502, 503)
    _cloud_saw_nothing(house, mark)


@pytest.mark.parametrize("alias", ["burst", "hired"])
async def test_naming_a_model_outside_does_not_override_private(
    tempted: GatewayProcess, house: House, mark: str, alias: str
) -> None:
    reply = await chat(tempted.url, mark, headers=PRIVATE, model=alias)
    _cloud_saw_nothing(house, mark)
    assert reply.status in (200, 400, 403, 503)


async def test_the_record_says_it_was_private_and_why_nobody_else_was_asked(
    tempted: GatewayProcess, house: House, mark: str
) -> None:
    reply = await chat(tempted.url, mark, headers=PRIVATE)
    found = await tempted.exchange(reply.exchange_id)
    assert found["decision"]["private"] is True
    excluded = [place["upstream"] for place, _ in found["decision"]["excluded"]]
    assert excluded == ["cloud"]


async def test_the_private_header_itself_goes_nowhere(
    tempted: GatewayProcess, house: House, mark: str
) -> None:
    await chat(tempted.url, mark, headers=PRIVATE)
    for upstream in house.upstreams:
        for call in upstream.seen(mark):
            assert call.header("x-majordomo-private") is None


async def test_home_asking_for_an_hours_patience_sends_no_private_request_out(
    tempted: GatewayProcess, house: House, mark: str
) -> None:
    """The last of this file: from here on this gateway leaves its home upstreams in peace."""
    for upstream in (house.small, house.big):
        upstream.on(mark, fake.failing(429, headers={"retry-after": "3600"}))
    for stream in (False, True, False):
        reply = await chat(tempted.url, mark, headers=PRIVATE, stream=stream)
        assert reply.status in (429, 503)
        assert float(reply.header("retry-after") or "0") > 3000
    _cloud_saw_nothing(house, mark)
