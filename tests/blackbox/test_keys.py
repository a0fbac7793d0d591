"""Who may come in: every carrier of a key, every route, and addresses that need one."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.blackbox.house import ENV, House
from tests.support.gateway_process import GatewayProcess, eventually_async
from tests.support.raw_client import Pairs, Reply, call, chat, get

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUTES = [
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/auto"),
    ("GET", "/v1/exchanges"),
    ("GET", "/v1/exchanges/01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ("GET", "/v1/exchanges/01ARZ3NDEKTSV4RRFFQ69G5FAV/explain"),
    ("GET", "/metrics"),
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/v1/no-such-route"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/decision"),
    ("POST", "/v1/feedback"),
    ("GET", "/v1/feedback"),
    ("POST", "/exchanges/01ARZ3NDEKTSV4RRFFQ69G5FAV/feedback"),
]
PUBLIC = {"/livez", "/readyz"}
"""What anyone may ask; nothing they say is worth a key."""


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"any:{password}".encode()).decode()


def carriers(key: str) -> dict[str, Pairs]:
    return {
        "bearer": [("Authorization", f"Bearer {key}")],
        "bearer in lower case": [("authorization", f"bearer {key}")],
        "basic": [("Authorization", basic(key))],
        "x-api-key": [("X-Api-Key", key)],
    }


CARRIERS = list(carriers(""))


def assert_turned_away(reply: Reply) -> None:
    assert reply.status == 401, (reply.status, reply.body[:200])
    error = reply.error
    assert (error["type"], error["code"], error["who"]) == (
        "authentication_error",
        "invalid_api_key",
        "client",
    )
    assert "majordomo key" in error["message"]


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_the_key_opens_by_every_carrier(
    guarded: GatewayProcess, mark: str, carrier: str
) -> None:
    headers = carriers(guarded.client_key)[carrier]
    assert (await chat(guarded.url, mark, headers=headers)).status == 200


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_wrong_key_is_401_by_every_carrier(
    guarded: GatewayProcess, house: House, mark: str, carrier: str
) -> None:
    for wrong in (guarded.client_key[:-1], guarded.client_key + "x", "", "é" * 8, "sk-wrong"):
        headers = [(n, v.encode().decode("latin-1")) for n, v in carriers(wrong)[carrier]]
        assert_turned_away(await chat(guarded.url, mark, headers=headers))
    assert house.seen(mark) == []


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_turns_away_who_brings_no_key(
    guarded: GatewayProcess, method: str, path: str
) -> None:
    reply = await call(guarded.url, method, path, b"{}" if method == "POST" else None)
    assert reply.status == 401, (reply.status, reply.body[:200])
    assert b"majordomo_" not in reply.body


@pytest.mark.parametrize("path", sorted(PUBLIC))
async def test_health_is_open_to_all(guarded: GatewayProcess, path: str) -> None:
    reply = await get(guarded.url, path)
    assert reply.status == 200
    assert guarded.home.name.encode() not in reply.body or len(reply.body) < 500


async def test_a_key_in_the_query_or_a_cookie_is_no_key(guarded: GatewayProcess) -> None:
    key = guarded.client_key
    for name in ("key", "api_key", "token", "access_token"):
        assert (await get(guarded.url, f"/v1/models?{name}={key}")).status == 401
        assert (await get(guarded.url, "/v1/models", [("Cookie", f"{name}={key}")])).status == 401


ODD_KEYS = {
    "not ASCII": "Bearer \xe9\xff",
    "SQL": "Bearer ' OR 1=1; DROP TABLE exchanges;--",
    "a format string": "Bearer %n%s%x",
    "no scheme": "sk-whatever",
    "an unknown scheme": "Digest abc",
    "a scheme alone": "Bearer",
    "two words": "Bearer a b",
    "broken base64": "Basic !!!!",
    "base64 without a colon": "Basic " + base64.b64encode(b"nocolon").decode(),
    "base64 of binary": "Basic " + base64.b64encode(b"\xff\xfe:\x80").decode(),
    "ten thousand characters": "Bearer " + "x" * 10_000,
}


@pytest.mark.parametrize("name", ODD_KEYS)
async def test_an_odd_key_is_401_and_never_500(guarded: GatewayProcess, name: str) -> None:
    reply = await chat(guarded.url, "hi", headers=[("Authorization", ODD_KEYS[name])])
    assert_turned_away(reply)
    assert ODD_KEYS[name][7:].strip() not in reply.body.decode() or len(ODD_KEYS[name]) < 9


async def test_a_right_key_beside_a_wrong_one_does_not_open(
    guarded: GatewayProcess, house: House, mark: str
) -> None:
    for headers in (
        [*guarded.auth, ("X-Api-Key", "wrong")],
        [("Authorization", "Bearer wrong"), ("X-Api-Key", guarded.client_key)],
    ):
        assert (await chat(guarded.url, mark, headers=headers)).status in (400, 401)
    assert house.seen(mark) == []


async def test_the_key_is_kept_only_as_a_hash_in_a_private_file(guarded: GatewayProcess) -> None:
    file = guarded.home / "keys.json"
    assert guarded.client_key not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


async def test_the_home_and_all_in_it_are_private(gateway: GatewayProcess, mark: str) -> None:
    await chat(gateway.url, mark)
    assert gateway.home.stat().st_mode & 0o777 == 0o700
    open_to_others = [
        str(path)
        for path in gateway.home.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []


async def test_a_key_taken_away_closes_the_door_while_the_gateway_runs(
    house: House, home: Path, mark: str
) -> None:
    gateway = GatewayProcess(home, house.settings(), ENV)
    gateway.client_key = await gateway.new_key("guest")
    await gateway.new_key("other")
    async with gateway:
        assert (await chat(gateway.url, mark, headers=gateway.auth)).status == 200
        code, printed = await gateway.command("key", "revoke", "guest")
        assert code == 0, printed

        async def turned_away() -> bool:
            return (await chat(gateway.url, mark, headers=gateway.auth)).status == 401

        await eventually_async(turned_away, within=5, what="the revoked key is refused")


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("0.0.0.0", "flag"),
        ("::", "settings"),
        *(pytest.param(h, "flag", marks=pytest.mark.slow) for h in ("192.0.2.7", "::")),
        *(pytest.param(h, "settings", marks=pytest.mark.slow) for h in ("0.0.0.0", "host.invalid")),
    ],
)
async def test_another_address_without_a_key_refuses_to_start_and_says_how_to_make_one(
    house: House, home: Path, host: str, where: str
) -> None:
    settings = house.settings(server={"host": host} if where == "settings" else {})
    gateway = GatewayProcess(home, settings, ENV)
    flags = ["--host", host] if where == "flag" else []
    code, printed = await gateway.command("serve", "--port", "0", *flags)
    assert code != 0
    assert "majordomo key create" in printed
    assert "Traceback" not in printed
    assert not (home / "run" / "gateway.json").exists()


@pytest.mark.slow
async def test_another_address_with_a_key_starts(house: House, home: Path) -> None:
    gateway = GatewayProcess(home, house.settings(), ENV, ("--host", "0.0.0.0"))
    gateway.client_key = await gateway.new_key("tester")
    async with gateway:
        url = "http://127.0.0.1:" + gateway.url.rpartition(":")[2]
        assert (await get(url, "/v1/models", gateway.auth)).status == 200
        assert (await get(url, "/v1/models")).status == 401
