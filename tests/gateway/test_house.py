from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx2
import pytest

from gateway.upstreams.house import HouseServer, backoff
from gateway.upstreams.house_model import changed_files, context_length, unusable
from gateway.upstreams.house_process import (
    Patience,
    child_environment,
    last_line,
    mlx_command,
)
from tests.support.house import Watched, alive
from tests.support.tiny_model import make_tiny_model


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Watched]:
    watched = Watched(tmp_path)
    await watched.server.start()
    yield watched
    await watched.server.stop()


async def test_start_returns_at_once_and_ready_follows(house: Watched) -> None:
    assert not house.server.ready.is_set()
    assert house.server.base_url.startswith("http://127.0.0.1:")
    assert house.server.base_url.endswith("/v1")
    state = await house.until(ready=True)
    assert house.server.ready.is_set()
    assert state.failure is None
    assert state.restarts == 0
    assert state.start_seconds is not None


async def test_a_killed_child_is_started_again(house: Watched) -> None:
    first = await house.until(ready=True)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    assert (await house.until(ready=False)).failure == "was ended by SIGKILL"
    second = await house.until(ready=True)
    assert second.pid != first.pid
    assert second.restarts == 1
    assert second.failure is None


async def test_a_child_that_says_it_is_broken_is_replaced(house: Watched) -> None:
    first = await house.until(ready=True)
    assert first.pid is not None
    broken = house.server.cache_dir / "broken"
    broken.touch()
    assert (await house.until(ready=False)).failure == "stopped generating"
    assert not alive(first.pid)
    broken.unlink()
    assert (await house.until(ready=True)).restarts == 1


async def test_a_child_that_cannot_start_says_why_and_is_tried_again(tmp_path: Path) -> None:
    def crash(port: int, _: Path | None) -> Sequence[str]:
        return (sys.executable, "-c", f"raise SystemExit('no room for {port and 'models'}')")

    house = Watched(tmp_path, crash)
    await house.server.start()
    try:
        for restarts in (0, 1, 2):
            state = await house.until(ready=False)
            assert state.failure == "ended with 1: no room for models"
            assert state.restarts == restarts
    finally:
        await house.server.stop()


async def test_a_program_that_is_not_there_is_a_failure_and_not_a_crash(tmp_path: Path) -> None:
    house = Watched(tmp_path, lambda _port, _adapter: ("/nonexistent",))
    await house.server.start()
    try:
        assert "cannot be started" in ((await house.until(ready=False)).failure or "")
    finally:
        await house.server.stop()


async def test_stopping_ends_the_child_and_may_be_done_twice(house: Watched) -> None:
    state = await house.until(ready=True)
    assert state.pid is not None
    await house.server.stop()
    await house.server.stop()
    assert not alive(state.pid)
    assert not house.server.ready.is_set()
    assert house.server.pid is None


async def test_a_model_without_its_files_is_refused_with_their_names(tmp_path: Path) -> None:
    server = HouseServer(tmp_path / "none", tmp_path / "house.log")
    await server.start()
    assert server.failure is not None
    assert "model.safetensors" in server.failure
    assert not server.ready.is_set()
    await server.stop()


def test_the_childs_environment_holds_no_secret_and_no_way_to_a_hub(tmp_path: Path) -> None:
    environment = child_environment(
        {
            "PATH": "/bin",
            "LC_ALL": "C.UTF-8",
            "ANTHROPIC_API_KEY": "secret",
            "OPENAI_API_KEY": "secret",
            "HF_TOKEN": "secret",
            "HTTPS_PROXY": "http://user:secret@proxy",
        },
        tmp_path,
    )
    assert "secret" not in str(environment)
    assert environment["PATH"] == "/bin"
    assert environment["LC_ALL"] == "C.UTF-8"
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["TMPDIR"] == str(tmp_path)


def test_the_real_server_is_told_loopback_and_no_foreign_origin(tmp_path: Path) -> None:
    command = mlx_command(tmp_path, 4321, None)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "4321"
    assert command[command.index("--allowed-origins") + 1] == ""
    assert "-P" in command
    assert "--adapter-path" not in command
    adapted = mlx_command(tmp_path, 4321, tmp_path / "adapter")
    assert adapted[-2:] == ("--adapter-path", str(tmp_path / "adapter"))


def test_the_pause_between_restarts_doubles_up_to_a_limit() -> None:
    patience = Patience(first_backoff=0.5, most_backoff=30)
    assert [backoff(n, patience) for n in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert backoff(1000, patience) == 30


def test_the_last_line_of_a_log_is_shown_without_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first\nand \x1b[31mred\xff\n\n")
    assert "\x1b" not in last_line(path)
    assert last_line(path).startswith("and")
    assert last_line(tmp_path / "missing") == ""


def test_the_tiny_model_is_usable_and_its_context_is_read(tmp_path: Path) -> None:
    make_tiny_model(tmp_path)
    assert unusable(tmp_path) is None
    assert context_length(tmp_path) == 2048
    assert context_length(tmp_path / "none") is None


def test_changed_files_are_found_by_their_hashes(tmp_path: Path) -> None:
    assert changed_files(tmp_path) is None
    (tmp_path / "config.json").write_text("{}")
    right = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    (tmp_path / "manifest.json").write_text(json.dumps({"files": {"config.json": right}}))
    assert changed_files(tmp_path) == ()
    (tmp_path / "config.json").write_text("[]")
    assert changed_files(tmp_path) == ("config.json",)
    (tmp_path / "config.json").unlink()
    assert changed_files(tmp_path) == ("config.json",)


GATEWAY = """
import asyncio, sys
from pathlib import Path
from gateway.upstreams.house import HouseServer

async def main():
    server = HouseServer(Path(sys.argv[1]), Path(sys.argv[2]))
    await server.start()
    await server.ready.wait()
    print(server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_real_server_answers_and_comes_back_after_kill_9(tmp_path: Path) -> None:
    house = Watched(make_tiny_model(tmp_path), command=None)
    await house.server.start()
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 3}
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
            for restarts in (0, 1):
                state = await house.until(ready=True, seconds=120)
                assert state.restarts == restarts
                assert state.pid is not None
                reply = await client.post(f"{state.base_url}/chat/completions", json=body)
                assert reply.json()["usage"]["completion_tokens"] == 3
                os.kill(state.pid, signal.SIGKILL)
    finally:
        await house.server.stop()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="watching a process needs a pidfd")
async def test_the_child_dies_with_a_gateway_that_is_killed(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "model")
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", GATEWAY, str(model), str(tmp_path / "logs" / "house.log")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert gateway.stdout is not None
    line = await asyncio.wait_for(gateway.stdout.readline(), 120)
    child = os.pidfd_open(int(line))
    gateway.kill()
    await gateway.wait()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(child, ended.set)
    await asyncio.wait_for(ended.wait(), 10)
    asyncio.get_running_loop().remove_reader(child)
    os.close(child)
