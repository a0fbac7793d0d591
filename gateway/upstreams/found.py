"""What detection found: model servers running on this machine, and their models, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FoundModel:
    """One chat model that a found server offers."""

    name: str
    """As the server calls it."""
    context_length: int | None = None
    """Most tokens of prompt and reply together; None when the server does not say."""
    parameters: int | None = None
    """How many parameters it has, by the server's word or by its name; None when neither tells."""
    size_bytes: int | None = None
    """Bytes of its weights; None when the server does not say."""


@dataclass(frozen=True, slots=True)
class FoundUpstream:
    """One model server on a loopback port."""

    name: str
    """A name for it in the settings: `ollama`, `lmstudio`, `llamacpp`, `llama-swap`, `vllm`,
    `mlx-lm`."""
    kind: Literal["openai_compatible", "mlx_lm"]
    base_url: str
    """Root of its OpenAI-compatible API, `/v1` included."""
    server: str
    """What it is, for people: `Ollama 0.12.6`."""
    models: tuple[FoundModel, ...] = ()
    """Chat models only, in the server's order; none when it has none yet."""
    embedders: tuple[str, ...] = ()
    """Names of its models that embed, in the server's order."""
