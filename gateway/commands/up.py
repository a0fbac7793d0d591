"""`majordomo up`: from nothing to a gateway that answers, in one command.

Looks for model servers, writes `majordomo.yaml` if there is none (and never over one), serves,
proves by one real completion that it works, and prints what to paste where.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from urllib.parse import urlsplit

from gateway.commands.console import clean, console, say, say_plainly, table
from gateway.commands.serving import refuse_shared_names, run_gateway, warn
from gateway.home import Home, replace_private, write_new_private
from gateway.own_key import own_key
from gateway.paste import blocks, hermes_hint
from gateway.runtime import Runtime
from gateway.schema_gen import shipped_schema
from gateway.settings import Settings
from gateway.starter import starter_yaml
from gateway.upstreams.found import FoundUpstream
from gateway.upstreams.house_model import HOUSE_MODEL_DIR, context_length

ANTHROPIC_KEY = "ANTHROPIC_API_KEY"
HOUSE_SECONDS = 180.0
"""For the house model to start, however busy the machine is."""


def up(home: Home, host: str | None, port: int | None, *, self_test: bool) -> None:
    """Bring a home up and serve it until told to stop."""
    refuse_shared_names()
    home.create()
    if home.mode_problems():
        warn(f"others can read in {home.root}; `majordomo doctor --fix` mends that")
    written = not home.settings.exists() and _first_settings(home)
    if not written:
        say(f"Settings: [bold]{clean(home.settings)}[/] (yours; left as they are)")
    _refresh_schema(home)
    own_key(home)

    async def on_ready(runtime: Runtime, base_url: str) -> None:
        if not written:
            await _mention_new_servers(runtime.settings)
        say(f"\nServing at [bold]{clean(base_url)}[/]. Pages: {clean(base_url)}/")
        if self_test:
            await _house_is_ready(runtime)
            await _test(base_url, own_key(home))
        _show_blocks(runtime, base_url)

    run_gateway(home, host, port, on_ready)


def _first_settings(home: Home) -> bool:
    """Look around and write the first `majordomo.yaml`; False when another start was quicker."""
    from gateway.upstreams.detect import detect

    say("Looking for model servers on this machine ...")
    found = asyncio.run(detect())
    has_key = bool(os.environ.get(ANTHROPIC_KEY))
    _show_found(found, has_key)
    text = starter_yaml(
        found,
        ANTHROPIC_KEY if has_key else None,
        house_context=context_length(HOUSE_MODEL_DIR),
    )
    if not write_new_private(home.settings, text.encode()):
        return False
    say(f"Wrote [bold]{clean(home.settings)}[/]: every line explained, yours to change.")
    return True


def _refresh_schema(home: Home) -> None:
    """Put this version's schema beside the settings: it is ours, and editors check with it."""
    schema = shipped_schema().encode()
    if not home.schema.exists() or home.schema.read_bytes() != schema:
        replace_private(home.schema, schema)


def _show_found(found: Sequence[FoundUpstream], has_key: bool) -> None:
    if found:
        rows = table("server", "at", "chat models")
        for upstream in found:
            names = ", ".join(model.name for model in upstream.models[:6]) or "none yet"
            more = len(upstream.models) - 6
            names += f" and {more} more" if more > 0 else ""
            rows.add_row(clean(upstream.server), clean(upstream.base_url), clean(names))
        console().print(rows)
    if not any(upstream.models for upstream in found):
        length = context_length(HOUSE_MODEL_DIR)
        holds = "" if length is None else f" ({length:,} tokens of context)"
        say(
            f"No chat model found, so Majordomo's own small one answers{holds}. Start Ollama, "
            "LM Studio, llama.cpp or vLLM for a real one."
        )
    if has_key:
        say(f"{ANTHROPIC_KEY} is set: Claude is BURST.")


async def _mention_new_servers(settings: Settings) -> None:
    from gateway.upstreams.detect import detect

    known = {_address(upstream.base_url) for upstream in settings.upstreams.values()}
    for upstream in await detect():
        if upstream.models and _address(upstream.base_url) not in known:
            say(
                f"Also found [bold]{clean(upstream.server)}[/] at {clean(upstream.base_url)} "
                f"({len(upstream.models)} chat models), which your settings do not name."
            )


def _address(url: str | None) -> tuple[str, int | None]:
    parts = urlsplit(url or "")
    host = parts.hostname or ""
    return ("127.0.0.1" if host in ("localhost", "::1") else host, parts.port)


async def _house_is_ready(runtime: Runtime) -> None:
    """Wait for the house model where it is used; says so when it will not come."""
    house = runtime.house
    if house is None:
        return
    if house.failure is None and not house.ready.is_set():
        say("Starting the house model ...")
    try:
        async with asyncio.timeout(HOUSE_SECONDS if house.failure is None else 0.0):
            await house.ready.wait()
    except TimeoutError:
        warn(f"the house model does not serve: {house.failure or 'it takes too long'}")


async def _test(base_url: str, key: str | None) -> None:
    """Ask one real question, and tell how it went."""
    from gateway.selftest import run_self_test

    test = await run_self_test(base_url, key)
    who = " ".join(part for part in ((test.mode or "").upper(), test.model or "") if part)
    if not test.ok:
        say(f"[red]Self-test failed[/] after {test.total_s:.1f} s: {clean(test.text)}")
        say("Majordomo goes on serving. `majordomo doctor` says what is wrong.")
        return
    words = " ".join(test.text.split())
    shown = words if len(words) <= 160 else words[:160] + " ..."
    first = "" if test.first_token_s is None else f", first token after {test.first_token_s:.2f} s"
    say(f"[green]Self-test passed[/] in {test.total_s:.2f} s{first}: {clean(who)} said")
    say(f"  {clean(shown)}" if shown else "  (nothing, politely)")
    if test.exchange:
        say(f"  `majordomo explain {clean(test.exchange)}` tells why it went there.")


def _show_blocks(runtime: Runtime, base_url: str) -> None:
    length = next((m.get("context_length") for m in runtime.models() if m["id"] == "auto"), None)
    for block in blocks(base_url, needs_key=bool(runtime.keyring), context_length=length):
        say(f"\n[bold]{block.title}[/] ({clean(block.where)})")
        say_plainly(block.text)
    hint = hermes_hint(length)
    say()
    if hint is not None:
        warn(hint)
    say("Stop with Ctrl-C.")
