"""Adapters of random weights for a real base: they change what it says, and train in no time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import (
    load_file,  # pyright: ignore[reportUnknownVariableType]
    save_file,  # pyright: ignore[reportUnknownVariableType]
)

from capture.adapters import CONFIG, WEIGHTS, Adapter, GateResult, Manifest, sha256
from trainer.registry import adapter_id, publish

RANK = 4
KEYS = ("self_attn.q_proj", "mlp.down_proj")
MADE = 1_795_000_000.0
"""Unix seconds of the first adapter; each seed is a second later."""


def publish_random(
    registry: Path, scratch: Path, base: Path, *, seed: int = 1, weights: bytes | None = None
) -> Adapter:
    """Publish an adapter for the model in `base`; `weights`: these bytes in place of real ones."""
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / WEIGHTS
    if weights is None:
        save_file(_matrices(base, seed), target)
    else:
        target.write_bytes(weights)
    (scratch / CONFIG).write_text(json.dumps(_config()))
    found = sha256(target)
    base_sha256 = sha256(base / "model.safetensors")
    assert found is not None
    assert base_sha256 is not None
    return publish(registry, scratch, manifest(found, base_sha256, MADE + seed), passed())


def manifest(weights_sha256: str, base_sha256: str, at: float = MADE) -> Manifest:
    """A manifest for weights and base of these hashes."""
    return Manifest(
        id=adapter_id(at, weights_sha256),
        created_at=at,
        base="a-base",
        base_sha256=base_sha256,
        weights_sha256=weights_sha256,
        dataset_sha256="0" * 64,
        dataset_exchanges=("01K", "01M"),
        settings={"iters": 5, "rank": RANK},
        losses=((1, 2.5), (5, 0.5)),
        seconds=1.5,
    )


def passed() -> GateResult:
    """What a gate says of a good candidate."""
    return GateResult(
        at=MADE, passed=True, reasons=("the candidate is better",), incumbent=None, skills=()
    )


def _config() -> dict[str, Any]:
    parameters = {"rank": RANK, "scale": 8.0, "dropout": 0.0, "keys": list(KEYS)}
    return {"fine_tune_type": "lora", "num_layers": -1, "lora_parameters": parameters}


def _matrices(base: Path, seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    weights: dict[str, Any] = load_file(base / "model.safetensors")
    made: dict[str, Any] = {}
    for name, weight in weights.items():
        layer = name.removesuffix(".weight")
        if layer.endswith(KEYS):
            outputs, inputs = weight.shape
            made[f"{layer}.lora_a"] = _matrix(random, inputs, RANK)
            made[f"{layer}.lora_b"] = _matrix(random, RANK, outputs)
    return made


def _matrix(random: np.random.Generator, rows: int, columns: int) -> Any:
    return (random.standard_normal((rows, columns)) * 0.1).astype(np.float32)
