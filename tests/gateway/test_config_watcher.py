from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from capture.exchange import Mode
from gateway.config import ConfigErrors, ConfigWatcher, Loaded

GOOD = "version: 1\nescalation: {default: resting}\n"
OTHER = "version: 1\nescalation: {default: active}\n"
BROKEN = "version: 1\nescalation: {defualt: active}\n"


def write(file: Path, text: str) -> None:
    file.write_text(text)


def remove(file: Path) -> None:
    file.unlink()


def rewrite_unnoticed(file: Path, text: str) -> None:
    """Other bytes under the same size and modification time."""
    stat = file.stat()
    assert len(text) == stat.st_size
    file.write_text(text)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


class Taken(list[Loaded]):
    """Remembers what was handed over, and signals it."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()
        self.refuse: Exception | None = None

    async def __call__(self, loaded: Loaded) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.append(loaded)
        self.arrived.set()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "majordomo.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def watcher(file: Path, taken: Taken) -> ConfigWatcher:
    watcher = ConfigWatcher(file, poll_s=0.005, settle_s=0.005)
    watcher.on_change(taken)
    return watcher


def test_a_broken_file_at_start_is_an_error(file: Path) -> None:
    write(file, BROKEN)
    with pytest.raises(ConfigErrors):
        ConfigWatcher(file)


async def test_a_changed_file_is_handed_over_once(
    watcher: ConfigWatcher, file: Path, taken: Taken
) -> None:
    write(file, OTHER)
    await watcher.look()
    await watcher.look()
    assert [loaded.generation for loaded in taken] == [2]
    assert watcher.current is taken[0]
    assert watcher.current.settings.escalation.default is Mode.ACTIVE
    assert watcher.error is None


async def test_the_running_watch_sees_a_change(
    watcher: ConfigWatcher, file: Path, taken: Taken
) -> None:
    watcher.start()
    write(file, OTHER)
    await asyncio.wait_for(taken.arrived.wait(), 10)
    watcher.stop()
    assert watcher.current.generation == 2


async def test_a_broken_file_keeps_what_serves_and_says_why(
    watcher: ConfigWatcher, file: Path, taken: Taken
) -> None:
    write(file, BROKEN)
    assert not await watcher.reload_now()
    assert taken == []
    assert watcher.current.generation == 1
    assert "did you mean `default`?" in str(watcher.error)


async def test_a_mended_file_clears_the_error(
    watcher: ConfigWatcher, file: Path, taken: Taken
) -> None:
    for text in (BROKEN, OTHER):
        write(file, text)
        await watcher.reload_now()
    assert watcher.error is None
    assert watcher.current.generation == 2
    assert len(taken) == 1


async def test_going_back_to_what_serves_clears_the_error_without_a_reload(
    watcher: ConfigWatcher, file: Path, taken: Taken
) -> None:
    for text in (BROKEN, GOOD):
        write(file, text)
        await watcher.reload_now()
    assert watcher.error is None
    assert taken == []


async def test_a_deleted_file_keeps_what_serves(
    watcher: ConfigWatcher, file: Path, taken: Taken
) -> None:
    remove(file)
    await watcher.look()
    assert "does not exist" in str(watcher.error)
    assert watcher.current.generation == 1
    write(file, OTHER)
    await watcher.look()
    assert watcher.error is None
    assert len(taken) == 1


async def test_the_log_tells_of_one_fault_once(
    watcher: ConfigWatcher, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, BROKEN)
    with caplog.at_level(logging.INFO, "gateway.config"):
        for _ in range(5):
            await watcher.reload_now()
    told = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(told) == 1
    assert "majordomo.yaml:2:14" in told[0]


async def test_settings_that_cannot_be_put_in_place_leave_the_old_ones(
    watcher: ConfigWatcher, file: Path, taken: Taken
) -> None:
    taken.refuse = OSError("no room")
    write(file, OTHER)
    assert not await watcher.reload_now()
    assert watcher.current.generation == 1
    assert "could not be put in place: OSError: no room" in str(watcher.error)


async def test_a_half_written_file_is_waited_for(
    file: Path, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = ConfigWatcher(file)
    watcher.on_change(taken)
    write(file, OTHER[:20])

    async def finish_writing(_: float) -> None:
        write(file, OTHER)

    monkeypatch.setattr("gateway.config.asyncio.sleep", finish_writing)
    await watcher.look()
    assert watcher.error is None
    assert len(taken) == 1


async def test_a_file_that_never_rests_is_looked_at_all_the_same(
    file: Path, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = ConfigWatcher(file)
    watcher.on_change(taken)
    writes = iter(range(1000))

    async def write_again(_: float) -> None:
        write(file, (OTHER, BROKEN)[next(writes) % 2] + "#" * next(writes))

    monkeypatch.setattr("gateway.config.asyncio.sleep", write_again)
    for _ in range(20):
        await watcher.look()
    assert watcher.current.settings.escalation.default in {Mode.RESTING, Mode.ACTIVE}
    assert next(writes) < 1000


async def test_a_change_that_keeps_size_and_time_is_still_seen(
    watcher: ConfigWatcher, file: Path, taken: Taken
) -> None:
    await watcher.look()
    rewrite_unnoticed(file, GOOD.replace("resting", " active"))
    await watcher.look()
    assert len(taken) == 1


async def test_what_needs_a_restart_is_named_until_it_is_back(
    watcher: ConfigWatcher, file: Path
) -> None:
    write(file, GOOD + "server: {port: 9000}\ncapture: {sync_ms: 10}\n")
    await watcher.reload_now()
    assert watcher.current.restart_needed == ("server.port", "capture.sync_ms")
    write(file, GOOD + "server: {port: 8300}\n")
    await watcher.reload_now()
    assert watcher.current.restart_needed == ()


async def test_two_looks_at_once_take_a_change_once(
    watcher: ConfigWatcher, file: Path, taken: Taken
) -> None:
    write(file, OTHER)
    await asyncio.gather(watcher.reload_now(), watcher.look(), watcher.reload_now())
    assert len(taken) == 1


async def test_stopping_twice_is_fine(watcher: ConfigWatcher) -> None:
    watcher.start()
    watcher.start()
    watcher.stop()
    watcher.stop()
