"""The wheel: what is in it, and that it runs with nothing but the locked requirements beside it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import httpx2
import pytest

from tests.support.gateway_process import GatewayProcess
from tests.support.repository import PACKAGES, ROOT, tracked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once, by the same command as `make wheel`, without the network."""
    into = tmp_path_factory.mktemp("wheel")
    run_pip(
        sys.executable, "wheel", "--no-build-isolation", "--no-deps", "--no-index",
        "--wheel-dir", str(into), str(ROOT),
    )  # fmt: skip
    (built,) = into.glob("majordomo_gateway-*.whl")
    return built


def run_pip(python: str, *arguments: str) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_holds_every_file_of_the_four_packages_and_nothing_else(wheel: Path) -> None:
    wanted = {name for name in tracked() if name.split("/")[0] in PACKAGES}
    found = {name for name in contents(wheel) if ".dist-info/" not in name}
    assert found == wanted


def test_it_leaves_nothing_that_runs_by_itself_in_another_environment(wheel: Path) -> None:
    tops = {PurePosixPath(name).parts[0] for name in contents(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not [name for name in contents(wheel) if name.endswith(".pth")]


def test_it_is_small_enough_to_fetch_without_a_thought(wheel: Path) -> None:
    assert wheel.stat().st_size < 12 * 1024 * 1024


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`majordomo` in an environment that holds the locked requirements, the wheel, nothing else."""
    venv = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = str(venv / "bin" / "python")
    run_pip(python, "install", "--require-hashes", "-r", str(ROOT / "requirements.txt"))
    run_pip(python, "install", "--no-deps", "--no-index", str(wheel))
    return venv / "bin" / "majordomo"


async def test_it_installs_from_the_lock_and_answers_with_its_own_model(
    command: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.gateway_process.COMMAND", command)
    house = {"upstream": "house", "model": "house"}
    settings = {"upstreams": {"house": {"kind": "house"}}, "modes": {"resting": house}}
    gateway = GatewayProcess(tmp_path / "home", settings)
    status, version = await gateway.command("--version")
    assert status == 0, version
    assert version.split()[-1] == wheel.name.split("-")[1]

    ask = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
    async with gateway, httpx2.AsyncClient(timeout=90) as client:
        reply = await client.post(f"{gateway.url}/v1/chat/completions", json=ask)
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"][0]["message"]["content"]
