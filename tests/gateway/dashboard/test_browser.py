"""The pages in a real browser: nothing of others runs, nothing is refused, the list stays fresh.

Needs Chromium (Debian: `apt-get install chromium`) and skips without it.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.auth import HostGuard
from gateway.dashboard.rendering import ASSETS, PAGE_HEADERS
from gateway.server import Server
from gateway.settings import Limits
from tests.support.sample_exchanges import fill
from tests.support.standing import Standing, app_of, ask

CHROMIUM = shutil.which("chromium")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--enable-logging=stderr",
    "--virtual-time-budget=6000",
    "--dump-dom",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]

Message = MutableMapping[str, Any]
Asgi = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


@asynccontextmanager
async def served(app: Asgi) -> AsyncGenerator[str]:
    """`app` on a loopback port; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(app, limits=Limits(), drain_seconds=1)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.listening.wait()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def browse(url: str, profile: Path) -> tuple[str, list[str]]:
    """The page as it stands after some seconds, and what the browser complained of."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *SWITCHES,
        f"--user-data-dir={profile}",
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    complaints = [line for line in err.decode().splitlines() if ":CONSOLE" in line]
    return out.decode(), complaints


async def test_nothing_of_others_runs_and_the_browser_has_no_complaint(
    runtime: Standing, tmp_path: Path
) -> None:
    ids = fill(runtime)
    await runtime.ingester.catch_up(30)
    paths = ["/", *(f"/exchanges/{ids[name]}" for name in ("hostile", "cloud", "tools", "open"))]
    async with served(app_of(runtime)) as url:
        for number, path in enumerate(paths):
            html, complaints = await browse(url + path, tmp_path / str(number))
            assert complaints == []
            assert "</footer>" in html
            assert "<title>pwned" not in html


async def test_the_list_takes_up_a_new_exchange_by_itself(
    runtime: Standing, tmp_path: Path
) -> None:
    app = app_of(runtime)

    async def asked_meanwhile(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/live":
            runtime.exchange(ask("Asked while the page was open"))
            await runtime.ingester.catch_up(30)
        await app(scope, receive, send)

    runtime.exchange(ask("Asked before"))
    await runtime.ingester.catch_up(30)
    async with served(asked_meanwhile) as url:
        html, complaints = await browse(f"{url}/", tmp_path / "profile")
    assert complaints == []
    assert "Asked before" in html
    assert "Asked while the page was open" in html


GIVES_FEEDBACK = b"""
const form = document.querySelector("form.feedback");
if (document.querySelector(".said") === null) {
  form.querySelector("[value=good]").checked = true;
  form.comment.value = "as I like it";
  form.requestSubmit();
}
"""


async def test_the_form_of_a_page_comes_from_this_gateway_s_own_origin(
    runtime: Standing, tmp_path: Path
) -> None:
    """A browser that says `Origin: null`, as under `referrer-policy: no-referrer`, is refused."""
    app, guard = app_of(runtime), HostGuard("127.0.0.1")
    origins: list[bytes] = []

    async def guarded(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            guard.check(scope["headers"])
            if scope["method"] == "POST":
                origins.append(dict(scope["headers"])[b"origin"])
            if scope["path"] == ASSETS["page.js"].url.partition("?")[0]:
                headers = [(b"content-type", b"text/javascript")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": GIVES_FEEDBACK})
                return
        await app(scope, receive, send)

    id_ = runtime.exchange()
    await runtime.ingester.catch_up(30)
    async with served(guarded) as url:
        html, complaints = await browse(f"{url}/exchanges/{id_}", tmp_path / "profile")
    assert complaints == []
    assert origins == [url.encode()]
    assert "as I like it" in html
    assert "Success, 95% sure" in html


async def test_a_page_that_breaks_the_rules_would_be_noticed(tmp_path: Path) -> None:
    """Without this, silence above would prove nothing."""

    async def careless(scope: Message, receive: Any, send: Any) -> None:
        del receive
        if scope["type"] != "http":
            return
        headers = [(name.encode(), value.encode()) for name, value in PAGE_HEADERS.items()]
        headers.append((b"content-type", b"text/html"))
        body = b"<title>x</title><p style='color:red'>x</p><script>document.title='pwned'</script>"
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async with served(careless) as url:
        html, complaints = await browse(f"{url}/", tmp_path / "profile")
    assert len([line for line in complaints if "Content Security Policy" in line]) == 2
    assert "<title>pwned" not in html
