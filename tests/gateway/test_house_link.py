"""The house model as an upstream: each attempt knows which adapter it went to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from capture.exchange import Attempt, Mode
from gateway.fleet import Link, Links
from gateway.settings import Settings
from gateway.thinking import ThinkingStore
from gateway.upstreams.base import Prepared
from gateway.upstreams.house_lease import Lease
from gateway.upstreams.house_process import AdapterFiles, free_port
from gateway.upstreams.transport import ConnectFailed
from tests.support.gateway_process import eventually
from tests.support.house import Watched, alive

ID = "20261121-030000-aaaaaa"
SETTINGS = {
    "upstreams": {"house": {"kind": "house"}},
    "modes": {"resting": {"upstream": "house", "model": "small"}},
}
ASK = Prepared("/v1/chat/completions", (), b"{}")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Watched]:
    watched = Watched(tmp_path)
    await watched.server.start()
    await watched.until(ready=True)
    yield watched
    await watched.server.stop()


@pytest.fixture
def links(house: Watched) -> Links:
    settings = Settings.model_validate(SETTINGS)
    return Links(settings, 1, thinking=ThinkingStore(), house=house.server)


def attempt() -> Attempt:
    return Attempt(Mode.RESTING, "house", "small", 0.0)


async def swap(house: Watched, directory: Path) -> None:
    house.server.want(AdapterFiles(ID, directory))
    async with asyncio.timeout(20):
        while (await house.news.get()).adapter != ID:
            pass


async def whole(link: Link, attempt: Attempt) -> None:
    reply = await link.post(ASK, attempt)
    while await reply.read():
        pass
    reply.close(said_all=True)


async def test_place_and_attempt_say_which_adapter_answers(
    house: Watched, links: Links, tmp_path: Path
) -> None:
    before, after = attempt(), attempt()
    assert [place.adapter for place in links.fleet().places] == [None]
    await whole(links["house"], before)
    await swap(house, tmp_path / ID)
    assert [place.adapter for place in links.fleet().places] == [ID]
    await whole(links["house"], after)
    assert (before.adapter, after.adapter) == (None, ID)


async def test_a_reply_under_way_keeps_its_child_and_its_adapter(
    house: Watched, links: Links, tmp_path: Path
) -> None:
    pid = house.server.pid
    assert pid is not None
    held = attempt()
    reply = await links["house"].post(ASK, held)
    await swap(house, tmp_path / ID)
    await whole(links["house"], attempt())
    assert alive(pid)
    assert b"choices" in await reply.read()
    assert held.adapter is None
    reply.close()
    await eventually(lambda: not alive(pid), within=10)


class Gone:
    """A house whose child went away as a request was sent to it."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()
        self.failure: str | None = None
        self.base_url = f"http://127.0.0.1:{free_port()}/v1"
        self.adapter: str | None = ID
        self.ended = 0

    def lease(self) -> Lease:
        return Lease(self.base_url, self.adapter, self._end)

    def _end(self) -> None:
        self.ended += 1


async def test_a_request_that_fails_knows_its_adapter_and_holds_no_child() -> None:
    gone, failed = Gone(), attempt()
    settings = Settings.model_validate(SETTINGS)
    links = Links(settings, 1, thinking=ThinkingStore(), house=gone)
    with pytest.raises(ConnectFailed):
        await links["house"].post(ASK, failed)
    assert (failed.adapter, gone.ended) == (ID, 1)
