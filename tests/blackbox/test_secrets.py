"""Planted secrets turn up nowhere: not on disk, in logs, pages, metrics, records or errors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.blackbox.house import CLOUD_KEY, ENV, SMALL_KEY, House
from tests.support import fake_scripts as fake
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_client import Reply, call, chat, get

pytestmark = pytest.mark.asyncio(loop_scope="session")

COOKIE = "canary-cookie-91b2c3d4e5f6a7b8"
UPSTREAM_COOKIE = "canary-upstream-cookie-0c1d2e3f4a5b"
WRONG_KEY = "canary-wrong-client-key-5d6e7f8091a2"
PROXY = "canary-proxy-authorization-77aa88bb"


async def _provoke(gateway: GatewayProcess, house: House, mark: str) -> list[Reply]:
    """Requests of every outcome, each with secrets in its headers."""
    cookies = [("Cookie", f"session={COOKIE}"), ("Proxy-Authorization", f"Basic {PROXY}")]
    headers = [*gateway.auth, *cookies]
    by_header = [("X-Api-Key", gateway.client_key), *cookies]
    wrong = [("Authorization", f"Bearer {WRONG_KEY}"), *cookies]
    leaky = {"set-cookie": UPSTREAM_COOKIE, "www-authenticate": SMALL_KEY}
    house.small.on(mark + "-500", fake.failing(500, headers=leaky))
    house.small.on(mark + "-401", fake.failing(401, headers=leaky))
    house.big.on(mark + "-500", fake.failing(500))
    house.cloud.on(mark + "-500", fake.failing(401))
    house.small.on(mark + "-sse", fake.reply_sse(fake.text_events(["a"]), headers=leaky))
    cut = fake.broken_after(fake.text_events(["a"])[:2], "reset")
    house.small.on(mark + "-cut", cut)
    url = gateway.url
    replies = [
        await chat(url, mark, headers=headers),
        await chat(url, mark, headers=by_header),
        await chat(url, mark + "-sse", headers=headers, stream=True),
        await chat(url, mark + "-cut", headers=headers, stream=True),
        await chat(url, mark + "-500", headers=headers),
        await chat(url, mark + "-401", headers=headers),
        await chat(url, mark, headers=wrong),
        await chat(url, mark, headers=headers, model="nobody"),
        await call(url, "POST", "/v1/chat/completions", b"{bad", headers),
        await get(url, f"/v1/models?api_key={WRONG_KEY}", headers),
    ]
    ids = [reply.header("x-request-id") for reply in replies[:6]]
    pages = ["/", "/metrics", "/v1/models", "/v1/exchanges", "/livez", "/readyz", "/openapi.json"]
    pages += [f"/v1/exchanges/{found}" for found in ids if found]
    pages += [f"/v1/exchanges/{found}/explain" for found in ids if found]
    pages += [f"/exchanges/{found}" for found in ids if found]
    await asyncio.gather(*(gateway.exchange(i, headers=gateway.auth) for i in ids if i))
    return replies + [await get(url, page, gateway.auth) for page in pages]


def _files(home: Path) -> dict[str, bytes]:
    """Every file under a home, by its path there."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return {str(path.relative_to(home)): path.read_bytes() for path in files}


async def test_planted_secrets_turn_up_nowhere(house: House, home: Path, mark: str) -> None:
    settings = house.settings(log={"level": "debug"})
    gateway = GatewayProcess(home, settings, ENV)
    gateway.client_key = await gateway.new_key("canary")
    secrets = {
        "the client's key": gateway.client_key,
        "an upstream's key": SMALL_KEY,
        "another upstream's key": CLOUD_KEY,
        "a cookie": COOKIE,
        "an upstream's cookie": UPSTREAM_COOKIE,
        "a proxy credential": PROXY,
        "a wrong key": WRONG_KEY,
    }
    async with gateway:
        replies = await _provoke(gateway, house, mark)
        printed = [
            (await gateway.command(*words))[1]
            for words in (["status"], ["doctor", "--json"], ["config", "show"], ["logs"])
        ]
    texts = _files(home)
    texts |= {f"reply {i}": repr(r.headers).encode() + r.body for i, r in enumerate(replies)}
    texts |= {f"command {i}": text.encode() for i, text in enumerate(printed)}
    texts["output"] = gateway.output.read_bytes()
    assert [s for s in texts if s.startswith("journal")], "no journal was looked at"
    leaks = [
        f"{name} in {place}"
        for name, secret in secrets.items()
        for place, text in texts.items()
        if secret.encode() in text
    ]
    assert leaks == []


async def test_a_key_an_upstream_quotes_in_its_error_goes_no_further(
    gateway: GatewayProcess, house: House, mark: str
) -> None:
    told = fake.failing(401, f"Incorrect API key provided: {SMALL_KEY}.")
    for upstream in house.upstreams:
        upstream.on(mark, told)
    reply = await chat(gateway.url, mark)
    assert SMALL_KEY.encode() not in reply.body
    await gateway.exchange(reply.exchange_id)
    told_again = [
        page
        for page in ("", "/explain")
        if SMALL_KEY.encode()
        in (await get(gateway.url, f"/v1/exchanges/{reply.exchange_id}{page}")).body
    ]
    assert told_again == []
    assert SMALL_KEY not in gateway.log


async def test_no_key_is_in_the_arguments_of_the_process(gateway: GatewayProcess) -> None:
    shown = await asyncio.create_subprocess_exec(
        "ps", "-o", "args=", "-p", str(gateway.pid), stdout=asyncio.subprocess.PIPE
    )
    arguments, _ = await shown.communicate()
    assert b"majordomo" in arguments
    assert b"canary" not in arguments


@pytest.mark.slow
async def test_a_missing_key_variable_names_itself_and_stops_only_its_own_upstream(
    house: House, home: Path, mark: str
) -> None:
    async with GatewayProcess(home, house.settings(), {"SMALL_KEY": SMALL_KEY}) as gateway:
        assert (await chat(gateway.url, mark)).status == 200
        reply = await chat(gateway.url, mark, model="burst")
        if reply.status == 200:
            assert house.cloud.seen(mark)[-1].header("authorization") is None
        else:
            assert "CLOUD_KEY" in reply.error["message"]
