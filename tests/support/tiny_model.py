"""A Qwen3 of random weights, small enough to make in a test: it talks nonsense, over a real server.

The directory is what `mlx_lm.server --model` wants: config, weights, tokenizer and a ChatML
template. Its tokens are the 256 bytes and ChatML's and Hermes's markers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

HIDDEN = 32
LAYERS = 2
HEADS = 2
MARKERS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>")

TEMPLATE = (
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{%- endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{%- endif %}"
    "{#- <tool_call> {{ tools }} -#}"
)


def make_tiny_model(directory: Path) -> Path:
    """Write the model into `directory` (made if missing) and return it."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(directory / "tokenizer.json"))
    vocabulary = tokenizer.get_vocab_size()
    _json(directory / "config.json", _config(vocabulary))
    _json(
        directory / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "chat_template": TEMPLATE,
            "model_max_length": 2048,
        },
    )
    target = directory / "model.safetensors"
    save_file(_weights(vocabulary), target, metadata={"format": "mlx"})
    return directory


def _json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1))


def _tokenizer() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: number for number, character in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(  # pyright: ignore[reportUnknownMemberType]
        [  # pyright: ignore[reportUnknownMemberType]
            AddedToken(marker, special=True) for marker in MARKERS
        ]
    )
    return tokenizer


def _config(vocabulary: int) -> dict[str, Any]:
    return {
        "model_type": "qwen3",
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "intermediate_size": 2 * HIDDEN,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "rms_norm_eps": 1e-6,
        "vocab_size": vocabulary,
        "max_position_embeddings": 2048,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "eos_token_id": vocabulary - len(MARKERS) + 2,
    }


def _weights(vocabulary: int) -> dict[str, Any]:
    random = np.random.default_rng(7)

    def matrix(rows: int, columns: int) -> Any:
        return (random.standard_normal((rows, columns)) * 0.05).astype(np.float32)

    def ones(size: int) -> Any:
        return np.ones(size, dtype=np.float32)

    weights: dict[str, Any] = {
        "model.embed_tokens.weight": matrix(vocabulary, HIDDEN),
        "model.norm.weight": ones(HIDDEN),
    }
    for number in range(LAYERS):
        layer = f"model.layers.{number}."
        weights |= {
            f"{layer}self_attn.q_proj.weight": matrix(HEADS * 16, HIDDEN),
            f"{layer}self_attn.k_proj.weight": matrix(16, HIDDEN),
            f"{layer}self_attn.v_proj.weight": matrix(16, HIDDEN),
            f"{layer}self_attn.o_proj.weight": matrix(HIDDEN, HEADS * 16),
            f"{layer}self_attn.q_norm.weight": ones(16),
            f"{layer}self_attn.k_norm.weight": ones(16),
            f"{layer}mlp.gate_proj.weight": matrix(2 * HIDDEN, HIDDEN),
            f"{layer}mlp.up_proj.weight": matrix(2 * HIDDEN, HIDDEN),
            f"{layer}mlp.down_proj.weight": matrix(HIDDEN, 2 * HIDDEN),
            f"{layer}input_layernorm.weight": ones(HIDDEN),
            f"{layer}post_attention_layernorm.weight": ones(HIDDEN),
        }
    return weights
