"""Which adapter the pointer asks for, and which can be given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from capture.adapters import CONFIG, POINTER, WEIGHTS, Adapter, servable, sha256
from gateway.adapters import AdapterWatch
from gateway.upstreams.house import HouseState
from tests.support.house import Watched
from tests.support.lora import manifest, passed
from trainer.registry import promote, publish, rollback

BASE_WEIGHTS = b"the base"


@pytest.fixture
def base(tmp_path: Path) -> str:
    """The hash of a base that lies where the house model's directory is."""
    (tmp_path / "model.safetensors").write_bytes(BASE_WEIGHTS)
    found = sha256(tmp_path / "model.safetensors")
    assert found is not None
    return found


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return tmp_path / "adapters"


def published(registry: Path, base: str, words: str) -> Adapter:
    made = registry.parent / "made"
    made.mkdir(exist_ok=True)
    (made / WEIGHTS).write_text(words)
    (made / CONFIG).write_text("{}")
    weights = sha256(made / WEIGHTS)
    assert weights is not None
    return publish(registry, made, manifest(weights, base), passed())


def test_without_a_pointer_the_base_answers_alone(registry: Path, base: str) -> None:
    choice = servable(registry, base)
    assert (choice.incumbent, choice.adapter, choice.refusal) == (None, None, None)


def test_an_incumbent_that_verifies_is_chosen(registry: Path, base: str) -> None:
    adapter = published(registry, base, "weights")
    promote(registry, adapter.id, "gate")
    choice = servable(registry, base)
    assert choice.refusal is None
    assert choice.adapter is not None
    assert (choice.adapter.id, choice.adapter.path) == (adapter.id, adapter.path)


def test_an_adapter_for_another_base_is_refused_and_the_one_before_stands_in(
    registry: Path, base: str
) -> None:
    fits = published(registry, base, "fits")
    foreign = published(registry, "f" * 64, "does not fit")
    promote(registry, fits.id, "gate")
    promote(registry, foreign.id, "user")
    choice = servable(registry, base)
    assert choice.incumbent == foreign.id
    assert choice.adapter is not None
    assert choice.adapter.id == fits.id
    assert choice.refusal is not None
    assert foreign.id in choice.refusal
    assert "another base" in choice.refusal
    assert base[:12] in choice.refusal


def test_changed_weights_are_refused(registry: Path, base: str) -> None:
    adapter = published(registry, base, "weights")
    promote(registry, adapter.id, "gate")
    (adapter.path / WEIGHTS).write_text("other weights")
    choice = servable(registry, base)
    assert choice.adapter is None
    assert "not those it was made with" in (choice.refusal or "")


def test_a_base_that_cannot_be_read_takes_no_adapter(registry: Path, base: str) -> None:
    promote(registry, published(registry, base, "weights").id, "gate")
    assert "cannot be read" in (servable(registry, None).refusal or "")


def test_a_pointer_that_cannot_be_read_is_no_wish_for_the_base(registry: Path, base: str) -> None:
    registry.mkdir()
    (registry / POINTER).write_text("{")
    assert "cannot be read" in (servable(registry, base).refusal or "")


class Followed:
    """A house server that follows a registry."""

    def __init__(self, directory: Path, registry: Path) -> None:
        self.house = Watched(directory)
        self._watch = AdapterWatch(registry, self.house.server, every=0.02)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._watch.first()
        await self.house.server.start()
        self._task = asyncio.create_task(self._watch.follow())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        await self.house.server.stop()

    async def until(self, right: Callable[[HouseState], bool]) -> HouseState:
        async with asyncio.timeout(20):
            while not right(state := await self.house.news.get()):
                pass
        return state


@pytest.fixture
async def followed(tmp_path: Path, registry: Path) -> AsyncIterator[Followed]:
    made = Followed(tmp_path, registry)
    yield made
    await made.stop()


async def test_a_start_takes_the_incumbent_and_a_change_is_followed(
    followed: Followed, registry: Path, base: str
) -> None:
    first, second = published(registry, base, "first"), published(registry, base, "second")
    promote(registry, first.id, "gate")
    await followed.start()
    assert (await followed.until(lambda s: s.ready)).adapter == first.id
    promote(registry, second.id, "gate")
    await followed.until(lambda s: s.adapter == second.id)
    rollback(registry)
    await followed.until(lambda s: s.adapter == first.id)
    rollback(registry)
    await followed.until(lambda s: s.adapter is None)


async def test_a_refused_incumbent_leaves_what_answers_and_is_told(
    followed: Followed, registry: Path, base: str
) -> None:
    fits, foreign = published(registry, base, "fits"), published(registry, "f" * 64, "foreign")
    promote(registry, fits.id, "gate")
    await followed.start()
    await followed.until(lambda s: s.ready)
    promote(registry, foreign.id, "user")
    state = await followed.until(lambda s: s.adapter_failure is not None)
    assert "another base" in (state.adapter_failure or "")
    assert (state.ready, state.adapter) == (True, fits.id)
    assert followed.house.server.wanted == fits.id
    rollback(registry)
    await followed.until(lambda s: s.adapter_failure is None)


async def test_a_start_with_a_refused_incumbent_serves_the_one_before(
    followed: Followed, registry: Path, base: str
) -> None:
    fits, foreign = published(registry, base, "fits"), published(registry, "f" * 64, "foreign")
    promote(registry, fits.id, "gate")
    promote(registry, foreign.id, "user")
    await followed.start()
    state = await followed.until(lambda s: s.ready)
    assert state.adapter == fits.id
    assert foreign.id in (state.adapter_failure or "")
