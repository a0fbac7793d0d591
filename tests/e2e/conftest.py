"""A gateway process with a scripted model behind it, for clients that know of neither."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.gateway_process import GatewayProcess
from tests.support.scripted_upstream import ScriptedUpstream, scripted_upstream, use_tool_then_say

FINAL = "The shell said hello."
"""What the scripted model says once it has seen the tool's result."""

TARGET = {"upstream": "model-server", "model": "scripted-model"}


@dataclass(frozen=True, slots=True)
class House:
    """The two servers of one test."""

    gateway: GatewayProcess
    upstream: ScriptedUpstream

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"{self.gateway.url}/v1"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    """The model calls `terminal` with `echo hello` where it is offered, then says FINAL."""
    with scripted_upstream(
        use_tool_then_say("terminal", {"command": "echo hello"}, FINAL)
    ) as upstream:
        settings = {
            "upstreams": {
                "model-server": {
                    "kind": "openai_compatible",
                    "base_url": upstream.base_url,
                    "models": {"scripted-model": {"context_length": 131_072}},
                }
            },
            "modes": {"resting": TARGET, "active": TARGET},
        }
        async with GatewayProcess(tmp_path / "majordomo", settings) as gateway:
            yield House(gateway=gateway, upstream=upstream)
