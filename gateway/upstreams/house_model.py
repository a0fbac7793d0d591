"""The house model's directory: what must be in it, and what its own files say of it.

The model ships with Majordomo in `gateway/house_model`, in the layout `mlx_lm` loads: a config,
weights as safetensors, a tokenizer with its chat template. Nothing here loads any of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import orjson

HOUSE_MODEL_DIR = Path(__file__).resolve().parent.parent / "house_model"
NEEDED_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
MANIFEST = "manifest.json"
"""`{"files": {name: sha256, ...}, ...}`, written by whoever trained the model."""


def unusable(model_dir: Path) -> str | None:
    """Why this machine cannot serve the model in `model_dir`; None when it can."""
    missing = [name for name in NEEDED_FILES if not (model_dir / name).is_file()]
    if missing:
        return f"its files are missing in {model_dir}: {', '.join(missing)}"
    if find_spec("mlx_lm") is None:
        return "mlx-lm is not installed here (it runs on Linux and on Apple silicon)"
    return None


def context_length(model_dir: Path) -> int | None:
    """Most tokens of prompt and reply, as the model's config says; None when it does not."""
    found = _read(model_dir / "config.json").get("max_position_embeddings")
    return found if isinstance(found, int) and found > 0 else None


def changed_files(model_dir: Path) -> tuple[str, ...] | None:
    """Files whose SHA-256 is not the one recorded when the model was made; None when nothing was
    recorded."""
    recorded = _read(model_dir / MANIFEST).get("files")
    if not isinstance(recorded, Mapping) or not recorded:
        return None
    hashes = cast("Mapping[str, Any]", recorded)
    return tuple(name for name, sha256 in hashes.items() if _sha256(model_dir / name) != sha256)


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        value: object = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
