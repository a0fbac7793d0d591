"""What model servers run on this machine: asked in parallel, on loopback, within two seconds.

The usual ports are asked, and each server is told by its own endpoints, whichever port it is on:

| server | what only it says |
|---|---|
| Majordomo | `/readyz` with its reasons: never detected as an upstream of itself |
| LM Studio | `/api/v0/models`: models with `type` and `state` |
| llama-swap | `/running`, and models owned by `llama-swap` |
| llama.cpp | `/props` with its generation settings; models owned by `llamacpp` |
| vLLM | `/version`, and models owned by `vllm` |
| Ollama | `/api/version` and `/api/tags` |
| mlx_lm.server | Python's own HTTP server, `/health` and `/v1/models` |

Anything else stays unnamed: another proxy on loopback may lead out of the house. So may models of
these servers (Ollama's cloud models, llama-swap's peers): those are left out. Models that only
embed are named apart. Looking must not change anything: no model is loaded by being looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

from gateway.upstreams.found import FoundModel, FoundUpstream
from gateway.upstreams.probe import MODELS_BYTES, Answer, Prober
from gateway.upstreams.sizes import chats, embeds, parameters_in_label, parameters_in_name

PORTS = (1234, 11434, 8080, 8000)
"""LM Studio; Ollama; llama.cpp, llama-swap and mlx_lm.server; vLLM."""
SECONDS = 2.0
SHARE = 0.45
"""Of the time, for one question: the longest chain is two, and one that hangs loses only itself."""
MOST_MODELS = 64
"""Models of one server looked at; the rest can be named in the settings by hand."""

Json = Mapping[str, Any]
Recognise = Callable[[Prober], Awaitable[FoundUpstream | None]]


async def detect(
    ports: Sequence[int] = PORTS, *, seconds: float = SECONDS
) -> tuple[FoundUpstream, ...]:
    """The servers that answer on loopback, in the order of `ports`. One that is too slow is not
    found; names are unique."""
    tasks = [asyncio.create_task(_look(port, seconds)) for port in ports]
    if not tasks:
        return ()
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    found = [task.result() for task in tasks if not task.cancelled()]
    return _with_own_names([upstream for upstream in found if upstream is not None])


async def _look(port: int, seconds: float) -> FoundUpstream | None:
    async with Prober(port, seconds * SHARE) as prober:
        if not await prober.listening():
            return None
        ours, answers = await asyncio.gather(
            prober.is_majordomo(), asyncio.gather(*(ask(prober) for ask in RECOGNISERS))
        )
        return None if ours else next((found for found in answers if found is not None), None)


async def _lm_studio(prober: Prober) -> FoundUpstream | None:
    answer = await prober.get("/api/v0/models", most=MODELS_BYTES)
    listed = () if answer is None else answer.objects("data")
    if not any("type" in model and "state" in model for model in listed):
        return None
    models = (
        FoundModel(
            name=str(model.get("id", "")),
            context_length=_count(model.get("loaded_context_length"))
            or _count(model.get("max_context_length")),
            parameters=parameters_in_name(str(model.get("id", ""))),
        )
        for model in listed
        if model.get("type") != "embeddings"
    )
    vectors = [str(model.get("id", "")) for model in listed if model.get("type") == "embeddings"]
    return _found(prober, "lmstudio", "LM Studio", models, vectors)


async def _llama_swap(prober: Prober) -> FoundUpstream | None:
    running, answer = await asyncio.gather(prober.get("/running"), _models(prober))
    if running is None or not isinstance(running.body.get("running"), list):
        return None
    listed = () if answer is None else answer.objects("data")
    home = [m for m in listed if m.get("owned_by") == "llama-swap" and not _is_peer(m)]
    if not home:
        return None
    loaded = [
        str(process.get("model", ""))
        for process in running.objects("running")
        if process.get("state") == "ready"
    ]
    sizes = await asyncio.gather(*(_swapped_context(prober, model) for model in loaded))
    contexts = dict(zip(loaded, sizes, strict=True))
    models = (
        FoundModel(
            name=str(model.get("id", "")),
            context_length=contexts.get(str(model.get("id", ""))),
            parameters=parameters_in_name(str(model.get("id", ""))),
        )
        for model in home
    )
    return _found(prober, "llama-swap", "llama-swap", models)


def _is_peer(model: Json) -> bool:
    """The model is served by another machine that this llama-swap knows."""
    meta = _object(_object(model.get("meta")).get("llamaswap"))
    return bool(meta.get("peerID"))


async def _swapped_context(prober: Prober, model: str) -> int | None:
    """What a loaded llama.cpp behind llama-swap says. One that is not loaded is never asked: the
    question would load it."""
    answer = await prober.get(f"/upstream/{quote(model, safe='')}/props")
    return None if answer is None else _props_context(answer.body)


async def _llama_cpp(prober: Prober) -> FoundUpstream | None:
    props, answer = await asyncio.gather(prober.get("/props"), _models(prober))
    listed = () if answer is None else answer.objects("data")
    ours = [model for model in listed if model.get("owned_by") == "llamacpp"]
    says_so = props is not None and "default_generation_settings" in props.body
    if not ours and not says_so:
        return None
    context = None if props is None else _props_context(props.body)
    build = "" if props is None else str(props.body.get("build_info", ""))[:40]
    models = (_llama_cpp_model(model, context) for model in ours)
    return _found(prober, "llamacpp", f"llama.cpp {build}".strip(), models)


def _llama_cpp_model(model: Json, context: int | None) -> FoundModel:
    name, meta = str(model.get("id", "")), _object(model.get("meta"))
    return FoundModel(
        name=name,
        context_length=_count(meta.get("n_ctx")) or context,
        parameters=_count(meta.get("n_params")) or parameters_in_name(name),
        size_bytes=_count(meta.get("size")),
    )


def _props_context(props: Json) -> int | None:
    return _count(_object(props.get("default_generation_settings")).get("n_ctx"))


async def _vllm(prober: Prober) -> FoundUpstream | None:
    version, answer = await asyncio.gather(prober.get("/version"), _models(prober))
    listed = () if answer is None else answer.objects("data")
    ours = [model for model in listed if model.get("owned_by") == "vllm"]
    if version is None or not ours:
        return None
    models = (
        FoundModel(
            name=str(model.get("id", "")),
            context_length=_count(model.get("max_model_len")),
            parameters=parameters_in_name(str(model.get("root") or model.get("id", ""))),
        )
        for model in ours
    )
    return _found(prober, "vllm", _titled("vLLM", version), models)


async def _ollama(prober: Prober) -> FoundUpstream | None:
    version, tags, loaded = await asyncio.gather(
        prober.get("/api/version"),
        prober.get("/api/tags", most=MODELS_BYTES),
        prober.get("/api/ps", most=MODELS_BYTES),
    )
    if version is None or tags is None or not isinstance(tags.body.get("models"), list):
        return None
    contexts = {
        str(model.get("name", "")): _count(model.get("context_length"))
        for model in (() if loaded is None else loaded.objects("models"))
    }
    local = [model for model in tags.objects("models") if not _is_cloud(model)][:MOST_MODELS]
    names = [str(model.get("name", "")) for model in local]
    shown = await asyncio.gather(*(prober.post("/api/show", {"model": n}) for n in names))
    models = (
        _ollama_model(model, show.body if show else {}, contexts.get(str(model.get("name", ""))))
        for model, show in zip(local, shown, strict=True)
        if show is None or _completes(show.body)
    )
    vectors = [
        name
        for name, show in zip(names, shown, strict=True)
        if embeds(name) or (show is not None and "embedding" in _capabilities(show.body))
    ]
    return _found(prober, "ollama", _titled("Ollama", version), models, vectors)


def _is_cloud(model: Json) -> bool:
    """Ollama only forwards to this model, at ollama.com."""
    name = str(model.get("name", ""))
    return bool(model.get("remote_host") or model.get("remote_model")) or name.endswith("cloud")


def _completes(show: Json) -> bool:
    """False when the server says that the model cannot complete; older ones say nothing."""
    return "completion" in (_capabilities(show) or ("completion",))


def _capabilities(show: Json) -> Sequence[object]:
    """What the server says that the model can; empty where it says nothing."""
    said = show.get("capabilities")
    return cast("list[object]", said) if isinstance(said, list) else ()


def _ollama_model(model: Json, show: Json, loaded_context: int | None) -> FoundModel:
    """Its context as loaded now, else as its Modelfile sets it, else as it was trained for."""
    name, details = str(model.get("name", "")), _object(model.get("details"))
    label = parameters_in_label(str(details.get("parameter_size", "")))
    return FoundModel(
        name=name,
        context_length=loaded_context or _num_ctx(show) or _trained_context(show),
        parameters=label or parameters_in_name(name),
        size_bytes=_count(model.get("size")),
    )


def _num_ctx(show: Json) -> int | None:
    for line in str(show.get("parameters", "")).splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and value.strip().isdigit():
            return _count(int(value))
    return None


def _trained_context(show: Json) -> int | None:
    info = _object(show.get("model_info"))
    return _count(info.get(f"{info.get('general.architecture')}.context_length"))


async def _mlx_lm(prober: Prober) -> FoundUpstream | None:
    health = await prober.get("/health")
    if health is None or not health.server.startswith("BaseHTTP/"):
        return None
    answer = await _models(prober)
    names = [] if answer is None else [str(m.get("id", "")) for m in answer.objects("data")]
    models = (FoundModel(n, parameters=parameters_in_name(n)) for n in names or ["default_model"])
    return _found(prober, "mlx-lm", "mlx_lm.server", models)


RECOGNISERS: tuple[Recognise, ...] = (_lm_studio, _llama_swap, _llama_cpp, _vllm, _ollama, _mlx_lm)
"""Most telling first."""


async def _models(prober: Prober) -> Answer | None:
    return await prober.get("/v1/models", most=MODELS_BYTES)


def _found(
    prober: Prober,
    name: str,
    server: str,
    models: Iterable[FoundModel],
    vectors: Sequence[str] = (),
) -> FoundUpstream:
    """`vectors` are models that embed by the server's own word; names tell of others."""
    known = [model for model in models if model.name and len(model.name) <= 256]
    chat = [model for model in known if chats(model.name)]
    vectors = [*vectors, *(model.name for model in known if embeds(model.name))]
    return FoundUpstream(
        name=name,
        kind="mlx_lm" if name == "mlx-lm" else "openai_compatible",
        base_url=f"{prober.origin}/v1",
        server=server,
        models=tuple(chat[:MOST_MODELS]),
        embedders=tuple(dict.fromkeys(vectors))[:MOST_MODELS],
    )


def _with_own_names(found: Sequence[FoundUpstream]) -> tuple[FoundUpstream, ...]:
    """The second of a kind is `ollama-8000`: named by its port."""
    named: dict[str, FoundUpstream] = {}
    for upstream in found:
        port = upstream.base_url.rsplit(":", 1)[1].partition("/")[0]
        name = upstream.name if upstream.name not in named else f"{upstream.name}-{port}"
        named[name] = replace(upstream, name=name)
    return tuple(named.values())


def _titled(title: str, version: Answer) -> str:
    number = version.body.get("version")
    return f"{title} {number[:40]}" if isinstance(number, str) and number.isprintable() else title


def _count(value: object) -> int | None:
    """A positive whole number, or nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}
