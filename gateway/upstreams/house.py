"""The house model's server: a real `mlx_lm.server` in a child process, kept alive.

`HouseServer` starts it, waits until it answers, lets it say a few tokens so that no client waits
for what only the first request costs, watches it, and starts it again when it ends. It owns the
process and its log; requests go to it through the transport like to any other upstream.

The child listens on loopback alone, gets an environment without secrets, may not reach a model
hub, answers no foreign origin, and never outlives the gateway (`house_child`). It does not compile
kernels: for a model this small that gains nothing, and on a CPU the first request would wait half a
minute for a C++ compiler, whose libraries mlx loads from the temporary directory.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gateway.home import FILE_MODE, make_private_directory
from gateway.upstreams.house_model import unusable

if TYPE_CHECKING:  # the gateway starts without an HTTP library; only who talks needs one
    from gateway.upstreams.house_talk import Talk

log = logging.getLogger(__name__)

CHILD_SCRIPT = Path(__file__).resolve().with_name("house_child.py")
LOG_BYTES = 4 * 1024 * 1024

PASSED_ON = frozenset(
    ["PATH", "HOME", "USER", "LANG", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "SDKROOT"]
)
PASSED_ON_PREFIXES = ("LC_", "LD_", "DYLD_", "OMP_", "OPENBLAS_", "MKL_", "MLX_", "METAL_")

Command = Callable[[int], Sequence[str]]
"""The child's command line for a port."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits for what, in seconds."""

    healthy: float = 120.0
    """From the start to the first answer of `/health`."""
    warm: float = 120.0
    """For the first completion."""
    poll: float = 0.1
    """Between two looks at a server that is starting."""
    watch: float = 5.0
    """Between two looks at one that runs."""
    stop: float = 3.0
    """From asking the child to end to ending it."""
    steady: float = 30.0
    """A child that served this long starts the backoff afresh."""
    first_backoff: float = 0.2
    """Before the first restart; doubles with each failure in a row."""
    most_backoff: float = 30.0


@dataclass(frozen=True, slots=True)
class HouseState:
    """How the house model's server is, for status pages."""

    ready: bool
    base_url: str
    """Empty before the first start."""
    pid: int | None
    """None while no child runs."""
    restarts: int
    start_seconds: float | None
    """From the last start to its first completion; None before one succeeded."""
    failure: str | None
    """Why it does not serve; None when it does or is starting for the first time."""


class HouseServer:
    """Supervises one child. Use it on one event loop; `start` and `stop` once each."""

    def __init__(
        self,
        model_dir: Path,
        log_path: Path,
        *,
        cache_dir: Path | None = None,
        command: Command | None = None,
        patience: Patience | None = None,
        on_change: Callable[[HouseState], None] | None = None,
    ) -> None:
        self.model_dir = model_dir
        self.log_path = log_path
        self.cache_dir = cache_dir or log_path.parent.parent / "cache"
        """The child's working and temporary directory; by default HOME/cache for HOME/logs."""
        self.ready = asyncio.Event()
        """Set while the server answers completions."""
        self.failure: str | None = None
        """Why it does not serve; None when it does or is starting for the first time."""
        self.restarts = 0
        """Children started after the first."""
        self.start_seconds: float | None = None
        """From the last start to its first completion; None before one succeeded."""
        self.pid: int | None = None
        """The child's process id; None while no child runs."""
        self._real = command is None
        self._command: Command = command or partial(mlx_command, model_dir)
        self._patience = patience or Patience()
        self._on_change = on_change
        self._port = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def base_url(self) -> str:
        """Root of its API, `/v1` included; empty before `start`. May change when it restarts."""
        return f"http://127.0.0.1:{self._port}/v1" if self._port else ""

    def state(self) -> HouseState:
        return HouseState(
            ready=self.ready.is_set(),
            base_url=self.base_url,
            pid=self.pid,
            restarts=self.restarts,
            start_seconds=self.start_seconds,
            failure=self.failure,
        )

    async def start(self) -> None:
        """Begin to serve, in the background; wait for `ready` to know when. When this machine
        cannot serve the model at all, `failure` says why and nothing is started."""
        if self._real:
            self.failure = unusable(self.model_dir)
            if self.failure is not None:
                log.warning("house model: %s", self.failure)
                return
        make_private_directory(self.cache_dir)
        make_private_directory(self.log_path.parent)
        self._port = free_port()
        self._task = asyncio.create_task(self._supervise(), name="house-model")

    async def stop(self) -> None:
        """End the child and the watch over it. Safe to call twice, or without `start`."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        self.ready.clear()

    async def _supervise(self) -> None:
        failures = 0
        while True:
            started = time.monotonic()
            try:
                self.failure = await self._live_once(started)
            finally:
                self.ready.clear()
                self.pid = None
            self._tell()
            steady = time.monotonic() - started > self._patience.steady
            failures = 1 if steady else failures + 1
            pause = backoff(failures, self._patience)
            log.warning("house model: %s; starting again in %.1f s", self.failure, pause)
            await asyncio.sleep(pause)
            if failures > 1:
                self._port = free_port()
            self.restarts += 1

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change(self.state())

    async def _live_once(self, started: float) -> str:
        """Run one child from start to end; returns why it ended."""
        try:
            child = await self._spawn()
        except OSError as error:
            return f"cannot be started: {error}"
        self.pid = child.pid
        exited = asyncio.ensure_future(child.wait())
        try:
            why = await self._serve(exited, started)
            return await self._last_words(exited, why or "ended")
        finally:
            await self._end(child, exited)

    async def _spawn(self) -> asyncio.subprocess.Process:
        with _open_log(self.log_path) as output:
            return await asyncio.create_subprocess_exec(
                *self._command(self._port),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=child_environment(os.environ, self.cache_dir),
                cwd=self.cache_dir,
                start_new_session=True,
            )

    async def _serve(self, exited: asyncio.Future[int], started: float) -> str | None:
        """Until the child is to be ended, and why; None when it ended by itself."""
        from gateway.upstreams.house_talk import Talk

        async with Talk(self._port) as talk:
            if (why := await self._until_healthy(talk, exited, started)) or exited.done():
                return why
            if why := await talk.complete(self._patience.warm):
                return why
            self.start_seconds = time.monotonic() - started
            self.failure = None
            self.ready.set()
            self._tell()
            log.info("house model: ready after %.1f s", self.start_seconds)
            while not exited.done():
                await asyncio.wait({exited}, timeout=self._patience.watch)
                if not exited.done() and await talk.broken():
                    return "stopped generating"
        return None

    async def _until_healthy(
        self, talk: Talk, exited: asyncio.Future[int], started: float
    ) -> str | None:
        while not exited.done() and not await talk.healthy():
            if time.monotonic() - started > self._patience.healthy:
                return f"did not answer within {self._patience.healthy:.0f} s"
            await asyncio.wait({exited}, timeout=self._patience.poll)
        return None

    async def _last_words(self, exited: asyncio.Future[int], otherwise: str) -> str:
        """Why the child ended, by its exit status and the last line of its log; `otherwise` for
        one that has not ended by itself."""
        await asyncio.wait({exited}, timeout=0.1)
        if not exited.done():
            return otherwise
        code = exited.result()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        line = last_line(self.log_path)
        return f"{how}: {line}" if line and code > 0 else how

    async def _end(self, child: asyncio.subprocess.Process, exited: asyncio.Future[int]) -> None:
        _signal_group(child.pid, signal.SIGTERM)
        await asyncio.wait({exited}, timeout=self._patience.stop)
        _signal_group(child.pid, signal.SIGKILL)
        if child.stdin is not None:
            child.stdin.close()
        await exited


def mlx_command(model_dir: Path, port: int) -> tuple[str, ...]:
    """The real server. `-P` keeps the working directory out of the import path; the empty
    allow-list of origins stands for mlx_lm.server's own `*`."""
    return (
        *(sys.executable, "-P", str(CHILD_SCRIPT)),
        *("--model", str(model_dir), "--host", "127.0.0.1", "--port", str(port)),
        *("--allowed-origins", "", "--log-level", "WARNING", "--max-tokens", "512"),
    )


def child_environment(environ: Mapping[str, str], cache_dir: Path) -> dict[str, str]:
    """What the child may know: how to find programs and libraries, and nothing secret."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    return kept | {
        "TMPDIR": str(cache_dir),
        "MLX_DISABLE_COMPILE": "1",
        "HF_HOME": str(cache_dir / "hub"),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONUNBUFFERED": "1",
    }


def backoff(failures: int, patience: Patience) -> float:
    """Seconds to wait after this many failures in a row."""
    return min(patience.most_backoff, patience.first_backoff * 2 ** min(failures - 1, 16))


def free_port() -> int:
    """A TCP port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def last_line(path: Path) -> str:
    """The last line of a log that says something, printable and at most 300 characters."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    printable = "".join(c if c.isprintable() else " " for c in lines[-1]) if lines else ""
    return printable[:300]


def _open_log(path: Path) -> BinaryIO:
    """The log, for appending; a log that has grown is put aside first."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE), "ab")


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # it is gone already
        os.killpg(pid, number)
