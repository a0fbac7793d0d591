from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstreams.detect import detect
from gateway.upstreams.found import FoundModel, FoundUpstream
from gateway.upstreams.sizes import chats, embeds, parameters_in_label, parameters_in_name
from tests.support import fake_servers as fakes
from tests.support.fake_servers import FakeServer


async def found_at(*servers: FakeServer) -> tuple[FoundUpstream, ...]:
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server.running())
        return await detect([server.port for server in servers])


async def only(server: FakeServer) -> FoundUpstream:
    (found,) = await found_at(server)
    assert found.base_url == f"http://127.0.0.1:{server.port}/v1"
    return found


async def test_ollama_is_told_with_its_chat_models_and_contexts() -> None:
    found = await only(fakes.ollama())
    assert (found.name, found.kind, found.server) == (
        "ollama",
        "openai_compatible",
        "Ollama 0.12.6",
    )
    assert found.models == (
        FoundModel("qwen3:8b", 65536, 8_200_000_000, 5225388164),
        FoundModel("gemma3:latest", 131072, 4_300_000_000, 3338801804),
        FoundModel("llama3.2:1b", 4096, 1_200_000_000, 1321098329),
    )


async def test_models_that_embed_are_told_apart_from_those_that_chat() -> None:
    names = (await only(fakes.ollama())).embedders
    assert names == ("my-vectors:latest", "nomic-embed-text:latest")
    assert (await only(fakes.lm_studio())).embedders == ("text-embedding-nomic-embed-text-v1.5",)
    assert (await only(fakes.llama_cpp())).embedders == ()
    assert not embeds("bge-reranker-v2-m3")
    assert not embeds("qwen3:8b")


async def test_ollamas_cloud_models_are_not_at_home() -> None:
    assert "cloud" not in str((await only(fakes.ollama())).models)


async def test_lm_studio_is_told_though_it_answers_every_path_with_200() -> None:
    found = await only(fakes.lm_studio())
    assert (found.name, found.server) == ("lmstudio", "LM Studio")
    assert found.models == (
        FoundModel("qwen/qwen3-14b", 65536, 14_000_000_000),
        FoundModel("qwen2-vl-7b-instruct", 32768, 7_000_000_000),
    )


async def test_llama_cpp_is_told_by_what_it_really_sends() -> None:
    found = await only(fakes.llama_cpp())
    assert (found.name, found.server) == ("llamacpp", "llama.cpp b10452-b94041a98")
    assert found.models == (FoundModel("unsloth/Qwen3.5-2B-GGUF", 16384, 1881825088, 1328790784),)


@pytest.mark.skipif("MAJORDOMO_RECORDINGS" not in os.environ, reason="recordings are not here")
async def test_llama_cpp_is_told_from_recorded_traffic() -> None:
    folder = Path(os.environ["MAJORDOMO_RECORDINGS"]) / "local" / "llamacpp"
    recordings = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    listings = [r for r in recordings if r["request"]["path"] == "/v1/models"]
    assert listings
    for recording in listings:
        found = await only(fakes.llama_cpp(recording["response"]["body"]))
        assert found.models[0].context_length == 16384


async def test_llama_swap_is_told_and_loads_nothing_by_being_looked_at() -> None:
    server = fakes.llama_swap()
    found = await only(server)
    assert (found.name, found.server) == ("llama-swap", "llama-swap")
    assert found.models == (
        FoundModel("gemma-3-4b", None, 4_000_000_000),
        FoundModel("qwen3-30b-a3b", 32768, 30_000_000_000),
    )
    assert [path for path in server.asked if "/upstream/" in path] == [
        "GET /upstream/qwen3-30b-a3b/props"
    ]


async def test_vllm_is_told_with_its_models_length() -> None:
    found = await only(fakes.vllm())
    assert (found.name, found.server) == ("vllm", "vLLM 0.11.0")
    assert found.models == (FoundModel("hermes", 40960, 14_000_000_000),)


async def test_mlx_lm_server_is_told_and_needs_its_own_kind() -> None:
    found = await only(fakes.mlx_lm())
    assert (found.name, found.kind) == ("mlx-lm", "mlx_lm")
    assert found.models == (FoundModel("mlx-community/Qwen3-4B-4bit", None, 4_000_000_000),)


async def test_an_mlx_lm_server_that_lists_nothing_has_its_default_model() -> None:
    server = fakes.mlx_lm()
    server.routes = {"GET /health": {"status": "ok"}}
    assert (await only(server)).models == (FoundModel("default_model"),)


async def test_all_are_told_apart_on_whatever_port_and_keep_their_order() -> None:
    made = [fakes.vllm(), fakes.mlx_lm(), fakes.llama_swap(), fakes.llama_cpp()]
    made += [fakes.ollama(), fakes.lm_studio()]
    names = [found.name for found in await found_at(*made)]
    assert names == ["vllm", "mlx-lm", "llama-swap", "llamacpp", "ollama", "lmstudio"]


async def test_two_of_a_kind_have_names_of_their_own() -> None:
    first, second = fakes.vllm(), fakes.vllm()
    names = [found.name for found in await found_at(first, second)]
    assert names == ["vllm", f"vllm-{second.port}"]


@pytest.mark.parametrize("status", [200, 503])
async def test_majordomo_does_not_detect_itself(status: int) -> None:
    """Not even where its models are owned by an upstream that is called like a server."""
    models = fakes.openai_list({"id": "auto"}, {"id": "resting", "owned_by": "llamacpp"})
    server = FakeServer({"GET /livez": {"status": "ok"}, "GET /v1/models": models})
    assert [found.name for found in await found_at(server)] == ["llamacpp"]
    server.statuses = {"GET /readyz": status}
    server.routes = {**server.routes, "GET /readyz": {"status": "unready", "reasons": ["x"]}}
    assert await found_at(server) == ()


async def test_another_proxy_on_loopback_is_not_taken_for_home() -> None:
    models = fakes.openai_list({"id": "claude-sonnet-4-5", "owned_by": "openai"})
    assert await found_at(FakeServer({"GET /v1/models": models})) == ()


@pytest.mark.parametrize(
    "unknown",
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[1]"),
        (200, {}),
        (200, {"data": [1], "models": "x", "running": 5}),
        (302, b""),
        (500, b"{}"),
        (200, b"[" * 100_000),
        (200, b" " * 9_000_000),
    ],
)
async def test_what_is_no_model_server_is_not_found(unknown: tuple[int, bytes]) -> None:
    assert await found_at(FakeServer({}, unknown=unknown)) == ()


async def test_a_redirect_is_not_followed() -> None:
    target = fakes.vllm()
    async with target.running():
        lures = FakeServer({}, server=f"x\r\nlocation: http://127.0.0.1:{target.port}/v1/models")
        lures.unknown = (302, b"")
        assert await found_at(lures) == ()
    assert target.asked == []


async def test_one_hanging_question_does_not_hide_a_server() -> None:
    server = fakes.vllm()
    server.hangs_on = frozenset({"GET /props", "GET /running", "GET /api/tags"})
    assert (await only(server)).name == "vllm"


async def test_a_port_that_hangs_costs_two_seconds_at_most_and_hides_no_other() -> None:
    started = time.monotonic()
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with fakes.vllm().running() as server:
            ports = [silent.getsockname()[1], server.port]
            found = await detect(ports, seconds=0.5)
    assert [upstream.name for upstream in found] == ["vllm"]
    assert time.monotonic() - started < 2
    assert loop.is_running()


async def test_nothing_listening_is_nothing_found() -> None:
    assert await detect([]) == ()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert await detect([port]) == ()


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("qwen3:8b", 8),
        ("Hermes-4-14B", 14),
        ("Qwen3-0.6B", 0.6),
        ("qwen3-30b-a3b", 30),
        ("mixtral-8x7b-instruct", 56),
        ("gemma4:e2b", 2),
        ("gemma-3-270m-it", 0.27),
        ("mlx-community/Qwen3-4B-4bit", 4),
        ("gpt-oss:20b", 20),
        ("llama3.1:8b-instruct-q4_K_M", 8),
        ("phi4", None),
        ("mistral-7bit", None),
        ("v0.2b1", None),
    ],
)
def test_sizes_are_read_from_names(name: str, billions: float | None) -> None:
    found = parameters_in_name(name)
    assert found == (None if billions is None else pytest.approx(billions * 1e9))


def test_sizes_are_read_from_labels() -> None:
    assert parameters_in_label("8.2B") == pytest.approx(8_200_000_000)
    assert parameters_in_label("137M") == pytest.approx(137e6)
    assert parameters_in_label("") is None
    assert parameters_in_label("large") is None


@pytest.mark.parametrize(
    "name",
    [
        "nomic-embed-text",
        "bge-m3",
        "Qwen3-Embedding-0.6B",
        "jina-reranker-v2",
        "all-minilm:l6",
        "BAAI/bge-large",
        "intfloat/e5-mistral",
        "ggml-org/Qwen3-ASR-0.6B-GGUF",
        "whisper-large-v3",
    ],
)
def test_models_that_do_not_chat_are_told_by_name(name: str) -> None:
    assert not chats(name)


@pytest.mark.parametrize("name", ["qwen3:8b", "gemma-3-4b", "gpt-oss:20b", "gemma4:e2b", "phi4"])
def test_models_that_chat_are_kept(name: str) -> None:
    assert chats(name)


@given(st.text())
def test_any_name_is_read_without_failing(name: str) -> None:
    size = parameters_in_name(name)
    assert size is None or size >= 0
    assert isinstance(chats(name), bool)
