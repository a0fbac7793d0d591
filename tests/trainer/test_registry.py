from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from capture.adapters import (
    CONFIG,
    POINTER,
    WEIGHTS,
    Adapter,
    GateResult,
    pointer_stamp,
    read_adapter,
    read_adapters,
    read_pointer,
    sha256,
)
from tests.support.lora import manifest
from trainer.files import Held, locked
from trainer.registry import Changed, RegistryError, promote, publish, rollback

BASE = "b" * 64


def made(directory: Path, number: int = 1, *, passed: bool | None = True) -> Adapter:
    scratch = directory.parent / f"made-{number}"
    scratch.mkdir()
    (scratch / WEIGHTS).write_bytes(b"weights %d" % number)
    (scratch / CONFIG).write_text("{}")
    found = sha256(scratch / WEIGHTS)
    assert found is not None
    gate = (
        None
        if passed is None
        else GateResult(at=1, passed=passed, reasons=("so",), incumbent=None, skills=())
    )
    return publish(directory, scratch, manifest(found, BASE, 1_795_000_000 + number), gate)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return tmp_path / "adapters"


def test_a_published_adapter_verifies_and_is_private(registry: Path) -> None:
    adapter = made(registry)
    assert read_adapters(registry) == [adapter]
    assert (adapter.path / WEIGHTS).read_bytes() == b"weights 1"
    assert {path.stat().st_mode & 0o077 for path in registry.rglob("*")} == {0}
    assert read_pointer(registry).adapter is None


def test_publishing_again_changes_nothing(registry: Path) -> None:
    adapter = made(registry)
    before = (adapter.path / WEIGHTS).stat().st_ino
    scratch = registry.parent / "made-1"
    assert publish(registry, scratch, adapter.manifest, None) == adapter
    assert (adapter.path / WEIGHTS).stat().st_ino == before


def test_weights_that_are_not_the_manifests_are_not_published(registry: Path) -> None:
    adapter = made(registry)
    (registry.parent / "made-1" / WEIGHTS).write_bytes(b"others")
    other = adapter.manifest.model_copy(update={"id": "20261120-000000-abcdef"})
    with pytest.raises(RegistryError, match="not those the manifest names"):
        publish(registry, registry.parent / "made-1", other, None)
    assert read_adapters(registry) == [adapter]
    assert not list(registry.glob(".incoming-*"))


def test_promoting_and_rolling_back_move_the_pointer(registry: Path) -> None:
    first, second = made(registry, 1), made(registry, 2)
    promote(registry, first.id, "gate")
    pointer = promote(registry, second.id, "user")
    assert (pointer.adapter, pointer.by, pointer.past) == (second.id, "user", (first.id, None))
    assert read_pointer(registry) == pointer
    assert rollback(registry).adapter == first.id
    assert rollback(registry).adapter is None
    with pytest.raises(RegistryError, match="no earlier"):
        rollback(registry)


def test_promoting_the_incumbent_again_changes_nothing(registry: Path) -> None:
    adapter = made(registry)
    promote(registry, adapter.id, "gate")
    stamp = pointer_stamp(registry)
    promote(registry, adapter.id, "user")
    assert pointer_stamp(registry) == stamp


@pytest.mark.parametrize(("passed", "why"), [(None, "no gate has judged"), (False, "rejected")])
def test_what_the_gate_has_not_passed_is_promoted_on_demand_alone(
    registry: Path, passed: bool | None, why: str
) -> None:
    adapter = made(registry, passed=passed)
    with pytest.raises(RegistryError, match=why):
        promote(registry, adapter.id, "user")
    assert promote(registry, adapter.id, "user", ungated=True).adapter == adapter.id


def test_an_adapter_that_does_not_verify_is_never_live(registry: Path) -> None:
    first, second = made(registry, 1), made(registry, 2)
    for adapter in (first, second):
        promote(registry, adapter.id, "gate")
    (first.path / WEIGHTS).write_bytes(b"spoilt")
    with pytest.raises(RegistryError, match="verify"):
        promote(registry, first.id, "user")
    assert rollback(registry).adapter is None
    with pytest.raises(RegistryError, match="verify"):
        promote(registry, "20000101-000000-000000", "user")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path, "process 1"), pytest.raises(Held, match="process 1"):  # noqa: SIM117
        with locked(tmp_path, wait=False):
            pass
    with locked(tmp_path, wait=False):
        pass


KILLED = """
import os, pathlib, signal, sys
from trainer import registry
real, left = os.fsync, int(sys.argv[3])
def fsync(descriptor):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)
os.fsync = fsync
from capture.adapters import GateResult, Manifest
made = pathlib.Path(sys.argv[2])
manifest = Manifest.model_validate_json((made / "wanted.json").read_text())
gate = GateResult(at=1, passed=True, reasons=("so",), incumbent=None, skills=())
registry.publish(pathlib.Path(sys.argv[1]), made, manifest, gate)
registry.promote(pathlib.Path(sys.argv[1]), manifest.id, "gate")
"""


@pytest.mark.slow
def test_killed_at_any_sync_the_old_adapter_is_live_or_the_new(registry: Path) -> None:
    old = made(registry, 1)
    promote(registry, old.id, "gate")
    scratch = registry.parent / "made-2"
    scratch.mkdir()
    (scratch / WEIGHTS).write_bytes(b"new")
    (scratch / CONFIG).write_text("{}")
    wanted = manifest(sha256(scratch / WEIGHTS) or "", BASE, 1_795_000_009)
    (scratch / "wanted.json").write_text(wanted.model_dump_json())
    for syncs in range(20):
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(registry), str(scratch), str(syncs)],
            check=False,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        live = read_pointer(registry).adapter
        assert live in {old.id, wanted.id}
        assert read_adapter(registry, live or "") is not None
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
    assert read_pointer(registry).adapter == wanted.id
    assert not list(registry.glob(".incoming-*"))
    assert (registry / POINTER).stat().st_mode & 0o077 == 0


def test_one_who_saw_another_incumbent_does_not_replace_it(registry: Path) -> None:
    first, second = made(registry, 1), made(registry, 2)
    seen = read_pointer(registry).since
    pointer = promote(registry, first.id, "user")
    with pytest.raises(Changed, match=f"adapter {first.id} was made live meanwhile, by user"):
        promote(registry, second.id, "gate", expected=seen)
    assert read_pointer(registry) == pointer
    assert promote(registry, second.id, "gate", expected=pointer.since).adapter == second.id
