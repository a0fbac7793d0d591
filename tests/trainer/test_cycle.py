"""Whole cycles on a model of random weights: nothing is learned, and all of the rest is real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from capture.adapters import read_adapter, read_adapters, read_pointer, sha256
from tests.support.errands import LAMP, day
from tests.support.tiny_model import make_tiny_model
from tests.support.turns import REDACTOR
from trainer import cycle, dataset
from trainer.backends import Progress
from trainer.build import NothingToTrain, captured_rows
from trainer.curate import is_held_out
from trainer.household import Household
from trainer.records import CycleFiles, cycles
from trainer.settings import TrainingSettings

ROOMS = ("kitchen", "hall", "attic", "study", "cellar", "garage", "bath", "porch", "loft", "shed")
ROOT = Path(__file__).parents[2]


class Silent:
    """A watch that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def said(self, text: str) -> None:
        self.heard.append(text)

    def trained(self, progress: Progress, iters: int) -> None:
        self.heard.append(f"trained {progress.iteration}/{iters}")

    def answered(self, who: str, more: int, of: int) -> None:
        self.heard.append(f"{who} answered {more}/{of}")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def household(home: Path, base: Path, **settings: Any) -> Household:
    chosen: dict[str, Any] = {"iters": 4, "batch_size": 2, "held_out": 0.5, "rank": 2}
    chosen |= {"replay_share": 0.0} | settings
    return Household(
        home, base, "tiny", house=False, settings=TrainingSettings(**chosen), redactor=REDACTOR
    )


async def test_a_home_where_nothing_new_is_worth_it_trains_nothing(
    tmp_path: Path, tiny: Path
) -> None:
    with pytest.raises(NothingToTrain):
        cycle.run(household(tmp_path / "empty", tiny), Silent())
    await day(tmp_path / "home", *ROOMS)
    with pytest.raises(NothingToTrain):
        cycle.run(household(tmp_path / "home", tiny, held_out=1.0), Silent())
    assert cycles(tmp_path / "home" / "training") == []


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_an_exchange_is_followed_from_its_request_to_the_adapter_made_of_it(
    tmp_path: Path, tiny: Path
) -> None:
    home = tmp_path / "home"
    ids = await day(home, *ROOMS)
    house = household(home, tiny, iters=16)
    ended = cycle.run(house, Silent())

    (files,) = cycles(house.training)
    named = dataset.read_manifest(files.dataset)
    assert named is not None
    held = {id_ for id_ in ids if is_held_out(id_, 0.5)}
    assert 0 < len(held) < len(ids)
    assert {name.id for name in named.held_out} == held
    assert set(named.exchanges) == set(ids) - held

    lines = (files.dataset / "train.jsonl").read_bytes().splitlines()
    at = [name.id for name in named.train].index(named.exchanges[0])
    room = ROOMS[ids.index(named.exchanges[0])]
    written = json.loads(lines[at])
    assert written["tools"] == [LAMP]
    assert written["messages"][0]["content"] == f"switch on the lamp in the {room}"
    assert written["messages"][-1]["tool_calls"][0]["function"] == {
        "name": "set_lamp",
        "arguments": {"room": room, "on": True},
    }

    adapter = read_adapter(house.adapters, ended.adapter or "")
    assert adapter is not None
    assert adapter.manifest.dataset_exchanges == named.exchanges
    assert adapter.manifest.dataset_sha256 == sha256(files.dataset / "manifest.json")
    assert adapter.manifest.base_sha256 == sha256(tiny / "model.safetensors")
    assert adapter.manifest.losses[-1][0] == 16
    assert adapter.manifest.settings["lora_parameters"]["rank"] == 2
    assert adapter.gate is not None
    assert {figure.of for figure in adapter.gate.skills} == {len(held)}
    assert read_pointer(house.adapters).adapter == (adapter.id if adapter.gate.passed else None)

    rows = {row.id: row for row in captured_rows(house)}
    dataset.rebuild(tmp_path / "again", named, rows.get)
    assert (tmp_path / "again" / "train.jsonl").read_bytes().splitlines() == lines

    await day(home, "barn", "stable", "yard", "tower")
    later = cycle.run(house, Silent())
    assert later.rows["replayed"] == len(named.exchanges)
    again = dataset.read_manifest(cycles(house.training)[-1].dataset)
    assert again is not None
    assert not held & {name.id for name in again.train}
    assert not set(again.exchanges) & set(named.exchanges)
    modes = {path.stat().st_mode & 0o077 for path in house.training.rglob("*")}
    assert modes == {0}


def command(home: Path, *, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "train", "now", "--json"],
        env=os.environ | {"MAJORDOMO_HOME": str(home), "PYTHONPATH": str(ROOT)} | (env or {}),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def settings_file(home: Path, base: Path, **trainer: Any) -> None:
    chosen = {"base": str(base), "batch_size": 2, "rank": 2, "held_out": 0.5} | trainer
    (home / "majordomo.yaml").write_text(json.dumps({"version": 1, "trainer": chosen}))
    (home / "majordomo.yaml").chmod(0o600)


def children_of(pid: int) -> list[int]:
    said = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in said.split()]


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
async def test_training_killed_with_kill_9_leaves_no_process_and_the_next_ends_well(
    tmp_path: Path, tiny: Path
) -> None:
    home = tmp_path / "home"
    await day(home, *ROOMS)
    settings_file(home, tiny, iters=400)
    with command(home) as first:
        assert first.stderr is not None
        for line in first.stderr:
            if line.startswith("training ") and "validation" not in line:
                break
        (child,) = children_of(first.pid)
        first.kill()
        first.communicate()
    assert read_pointer(home / "adapters").adapter is None
    (files,) = cycles(home / "training")
    assert files.ended() is None

    with command(home) as second:
        out, err = second.communicate()
    assert second.returncode == 0, err
    assert not alive(child)
    assert "going on with cycle" in err
    ended = json.loads(out)
    assert ended["id"] == files.path.name
    (adapter,) = read_adapters(home / "adapters")
    assert adapter.id == ended["adapter"]
    assert adapter.manifest.losses[-1][0] == 400


KILLED = """
import asyncio, os, pathlib, signal, sys, json
from capture.redact import Redactor
from trainer import children, evaluate, files, cycle, lengths
from trainer.backends import mlx
from trainer.household import Household
from trainer.settings import TrainingSettings
home, base, left = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
real = os.fsync
def fsync(descriptor):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)
os.fsync = fsync
def run_child(arguments, *, cache, log, heard):
    if arguments[0] == "lora":
        told = json.loads(pathlib.Path(arguments[1]).read_text())
        out = pathlib.Path(told["adapter_path"])
        (out / "adapters.safetensors").write_bytes(b"weights")
        (out / "adapter_config.json").write_text("{}")
        return
    if arguments[0] == "measure":
        with open(arguments[3], "a") as file:
            for line in pathlib.Path(arguments[2]).read_text().splitlines():
                print(json.dumps({"key": json.loads(line)["key"], "tokens": 9}), file=file)
        return
    with open(arguments[4], "a") as file:
        for line in pathlib.Path(arguments[3]).read_text().splitlines():
            print(json.dumps({"key": json.loads(line)["key"], "message": {"content": "no"}}),
                  file=file)
mlx.run_child = evaluate.run_child = lengths.run_child = run_child
class Watch:
    def said(self, text): pass
    def trained(self, progress, iters): pass
    def answered(self, who, more, of): pass
settings, redactor = TrainingSettings(held_out=0.5), Redactor("secrets", b"salt")
cycle.run(Household(home, base, "tiny", False, settings, redactor), Watch())
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_cycle_killed_at_any_moment_goes_on_and_ends_with_one_adapter(
    tmp_path: Path, tiny: Path
) -> None:
    home = tmp_path / "home"
    await day(home, *ROOMS)
    killed = 0
    for syncs in (*range(1, 20, 2), 1000):
        ended = subprocess.run(  # noqa: ASYNC221 - nothing else runs here
            [sys.executable, "-c", KILLED, str(home), str(tiny), str(syncs)],
            check=False,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
        )
        live = read_pointer(home / "adapters").adapter
        assert live is None or read_adapter(home / "adapters", live) is not None
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
        killed += 1
    assert killed >= 4
    (adapter,) = read_adapters(home / "adapters")
    assert read_pointer(home / "adapters").adapter == adapter.id
    states = [files.ended() for files in cycles(home / "training")]
    assert [ended.state for ended in states if ended is not None][-1] == "promoted"
    assert CycleFiles(home / "training" / states[-1].id).ended() == states[-1]  # type: ignore[union-attr]
