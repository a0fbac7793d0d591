"""Who judges what trains, as plain values: the trainer reads no settings and knows no upstreams.

Each judge is told where it is asked, with its key from the environment, and what it costs. The
trainer asks it directly: no gateway stands between, and nothing of it is captured.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from capture.messages import Usage
from gateway.pricing import cost_usd, provider_of, worst_case_usd
from gateway.settings import Settings, Target, UpstreamSettings
from gateway.upstreams.anthropic import PUBLIC_ENDPOINT


def judges_of(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """The section `trainer.judges`, its judges with all it takes to ask them; None where none is
    named."""
    section = settings.trainer.judges
    if not section.hired and not section.local:
        return None

    def place(target: Target) -> dict[str, Any]:
        return _place(target, settings.upstreams[target.upstream], environ)

    return {
        "settings": section.model_dump(exclude={"hired", "local"}),
        "hired": [place(target) for target in section.hired],
        "local": [place(target) for target in section.local],
    }


def _place(
    target: Target, upstream: UpstreamSettings, environ: Mapping[str, str]
) -> dict[str, Any]:
    claude = upstream.kind == "anthropic"
    provider = provider_of(target.upstream, upstream)
    free = upstream.is_free
    return {
        "name": f"{target.upstream}/{target.model}",
        "model": target.model,
        "dialect": "anthropic" if claude else "openai",
        "url": _messages_at(upstream) if claude else f"{upstream.base_url}/chat/completions",
        "key": environ.get(upstream.api_key_env) if upstream.api_key_env else None,
        "home": upstream.is_local,
        "worst_usd": _free if free else partial(worst_case_usd, provider, target.model),
        "cost_usd": _nothing if free else partial(cost_usd, provider, target.model),
    }


def _messages_at(upstream: UpstreamSettings) -> str:
    """Where Claude takes messages."""
    root = upstream.base_url or PUBLIC_ENDPOINT
    path = urlsplit(root).path.rstrip("/")
    return root.rstrip("/") + ("/messages" if path.endswith("/v1") else "/v1/messages")


def _free(_input: int, _output: int) -> float:
    return 0.0


def _nothing(_usage: Usage) -> float:
    return 0.0
