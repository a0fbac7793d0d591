"""A real gateway in a process and a home of its own: start, kill -9, restart, stop, look inside.

Tests know it only from outside: the command line, the ready file it writes, HTTP, its log and the
files under its home.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from tests.support.raw_client import Reply, get

T = TypeVar("T")
COMMAND = Path(sys.executable).with_name("majordomo")
POLL_S = 0.01
SCRUBBED = ("MAJORDOMO_", "ANTHROPIC_", "OPENAI_")
"""Variables of the developer's own shell that a gateway under test must not see."""


class GatewayFailed(AssertionError):
    """The gateway did not come up, or went away unasked."""


async def eventually(look: Callable[[], T | None], *, within: float, what: str = "") -> T:
    """The first truthy result of `look`, tried again until the time is up."""
    until = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {within} s: {what or look}")
        await asyncio.sleep(POLL_S)
    return found


async def eventually_async(
    look: Callable[[], Awaitable[T | None]], *, within: float, what: str = ""
) -> T:
    """As `eventually`, for a look that awaits."""
    until = time.monotonic() + within
    while not (found := await look()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {within} s: {what or look}")
        await asyncio.sleep(POLL_S)
    return found


class GatewayProcess:
    """One home directory and the gateway that serves from it."""

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, Any],
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.home = home
        self.env = dict(env or {})
        self.arguments = tuple(arguments)
        self.url = ""
        """`http://127.0.0.1:PORT`, once started."""
        self.pid = 0
        """The serving process, as the ready file names it."""
        self.started_in = 0.0
        """Seconds the last start took."""
        self.client_key = ""
        """A key made with `new_key`, where the test made one."""
        self._process: asyncio.subprocess.Process | None = None
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.write_settings(settings)

    # ------------------------------------------------------------ files

    @property
    def output(self) -> Path:
        return self.home.with_name(self.home.name + ".output")

    @property
    def log(self) -> str:
        """All it ever printed and logged, over every start."""
        files = [self.output, *sorted(self.home.glob("logs/*"))]
        return "\n".join(f.read_text(errors="replace") for f in files if f.is_file())

    def write_settings(self, settings: Mapping[str, Any] | str) -> None:
        """Replace majordomo.yaml at one stroke; JSON is YAML."""
        text = settings if isinstance(settings, str) else json.dumps(settings, indent=1)
        fresh = self.home / "majordomo.yaml.new"
        fresh.write_text(text)
        fresh.chmod(0o600)
        fresh.replace(self.home / "majordomo.yaml")

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(SCRUBBED)}
        ours = {"MAJORDOMO_HOME": str(self.home), "HOME": str(self.home.parent)}
        return kept | ours | self.env

    async def command(self, *arguments: str, within: float = 20.0) -> tuple[int, str]:
        """Run `majordomo ARGUMENTS` on this home; its exit code and all it printed."""
        process = await asyncio.create_subprocess_exec(
            str(COMMAND),
            *arguments,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(within):
                printed, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            printed, _ = await process.communicate()
            raise AssertionError(f"{arguments} ran on: {printed.decode()}") from None
        assert process.returncode is not None
        return process.returncode, printed.decode(errors="replace")

    @property
    def auth(self) -> tuple[tuple[str, str], ...]:
        """Headers that let a client in."""
        return (("Authorization", f"Bearer {self.client_key}"),) if self.client_key else ()

    # ------------------------------------------------------------ life and death

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, within: float = 20.0) -> None:
        """Start it and wait until its ready file names this very process."""
        began = time.monotonic()
        with self.output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                str(COMMAND),
                "serve",
                "--port",
                "0",
                *self.arguments,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        ready: dict[str, Any] = await eventually(
            self._ready, within=within, what=f"ready\n{self.log[-4000:]}"
        )
        self.url, self.pid = ready["base_url"].removesuffix("/").removesuffix("/v1"), ready["pid"]
        self.started_in = time.monotonic() - began

    def _ready(self) -> dict[str, Any] | None:
        assert self._process is not None
        if self._process.returncode is not None:
            raise GatewayFailed(f"exit code {self._process.returncode}\n{self.log[-4000:]}")
        try:
            ready = json.loads((self.home / "run" / "gateway.json").read_text())
        except FileNotFoundError:
            return None
        return ready if ready["pid"] == self._process.pid else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    async def exited(self, within: float = 20.0) -> int:
        """Its exit code, once it is gone."""
        assert self._process is not None
        async with asyncio.timeout(within):
            return await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, then kill -9 if it does not listen."""
        if not self.running:
            return
        self.terminate()
        try:
            await self.exited(within=8.0)
        except TimeoutError:
            await self.kill()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    # ------------------------------------------------------------ a look inside

    def resident_bytes(self) -> int:
        """Memory it holds now."""
        shown = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.pid)], capture_output=True, check=True, text=True
        )
        return int(shown.stdout) * 1024

    def open_files(self) -> int | None:
        """How many file descriptors it holds; None where the system does not tell."""
        folder = Path(f"/proc/{self.pid}/fd")
        return len(list(folder.iterdir())) if folder.exists() else None

    async def exchange(
        self, exchange_id: str, *, headers: Sequence[tuple[str, str]] = (), within: float = 5.0
    ) -> dict[str, Any]:
        """What GET /v1/exchanges/ID says once the exchange is stored and over."""

        async def look() -> Reply | None:
            reply = await get(self.url, f"/v1/exchanges/{exchange_id}", headers)
            over = reply.status == 200 and reply.json().get("status") != "open"
            return reply if over else None

        found = await eventually_async(look, within=within, what=f"exchange {exchange_id}")
        return found.json()

    async def new_key(self, name: str) -> str:
        """A fresh API key, as `majordomo key create` prints it."""
        code, printed = await self.command("key", "create", name)
        assert code == 0, printed
        words = [word.strip("'\"`,.") for word in printed.split()]
        keys = [word for word in words if len(word) >= 24 and "/" not in word]
        assert keys, f"no key in: {printed}"
        return max(keys, key=len)


@contextlib.contextmanager
def blackhole() -> Generator[str]:
    """An address on loopback that never completes a connection: a listener whose queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
