"""Fakes of the local model servers: each answers the paths its original answers, and nothing else.

Bodies are the originals' own: llama.cpp's is recorded traffic, the others are the examples of the
servers' documentation (Ollama's docs/api.md, LM Studio's REST API v0, vLLM's and llama-swap's
`/v1/models`, mlx_lm.server 0.32.2 as observed), shortened. They serve loopback on a free port.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Body = Mapping[str, Any] | bytes | Callable[[bytes], Mapping[str, Any]]


@dataclass
class FakeServer:
    """What one server answers. `asked` lists the requests it saw, as `GET /path`."""

    routes: Mapping[str, Body]
    """By `GET /path`; a callable gets the request's body."""
    server: str = ""
    """Its `Server` header."""
    unknown: tuple[int, Body] = (404, b"404 page not found")
    """What it answers to every other path."""
    statuses: Mapping[str, int] = field(default_factory=dict[str, int])
    """Other statuses than 200, by request."""
    hangs_on: frozenset[str] = frozenset()
    """Requests it takes and never answers."""
    asked: list[str] = field(default_factory=list[str])
    port: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[FakeServer]:
        """Serve until the block ends."""
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            writer.close()
            return
        method, target = head.split(" ")[:2]
        length = next(
            (int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-le")),
            0,
        )
        sent = await reader.readexactly(length)
        request = f"{method} {target}"
        self.asked.append(request)
        if request in self.hangs_on:
            await reader.read()
        else:
            writer.write(self._answer(request, sent))
        writer.close()

    def _answer(self, request: str, sent: bytes) -> bytes:
        status, body = self.statuses.get(request, 200), self.routes.get(request)
        if body is None:
            status, body = self.unknown
        if callable(body):
            body = body(sent)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(data)}\r\nconnection: close\r\n"
        if self.server:
            head += f"server: {self.server}\r\n"
        return head.encode() + b"\r\n" + data


def openai_list(*models: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `/v1/models`."""
    return {"object": "list", "data": [{"object": "model", "created": 1, **m} for m in models]}


def ollama() -> FakeServer:
    def details(size: str) -> dict[str, Any]:
        return {"format": "gguf", "parameter_size": size, "quantization_level": "Q4_K_M"}

    shows: dict[str, Any] = {
        "qwen3:8b": {
            "capabilities": ["completion", "tools", "thinking"],
            "parameters": 'stop "<|im_end|>"\nnum_ctx                        65536',
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40960},
        },
        "gemma3:latest": {
            "capabilities": ["completion", "vision"],
            "parameters": "top_k 64",
            "model_info": {"general.architecture": "gemma3", "gemma3.context_length": 131072},
        },
        "llama3.2:1b": {
            "model_info": {"general.architecture": "llama", "llama.context_length": 131072}
        },
        "my-vectors:latest": {"capabilities": ["embedding"], "model_info": {}},
        "nomic-embed-text:latest": {"model_info": {}},
    }
    tags = [
        {"name": "qwen3:8b", "size": 5225388164, "details": details("8.2B")},
        {"name": "gemma3:latest", "size": 3338801804, "details": details("4.3B")},
        {"name": "llama3.2:1b", "size": 1321098329, "details": details("1.2B")},
        {"name": "my-vectors:latest", "size": 274302450, "details": details("137M")},
        {"name": "nomic-embed-text:latest", "size": 274302450, "details": details("137M")},
        {
            "name": "gpt-oss:120b-cloud",
            "remote_model": "gpt-oss:120b",
            "remote_host": "https://ollama.com:443",
            "size": 384,
            "details": details("116.8B"),
        },
    ]
    return FakeServer(
        {
            "GET /api/version": {"version": "0.12.6"},
            "GET /api/tags": {"models": tags},
            "GET /api/ps": {"models": [{"name": "llama3.2:1b", "context_length": 4096}]},
            "POST /api/show": lambda sent: shows[json.loads(sent)["model"]],
            "GET /v1/models": openai_list({"id": "qwen3:8b", "owned_by": "library"}),
        }
    )


def lm_studio() -> FakeServer:
    common = {"object": "model", "publisher": "qwen", "compatibility_type": "gguf"}
    return FakeServer(
        {
            "GET /api/v0/models": {
                "object": "list",
                "data": [
                    {
                        **common,
                        "id": "qwen/qwen3-14b",
                        "type": "llm",
                        "state": "loaded",
                        "max_context_length": 131072,
                        "loaded_context_length": 65536,
                    },
                    {
                        **common,
                        "id": "qwen2-vl-7b-instruct",
                        "type": "vlm",
                        "state": "not-loaded",
                        "max_context_length": 32768,
                    },
                    {
                        **common,
                        "id": "text-embedding-nomic-embed-text-v1.5",
                        "type": "embeddings",
                        "state": "not-loaded",
                        "max_context_length": 2048,
                    },
                ],
            },
            "GET /v1/models": openai_list(
                {"id": "qwen/qwen3-14b", "owned_by": "organization_owner"}
            ),
        },
        unknown=(200, {"error": "Unexpected endpoint or method. (GET /props)"}),
    )


LLAMA_CPP_MODELS: Mapping[str, Any] = {
    "models": [{"name": "unsloth/Qwen3.5-2B-GGUF", "capabilities": ["completion", "multimodal"]}],
    "object": "list",
    "data": [
        {
            "id": "unsloth/Qwen3.5-2B-GGUF",
            "aliases": ["unsloth/Qwen3.5-2B-GGUF"],
            "tags": [],
            "object": "model",
            "created": 1786887972,
            "owned_by": "llamacpp",
            "meta": {
                "vocab_type": 2,
                "n_vocab": 248320,
                "n_ctx": 16384,
                "n_ctx_train": 262144,
                "n_embd": 2048,
                "n_params": 1881825088,
                "size": 1328790784,
                "ftype": "Q4_K - Medium",
            },
        }
    ],
}
"""Recorded from llama.cpp b10452."""


def llama_cpp(models: Mapping[str, Any] = LLAMA_CPP_MODELS) -> FakeServer:
    return FakeServer(
        {
            "GET /health": {"status": "ok"},
            "GET /props": {
                "default_generation_settings": {"n_ctx": 16384},
                "total_slots": 4,
                "build_info": "b10452-b94041a98",
            },
            "GET /v1/models": models,
            "GET /api/tags": {"models": []},
        },
        server="llama.cpp",
        unknown=(404, {"error": {"code": 404, "message": "File Not Found"}}),
    )


def llama_swap() -> FakeServer:
    return FakeServer(
        {
            "GET /running": {
                "running": [
                    {"model": "qwen3-30b-a3b", "state": "ready"},
                    {"model": "gemma-3-4b", "state": "starting"},
                ]
            },
            "GET /v1/models": openai_list(
                {"id": "gemma-3-4b", "owned_by": "llama-swap"},
                {"id": "qwen3-30b-a3b", "owned_by": "llama-swap", "name": "Qwen3 30B"},
                {"id": "bge-m3", "owned_by": "llama-swap"},
                {
                    "id": "glm-5",
                    "owned_by": "llama-swap",
                    "meta": {"llamaswap": {"peerID": "openrouter"}},
                },
            ),
            "GET /upstream/qwen3-30b-a3b/props": {"default_generation_settings": {"n_ctx": 32768}},
            "GET /health": b"OK",
        }
    )


def vllm() -> FakeServer:
    return FakeServer(
        {
            "GET /version": {"version": "0.11.0"},
            "GET /health": b"",
            "GET /v1/models": openai_list(
                {
                    "id": "hermes",
                    "owned_by": "vllm",
                    "root": "NousResearch/Hermes-4-14B",
                    "parent": None,
                    "max_model_len": 40960,
                }
            ),
        },
        server="uvicorn",
        unknown=(404, {"detail": "Not Found"}),
    )


def mlx_lm() -> FakeServer:
    return FakeServer(
        {
            "GET /health": {"status": "ok"},
            "GET /v1/models": openai_list({"id": "mlx-community/Qwen3-4B-4bit"}),
        },
        server="BaseHTTP/0.6 Python/3.11.7",
        unknown=(404, b"Not Found"),
    )
