"""One process of the house model's server, from its start to its end.

A `HouseProcess` starts its child, waits until it answers, has it say a few tokens so that no client
waits for what only the first request costs, and watches it until it ends. It answers with one
adapter, or with the base alone, for as long as it lives. Whoever sends it a request holds a `Lease`
until the reply is over; a process that is retired ends when its last lease does, never before.

The child listens on loopback alone, gets an environment without secrets, may not reach a model
hub, answers no foreign origin, and never outlives the gateway (`house_child`). It does not compile
kernels: for a model this small that gains nothing, and on a CPU the first request would wait half a
minute for a C++ compiler, whose libraries mlx loads from the temporary directory.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gateway.home import FILE_MODE
from gateway.upstreams.house_lease import Lease

if TYPE_CHECKING:  # the gateway starts without an HTTP library; only who talks needs one
    from gateway.upstreams.house_talk import Talk

CHILD_SCRIPT = Path(__file__).resolve().with_name("house_child.py")
LOG_BYTES = 4 * 1024 * 1024

PASSED_ON = frozenset(
    ["PATH", "HOME", "USER", "LANG", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "SDKROOT"]
)
PASSED_ON_PREFIXES = ("LC_", "LD_", "DYLD_", "OMP_", "OPENBLAS_", "MKL_", "MLX_", "METAL_")

Command = Callable[[int, Path | None], Sequence[str]]
"""The child's command line for a port and an adapter's directory (None: the base alone)."""


@dataclass(frozen=True, slots=True)
class AdapterFiles:
    """An adapter, as far as a server needs it."""

    id: str
    path: Path
    """Its directory, as mlx-lm reads it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what, in seconds."""

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
    first_rest: float = 10.0
    """Before an adapter that did not come up is tried again; doubles with each failure."""
    most_rest: float = 3600.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What every process of one server has in common."""

    command: Command
    log_path: Path
    cache_dir: Path
    """The child's working and temporary directory."""
    patience: Patience


class HouseProcess:
    """See the module. `start` once, on a running event loop."""

    def __init__(self, ground: Ground, adapter: AdapterFiles | None) -> None:
        self.adapter = adapter
        """What it answers with; None for the base alone."""
        self.pid: int | None = None
        """None while no child runs."""
        self.start_seconds: float | None = None
        """From its start to its first completion; None before that."""
        self.over: asyncio.Task[str]
        """Done when the child has ended, with why. There from `start` on."""
        self._ground = ground
        self._port = free_port()
        self._up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._spare: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._leases = 0
        self._retired = False
        self._log_start = 0

    @property
    def base_url(self) -> str:
        """Root of its API, `/v1` included."""
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        self.over = asyncio.create_task(self._live(), name="house-process")

    async def until_up(self) -> str | None:
        """Wait until it answers. Returns why it never will; None once it does."""
        await asyncio.wait({self._up, self.over}, return_when=asyncio.FIRST_COMPLETED)
        return None if self._up.done() else self.over.result()

    def lease(self) -> Lease:
        """Before a request is sent to it."""
        self._leases += 1
        id_ = None if self.adapter is None else self.adapter.id
        return Lease(self.base_url, id_, self._returned)

    def retire(self) -> None:
        """Let it end once it owes nobody a reply."""
        self._retired = True
        self._look_spare()

    def end(self) -> None:
        """End it now, whomever it owes; `over` says when that is done."""
        self.over.cancel()

    def _returned(self) -> None:
        self._leases -= 1
        self._look_spare()

    def _look_spare(self) -> None:
        if self._retired and self._leases == 0 and not self._spare.done():
            self._spare.set_result(None)

    async def _live(self) -> str:
        started = time.monotonic()
        spawning = asyncio.create_task(self._spawn())
        try:
            child = await asyncio.shield(spawning)
        except OSError as error:
            return f"cannot be started: {error}"
        except asyncio.CancelledError:
            await self._end_half_started(spawning)
            raise
        self.pid = child.pid
        exited = asyncio.ensure_future(child.wait())
        try:
            why = await self._serve(exited, started)
            return await self._last_words(exited, why or "ended")
        finally:
            await self._end(child, exited)
            self.pid = None

    async def _spawn(self) -> asyncio.subprocess.Process:
        ground = self._ground
        with _open_log(ground.log_path) as output:
            self._log_start = output.seek(0, os.SEEK_END)
            return await asyncio.create_subprocess_exec(
                *ground.command(self._port, None if self.adapter is None else self.adapter.path),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=child_environment(os.environ, ground.cache_dir),
                cwd=ground.cache_dir,
                start_new_session=True,
            )

    async def _serve(self, exited: asyncio.Future[int], started: float) -> str | None:
        """Until the child is to be ended, and why; None when it ended by itself."""
        from gateway.upstreams.house_talk import Talk

        patience = self._ground.patience
        async with Talk(self._port) as talk:
            if (why := await self._until_well(talk, exited, started)) or exited.done():
                return why
            if why := await talk.complete(patience.warm):
                return self._with_log(why)
            self.start_seconds = time.monotonic() - started
            self._up.set_result(None)
            while not exited.done():
                await asyncio.wait(
                    {exited, self._spare},
                    timeout=patience.watch,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if self._spare.done():
                    return "is no longer needed"
                if not exited.done() and await talk.health() == "broken":
                    return self._with_log("stopped generating")
        return None

    async def _until_well(
        self, talk: Talk, exited: asyncio.Future[int], started: float
    ) -> str | None:
        patience = self._ground.patience
        while not exited.done() and (health := await talk.health()) != "well":
            if health == "broken":
                return self._with_log("cannot load its model")
            if time.monotonic() - started > patience.healthy:
                return f"did not answer within {patience.healthy:.0f} s"
            await asyncio.wait({exited}, timeout=patience.poll)
        return None

    async def _last_words(self, exited: asyncio.Future[int], otherwise: str) -> str:
        """Why the child ended, by its exit status and the last line of its log; `otherwise` for
        one that has not ended by itself."""
        await asyncio.wait({exited}, timeout=0.1)
        if not exited.done():
            return otherwise
        code = exited.result()
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return self._with_log(f"ended with {code}") if code > 0 else f"ended with {code}"

    def _with_log(self, why: str) -> str:
        line = last_line(self._ground.log_path, self._log_start)
        return f"{why}: {line}" if line else why

    async def _end_half_started(self, spawning: asyncio.Task[asyncio.subprocess.Process]) -> None:
        """A start that is broken off in the middle would leave a process nobody knows."""
        with suppress(OSError):
            child = await spawning
            await self._end(child, asyncio.ensure_future(child.wait()))

    async def _end(self, child: asyncio.subprocess.Process, exited: asyncio.Future[int]) -> None:
        _signal_group(child.pid, signal.SIGTERM)
        await asyncio.wait({exited}, timeout=self._ground.patience.stop)
        _signal_group(child.pid, signal.SIGKILL)
        await exited
        if child.stdin is not None:
            child.stdin.close()
            with suppress(OSError):  # the pipe of a process that is gone
                await child.stdin.wait_closed()


def mlx_command(model_dir: Path, port: int, adapter_path: Path | None) -> tuple[str, ...]:
    """The real server. `-P` keeps the working directory out of the import path; the empty
    allow-list of origins stands for mlx_lm.server's own `*`."""
    return (
        *(sys.executable, "-P", str(CHILD_SCRIPT)),
        *("--model", str(model_dir), "--host", "127.0.0.1", "--port", str(port)),
        *("--allowed-origins", "", "--log-level", "WARNING", "--max-tokens", "512"),
        *(() if adapter_path is None else ("--adapter-path", str(adapter_path))),
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
        "OPENBLAS_NUM_THREADS": kept.get("OPENBLAS_NUM_THREADS", "1"),
        "HF_HOME": str(cache_dir / "hub"),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONUNBUFFERED": "1",
    }


def free_port() -> int:
    """A TCP port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def last_line(path: Path, start: int = 0) -> str:
    """The last line of a log that says something, from byte `start` on; printable and at most 300
    characters."""
    try:
        with path.open("rb") as file:
            file.seek(max(start, path.stat().st_size - 8192))
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
