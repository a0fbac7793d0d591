"""Gateways and upstreams shared by the black-box tests: all live in one event loop, `session`."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.blackbox.house import ENV, House
from tests.support.gateway_process import GatewayProcess, blackhole

_numbers = itertools.count()


@pytest.fixture
def mark() -> str:
    """Words no other test's prompt holds."""
    return f"marker-{next(_numbers):04d}-end"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house() -> AsyncIterator[House]:
    home = House()
    await home.start()
    yield home
    await home.stop()
    assert [u.errors for u in home.upstreams] == [[], [], []], "a script failed by itself"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    """An open gateway (no keys, loopback) with the usual settings and the odd places."""
    home = tmp_path_factory.mktemp("open") / "home"
    with blackhole() as address:
        settings = house.settings(**house.odd_places(address))
        async with GatewayProcess(home, settings, ENV) as running:
            yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guarded(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    """A gateway with a key (`guarded_key`), small limits and a quick heartbeat."""
    home = tmp_path_factory.mktemp("guarded") / "home"
    limits = {
        "body_bytes": 64 * 1024,
        "header_bytes": 16 * 1024,
        "header_seconds": 0.5,
        "body_seconds": 0.5,
    }
    server = {"limits": limits, "heartbeat_seconds": 0.15}
    process = GatewayProcess(home, house.settings(server=server), ENV)
    process.client_key = await process.new_key("tester")
    async with process as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home for a gateway of one's own."""
    return tmp_path / "home"


@pytest.fixture(scope="session")
def recorded_streams() -> dict[str, bytes]:
    """Recorded OpenAI-compatible chat streams, by file name."""
    folder = os.environ.get("MAJORDOMO_RECORDINGS")
    if not folder:
        pytest.skip("MAJORDOMO_RECORDINGS is not set: no recorded traffic to replay")
    found: dict[str, bytes] = {}
    for host in ("openai", "compat", "local"):
        for file in sorted(Path(folder, host).rglob("*.json")):
            recorded = json.loads(file.read_bytes())
            text = recorded["response"].get("sse")
            if text and "chat/completions" in recorded["request"]["path"]:
                found[file.name] = text.encode()
    assert found, f"no streams under {folder}"
    return found
