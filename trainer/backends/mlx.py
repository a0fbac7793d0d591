"""Training with mlx-lm: the real `mlx_lm lora` in a child process, told everything by one file.

Settings keep mlx-lm's names; `strength` and `workers` are ours (`lora_child`). Rank and scale can
only be said in the file, and `num_layers` is -1 for all: more than the model has is an error there.
`mask_prompt` trains a row's last assistant message alone, which is what `trainer.rows` makes rows
for.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from capture.adapters import WEIGHTS
from trainer.backends import Losses, Progress, TrainingFailed
from trainer.children import run_child
from trainer.files import make_private, replace
from trainer.settings import TrainingSettings

REPORTS = 20
"""How often a run reports its loss."""
VAL_BATCHES = 2
MOST_WORKERS = 4
SHARED_BYTES = 1 << 30
"""Largest base that several processes train: each holds the whole of it in memory."""

_TRAINED = re.compile(r"^\s*(\d+)\s+(-?\d+\.\d+|nan|inf)\s+\S?\s+[\d,]+\s+[\d.,]+k\s*$")
_VALIDATED = re.compile(r"^\s*(\d+)\s+val\s+(-?\d+\.\d+|nan|inf)\s")


def config(
    settings: TrainingSettings, *, base: Path, data: Path, out: Path, rows: int, seed: int
) -> dict[str, Any]:
    """mlx-lm's configuration. JSON is YAML, so it is written as such."""
    warmup, highest = min(settings.warmup, settings.iters // 2), settings.learning_rate
    batch = min(settings.batch_size, rows)
    return {
        "model": str(base),
        "train": True,
        "fine_tune_type": "lora",
        "data": str(data),
        "adapter_path": str(out),
        "mask_prompt": True,
        "iters": settings.iters,
        "batch_size": batch,
        "learning_rate": highest,
        "lr_schedule": {
            "name": "cosine_decay",
            "arguments": [highest, settings.iters - warmup, highest / 20],
            "warmup": warmup,
        },
        "num_layers": settings.num_layers,
        "max_seq_length": settings.max_seq_length,
        "grad_checkpoint": settings.grad_checkpoint,
        "lora_parameters": {
            "rank": settings.rank,
            "scale": settings.scale,
            "dropout": settings.dropout,
        },
        "seed": seed,
        "steps_per_report": max(1, settings.iters // REPORTS),
        "steps_per_eval": settings.iters,
        "val_batches": VAL_BATCHES,
        "save_every": settings.iters + 1,
        "strength": settings.strength,
        "workers": workers(batch, base),
    }


def workers(batch: int, base: Path) -> int:
    """How many processes train together: mlx on a CPU computes on one core, so one for each core
    that gets an equal part of every batch; on a GPU, and for a large base, one."""
    if sum(file.stat().st_size for file in base.glob("*.safetensors")) > SHARED_BYTES:
        return 1
    most = min(_cores(), MOST_WORKERS, batch)
    return max(n for n in range(1, most + 1) if batch % n == 0)


def _cores() -> int:
    """Cores to compute on; a GPU counts as one. mlx itself is not imported here."""
    packages = importlib.metadata.distributions()
    if sys.platform != "linux" or any(str(each.name).startswith("mlx-cuda") for each in packages):
        return 1
    return len(os.sched_getaffinity(0))


def validation_rows(batch_size: int) -> int:
    """How many rows of valid.jsonl are looked at."""
    return VAL_BATCHES * batch_size


def train(
    configuration: dict[str, Any], directory: Path, cache: Path, heard: Callable[[Progress], None]
) -> Losses:
    """Run it, its configuration and log in `directory`. Raises ChildFailed and TrainingFailed."""
    make_private(Path(configuration["adapter_path"]))
    file = directory / "config.yaml"
    replace(file, orjson.dumps(configuration, option=orjson.OPT_INDENT_2))
    seen: list[Progress] = []

    def follow(line: str) -> None:
        progress = read_progress(line)
        if progress is not None:
            seen.append(progress)
            heard(progress)

    run_child(["lora", str(file)], cache=cache, log=directory / "train.log", heard=follow)
    if any(not math.isfinite(each.loss) for each in seen if not each.validation):
        raise TrainingFailed("the loss is no number: the learning rate may be too high")
    if not (Path(configuration["adapter_path"]) / WEIGHTS).is_file():
        raise TrainingFailed(f"mlx-lm left no weights in {configuration['adapter_path']}")
    return Losses(
        tuple((each.iteration, each.loss) for each in seen if not each.validation),
        tuple((each.iteration, each.loss) for each in seen if each.validation),
    )


def read_progress(line: str) -> Progress | None:
    """What a line of mlx-lm's output reports; None for a line that does not."""
    if found := _VALIDATED.match(line):
        return Progress(int(found[1]), float(found[2]), validation=True)
    if found := _TRAINED.match(line):
        return Progress(int(found[1]), float(found[2]), validation=False)
    return None
