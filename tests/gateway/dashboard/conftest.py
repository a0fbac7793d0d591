"""A standing gateway and a client for every test here."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support.standing import Standing, standing

Pair = tuple[Standing, httpx2.AsyncClient]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with standing(tmp_path) as made:
        yield made


@pytest.fixture
def runtime(pair: Pair) -> Standing:
    return pair[0]


@pytest.fixture
def client(pair: Pair) -> httpx2.AsyncClient:
    return pair[1]
