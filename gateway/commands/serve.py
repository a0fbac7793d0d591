"""`majordomo serve`: only serve, for service managers; nothing is looked for or written."""

from __future__ import annotations

from gateway.commands.console import clean, fail, say
from gateway.commands.serving import refuse_shared_names, run_gateway
from gateway.home import Home
from gateway.runtime import Runtime


def serve(home: Home, host: str | None, port: int | None) -> None:
    """Serve a home that has settings until told to stop."""
    refuse_shared_names()
    if not home.settings.exists():
        fail(f"there is no {home.settings}: `majordomo up` looks for models, writes one and serves")
    home.create()

    async def on_ready(runtime: Runtime, base_url: str) -> None:
        say(f"Serving {clean(runtime.home.root)} at {clean(base_url)}")

    run_gateway(home, host, port, on_ready)
