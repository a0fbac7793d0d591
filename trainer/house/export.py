"""Write a trained model as a directory that mlx_lm and transformers load: ``Qwen3ForCausalLM``.

Weights are float32: on Linux CPUs mlx multiplies half-precision matrices several times more slowly,
and at under two million parameters the file still fits the repository's 8 MB.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]
from tokenizers import Tokenizer

from trainer.house import tokenizer as tokenizers_

if TYPE_CHECKING:
    from trainer.house.model import Shape


def configuration(shape: Shape, tokenizer: Tokenizer) -> dict[str, object]:
    """The ``config.json`` of this shape."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": True,
        "use_cache": True,
        "torch_dtype": "float32",
        "bos_token_id": None,
        "eos_token_id": tokenizer.token_to_id("<|im_end|>"),
        "pad_token_id": tokenizer.token_to_id("<|endoftext|>"),
        **asdict(shape),
    }


def write(folder: Path, weights: dict[str, np.ndarray], shape: Shape, tokenizer: Tokenizer) -> None:
    """Write configuration, tokenizer, template and weights; the weights last, in one rename."""
    folder.mkdir(parents=True, exist_ok=True)
    config = configuration(shape, tokenizer)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    generation = {
        "do_sample": False,
        "eos_token_id": config["eos_token_id"],
        "pad_token_id": config["pad_token_id"],
    }
    (folder / "generation_config.json").write_text(
        json.dumps(generation, indent=1) + "\n", encoding="utf-8"
    )
    tokenizers_.save(tokenizer, folder)
    partial = folder / "model.safetensors.partial"
    save_file(
        {name: np.ascontiguousarray(value) for name, value in weights.items()},
        partial,
        metadata={"format": "pt"},
    )
    partial.chmod(0o644)
    partial.replace(folder / "model.safetensors")
    write_manifest(folder)


def write_manifest(folder: Path) -> None:
    """Write ``manifest.json``: the SHA-256 of every file that a model server reads, by its name.

    `majordomo doctor` holds the files against it.
    """
    named = ("config.json", "generation_config.json", "model.safetensors", "chat_template.jinja")
    names = (*named, "tokenizer.json", "tokenizer_config.json")
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    text = json.dumps({"files": hashes}, indent=1) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")
