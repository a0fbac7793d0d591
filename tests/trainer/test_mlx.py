from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import safetensors.numpy

from tests.support.tiny_model import make_tiny_model
from tests.support.turns import row
from trainer.backends import Progress, mlx
from trainer.backends.mlx import config, read_progress, train
from trainer.children import ChildFailed, environment, run_child
from trainer.settings import TrainingSettings


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("     1    val 1.967    0.52s", Progress(1, 1.967, validation=True)),
        ("    10    2.345 \u25bc    1,234      5.6k", Progress(10, 2.345, validation=False)),
        ("   120    0.103 \u25b2       56  1,205.6k", Progress(120, 0.103, validation=False)),
        ("Trainable parameters: 14.8% (0.3M/2.1M)", None),
        ("  iter   train_loss     tok/s     tokens", None),
        ("  save  0000100_adapters.safetensors", None),
    ],
)
def test_progress_is_read_from_what_mlx_lm_prints(line: str, progress: Progress | None) -> None:
    assert read_progress(line) == progress


def test_a_batch_is_never_larger_than_the_dataset() -> None:
    made = config(
        TrainingSettings(batch_size=16),
        base=Path("b"),
        data=Path("d"),
        out=Path("o"),
        rows=5,
        seed=1,
    )
    assert made["batch_size"] == 5
    assert made["mask_prompt"] is True
    assert made["lora_parameters"] == {"rank": 16, "scale": 10.0, "dropout": 0.0}
    assert made["lr_schedule"] == {
        "name": "cosine_decay",
        "arguments": [5e-4, 180, 2.5e-5],
        "warmup": 20,
    }


def test_a_child_learns_no_secret_and_reaches_no_hub() -> None:
    given = {"PATH": "/bin", "ANTHROPIC_API_KEY": "sk-ant", "HF_TOKEN": "hf", "LD_PRELOAD": "x"}
    told = environment(given, Path("/cache"))
    assert told["HF_HUB_OFFLINE"] == "1"
    assert told["LD_PRELOAD"] == "x"
    assert not {"ANTHROPIC_API_KEY", "HF_TOKEN"} & set(told)


@pytest.mark.slow
def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match=r"lora ended with \d+: .*nowhere"):
        run_child(
            ["lora", "nowhere.yaml"],
            cache=tmp_path / "cache",
            log=tmp_path / "log",
            heard=lambda _: None,
        )
    assert "nowhere.yaml" in (tmp_path / "log").read_text()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mlx_lm_trains_without_rows_to_validate_by(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.jsonl").write_bytes(row("a").line + b"\n" + row("b").line + b"\n")
    base, out = make_tiny_model(tmp_path / "tiny"), tmp_path / "adapter"
    settings = TrainingSettings(iters=1, batch_size=2, rank=2)
    told = config(settings, base=base, data=data, out=out, rows=2, seed=1)
    losses = train(told, tmp_path, tmp_path / "cache", lambda _: None)
    assert len(losses.train) == 1
    assert losses.validation == ()
    assert (out / "adapters.safetensors").is_file()


@pytest.mark.parametrize(
    ("cores", "batch", "count"), [(2, 8, 2), (16, 8, 4), (4, 6, 3), (4, 5, 1), (1, 8, 1), (2, 1, 1)]
)
def test_each_core_gets_an_equal_part_of_every_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cores: int, batch: int, count: int
) -> None:
    monkeypatch.setattr(mlx, "_cores", lambda: cores)
    assert mlx.workers(batch, tmp_path) == count


def test_a_large_base_is_in_memory_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mlx, "_cores", lambda: 4)
    for name, size in (("model-1", mlx.SHARED_BYTES // 2), ("model-2", mlx.SHARED_BYTES // 2)):
        with (tmp_path / f"{name}.safetensors").open("wb") as file:
            file.truncate(size)
    assert mlx.workers(8, tmp_path) == 4
    with (tmp_path / "model-3.safetensors").open("wb") as file:
        file.truncate(1)
    assert mlx.workers(8, tmp_path) == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_was_learned_is_kept_at_its_strength(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "tiny")
    whole, half = (trained(base, tmp_path / f"{share}", strength=share) for share in (1.0, 0.5))
    assert whole.keys() == half.keys()
    for name, array in whole.items():
        share = 0.5 if name.endswith("lora_b") else 1.0
        assert np.any(array)
        np.testing.assert_array_equal(half[name], array * np.float32(share))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_take_the_steps_that_one_takes(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "tiny")
    one, two = (trained(base, tmp_path / f"{count}", workers=count) for count in (1, 2))
    assert one.keys() == two.keys()
    for name, array in one.items():
        np.testing.assert_allclose(two[name], array, atol=2e-6)
    assert "2 processes train together" in (tmp_path / "2" / "train.log").read_text()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
def test_one_process_that_dies_ends_the_training_of_both(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "tiny")

    def kill_the_other(progress: Progress) -> None:
        mark = f"{tmp_path}/addresses.json".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)

    with pytest.raises(ChildFailed, match="lora ended with 1"):
        trained(base, tmp_path, workers=2, iters=100_000, heard=kill_the_other)
    assert "trained with this one ended with -9" in (tmp_path / "train.log").read_text()


def trained(
    base: Path,
    directory: Path,
    *,
    strength: float = 1.0,
    workers: int = 1,
    iters: int = 2,
    heard: Callable[[Progress], None] = lambda _: None,
) -> dict[str, Any]:
    """The weights of a few steps on the same rows from the same seed."""
    data = directory / "data"
    data.mkdir(parents=True)
    (data / "train.jsonl").write_bytes(row("a").line + b"\n" + row("b").line + b"\n")
    settings = TrainingSettings(iters=iters, warmup=0, batch_size=2, rank=2, strength=strength)
    told = config(settings, base=base, data=data, out=directory / "out", rows=2, seed=1)
    told |= {"workers": workers, "steps_per_report": 1}
    train(told, directory, directory / "cache", heard)
    read: Any = cast("Any", safetensors.numpy).load_file
    return read(directory / "out" / "adapters.safetensors")
