"""The pages are true and safe: what models and clients wrote is shown as text, whatever it is."""

from __future__ import annotations

import re

import pytest

from tests.blackbox.house import House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess, eventually_async
from tests.support.raw_client import Reply, chat, get

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\"'{{7*7}}\x1b[31m\u202e"


async def page_of(gateway: GatewayProcess, exchange_id: str) -> Reply:
    """The page of one exchange, found by its link on the first page."""

    async def look() -> str | None:
        body = (await get(gateway.url, "/")).body.decode()
        links: list[str] = re.findall(r'(?:href|hx-get)="([^"]*' + exchange_id + r'[^"]*)"', body)
        return links[0] if links else None

    link = await eventually_async(look, within=5, what="the exchange is on the first page")
    return await get(gateway.url, link)


def assert_safe(page: Reply) -> None:
    assert page.status == 200
    policy = page.header("content-security-policy") or ""
    assert "default-src 'self'" in policy or "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert page.header("x-content-type-options") == "nosniff"
    assert "frame-ancestors 'none'" in policy or page.header("x-frame-options") == "DENY"
    text = page.body.decode()
    assert "<img src=x" not in text
    assert "<script>alert" not in text
    assert not re.search(r"\son[a-z]+\s*=", re.sub(r"&[a-z#0-9]+;[^<]*", "", text))
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "a script inline"
    for source in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert not source.startswith(("http:", "https:", "//", "javascript:")), source


async def test_hostile_text_is_shown_as_text(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    call = ("call_<b>", HOSTILE, '{"path": "<img src=x onerror=alert(3)>"}')
    events = [*fake.tool_events([call])[:-2], *fake.text_events([HOSTILE])]
    house.small.on(mark, fake.reply_sse(events))
    tools = [{"type": "function", "function": {"name": HOSTILE}}]
    reply = await chat(gateway.url, mark + HOSTILE, stream=True, tools=tools)
    assert reply.status == 200
    page = await page_of(gateway, reply.exchange_id)
    assert_safe(page)
    assert "alert(1)" in page.body.decode(), "the text itself is missing"
    assert_safe(await get(gateway.url, "/"))


async def test_the_page_of_an_exchange_tells_its_request_reply_and_decision(
    gateway: GatewayProcess, mark: str
) -> None:
    reply = await chat(gateway.url, mark, model="active")
    text = (await page_of(gateway, reply.exchange_id)).body.decode()
    assert mark in text
    assert f"You said: {mark}" in text
    assert "large-1" in text
    assert "active" in text.lower()


async def test_a_failed_exchange_is_shown_as_failed(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    for upstream in house.upstreams:
        upstream.on(mark, fake.failing(500, "the cellar is flooded"))
    reply = await chat(gateway.url, mark)
    text = (await page_of(gateway, reply.exchange_id)).body.decode()
    assert "the cellar is flooded" in text
