"""The household under test: three scripted upstreams, and the settings that name them.

`small` serves RESTING, `big` ACTIVE (both at home), `cloud` BURST (not at home). Further model
names reach `small` under other terms: `hurried` (short deadlines), `nowhere` (a closed port),
`blackhole` (connections never complete).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

from tests.support.fake_openai import FakeOpenAI

SMALL_KEY = "sk-canary-small-upstream-7f3a9c1e5b"
CLOUD_KEY = "sk-canary-cloud-upstream-2d8b6e4f0a"
ENV = {"SMALL_KEY": SMALL_KEY, "CLOUD_KEY": CLOUD_KEY}
SPEND_NO_RETRY_BUDGET = {"attempts": 3, "budget_ratio": 1.0, "max_wait_seconds": 3}


@dataclass
class House:
    """The upstreams of one or more gateways."""

    small: FakeOpenAI = field(default_factory=lambda: FakeOpenAI("small"))
    big: FakeOpenAI = field(default_factory=lambda: FakeOpenAI("big"))
    cloud: FakeOpenAI = field(default_factory=lambda: FakeOpenAI("cloud"))

    @property
    def upstreams(self) -> tuple[FakeOpenAI, FakeOpenAI, FakeOpenAI]:
        return self.small, self.big, self.cloud

    async def start(self) -> None:
        for upstream in self.upstreams:
            await upstream.start()

    async def stop(self) -> None:
        for upstream in self.upstreams:
            await upstream.stop()

    def seen(self, marker: str) -> list[str]:
        """Names of the upstreams that saw this marker, one for each call, in order of time."""
        calls = [(c.at, u.name) for u in self.upstreams for c in u.seen(marker)]
        return [name for _, name in sorted(calls)]

    def settings(self, **sections: Any) -> dict[str, Any]:
        """A whole majordomo.yaml; a section given here is merged over the usual one."""
        usual: dict[str, Any] = {
            "version": 1,
            "upstreams": {
                "small": _upstream(self.small.base_url, "tiny-1", api_key_env="SMALL_KEY"),
                "big": _upstream(self.big.base_url, "large-1"),
                "cloud": _upstream(
                    self.cloud.base_url, "cloud-1", local=False, api_key_env="CLOUD_KEY"
                ),
            },
            "modes": {
                "resting": {"upstream": "small", "model": "tiny-1"},
                "active": {"upstream": "big", "model": "large-1"},
                "burst": {"upstream": "cloud", "model": "cloud-1"},
            },
            "retries": SPEND_NO_RETRY_BUDGET,
        }
        merged = dict(usual)
        for name, given in sections.items():
            merged[name] = usual.get(name, {}) | given
        return merged

    def odd_places(self, blackhole: str) -> dict[str, Any]:
        """Sections `upstreams` and `models` with the further names."""
        hurry = {"connect": 0.4, "first_token": 0.4, "idle": 0.4, "total": 1.0}
        upstreams = {
            "hurried": _upstream(self.small.base_url, "tiny-1", deadlines=hurry),
            "nowhere": _upstream(closed_port(), "tiny-1"),
            "blackhole": _upstream(blackhole, "tiny-1", deadlines=hurry),
        }
        models = {name: {"upstream": name, "model": "tiny-1"} for name in upstreams}
        return {"upstreams": upstreams, "models": models}


def _upstream(base_url: str, model: str, **further: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "kind": "openai_compatible",
        "base_url": base_url,
        "models": {model: {"context_length": 131072}},
        "circuit": {"failures": 100_000},
    }
    return usual | further


def closed_port() -> str:
    """A base URL that nothing listens at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
