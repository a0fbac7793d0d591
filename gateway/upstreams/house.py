"""The house model's server: a real `mlx_lm.server` in a child process, kept alive.

`HouseServer` sees to it that one `HouseProcess` answers, starts another when that one ends, and
brings in the adapter that is wanted: a second child is started with it and warmed up beside the
first, new requests then go to the second, and the first ends when its last reply has. No reply is
cut and no request waits; an adapter that does not come up changes nothing but `adapter_failure`,
and is tried again later. For those seconds the model lies in memory twice.

One child could change adapters by itself (`adapters` in a request's body), but it finishes every
reply under way before it loads another, and lets all new requests wait meanwhile: measured, 12 s
behind one stream of 850 tokens.

Requests go to it through the transport like to any other upstream.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gateway.home import make_private_directory
from gateway.upstreams.house_lease import Lease
from gateway.upstreams.house_model import unusable
from gateway.upstreams.house_process import (
    AdapterFiles,
    Command,
    Ground,
    HouseProcess,
    Patience,
    mlx_command,
)

log = logging.getLogger(__name__)


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
    adapter: str | None
    """Id of the adapter it answers with; None for the base alone."""
    adapter_failure: str | None
    """Why that is not the one it should be; None when it is, or soon will be."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """A wanted adapter did not come up, and is left in peace for a while."""

    why: str
    failures: int
    """In a row."""
    until: float
    """By `time.monotonic`."""


class HouseServer:
    """Supervises the children. Use it on one event loop; `start` and `stop` once each."""

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
        self.ready = asyncio.Event()
        """Set while the server answers completions; stays set while adapters change."""
        self.failure: str | None = None
        """Why it does not serve; None when it does or is starting for the first time."""
        self.restarts = 0
        """Children started because one had ended."""
        self.cache_dir = cache_dir or log_path.parent.parent / "cache"
        """The children's working and temporary directory; by default HOME/cache for HOME/logs."""
        self._ground = Ground(
            command or partial(mlx_command, model_dir),
            log_path,
            self.cache_dir,
            patience or Patience(),
        )
        self._real = command is None
        self._on_change = on_change
        self._serving: HouseProcess | None = None
        self._processes: set[HouseProcess] = set()
        self._wanted: AdapterFiles | None = None
        self._proven: AdapterFiles | None = None
        self._refused: str | None = None
        self._rest: _Rest | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def base_url(self) -> str:
        """Root of the API of the child that answers; empty before `start`. Changes with it."""
        return "" if self._serving is None else self._serving.base_url

    @property
    def pid(self) -> int | None:
        """Of the child that answers, or is to; None while none runs."""
        return None if self._serving is None else self._serving.pid

    @property
    def adapter(self) -> str | None:
        """Id of the adapter that really answers; None for the base alone."""
        answers = None if self._serving is None else self._serving.adapter
        return None if answers is None else answers.id

    @property
    def wanted(self) -> str | None:
        """Id of the adapter that is wanted (None: the base alone). It answers once it is
        `adapter`."""
        return None if self._wanted is None else self._wanted.id

    @property
    def adapter_failure(self) -> str | None:
        """Why what answers is not the incumbent; None when it is, or soon will be."""
        if self._refused is not None:
            return self._refused
        if self._rest is None:
            return None
        return f"{_named(self._wanted)} did not come up: {self._rest.why}"

    def state(self) -> HouseState:
        return HouseState(
            ready=self.ready.is_set(),
            base_url=self.base_url,
            pid=self.pid,
            restarts=self.restarts,
            start_seconds=None if self._serving is None else self._serving.start_seconds,
            failure=self.failure,
            adapter=self.adapter,
            adapter_failure=self.adapter_failure,
        )

    def lease(self) -> Lease:
        """The right to one reply of the child that answers now. Only while `ready`."""
        if self._serving is None:
            raise RuntimeError("the house model's server was never started")
        return self._serving.lease()

    def want(self, adapter: AdapterFiles | None) -> None:
        """Answer with this adapter as soon as it is warm; None: with the base alone."""
        self._wanted = adapter
        self._refused = self._rest = None
        self._changed.set()
        self._tell()

    def refuse(self, why: str) -> None:
        """The incumbent cannot be served: go on with what is wanted so far, and say why."""
        self._refused = why
        self._tell()

    async def start(self) -> None:
        """Begin to serve, in the background; wait for `ready` to know when. When this machine
        cannot serve the model at all, `failure` says why and nothing is started."""
        if self._real:
            self.failure = unusable(self.model_dir)
            if self.failure is not None:
                log.warning("house model: %s", self.failure)
                return
        make_private_directory(self.cache_dir)
        make_private_directory(self._ground.log_path.parent)
        self._serving = self._begin(self._wanted)
        self._task = asyncio.create_task(self._supervise(self._serving), name="house-model")

    async def stop(self) -> None:
        """End the children and the watch over them. Safe to call twice, or without `start`."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        for process in self._processes:
            process.end()
        if self._processes:
            await asyncio.wait([process.over for process in self._processes])
        self.ready.clear()

    def _begin(self, adapter: AdapterFiles | None) -> HouseProcess:
        process = HouseProcess(self._ground, adapter)
        process.start()
        self._processes.add(process)
        process.over.add_done_callback(lambda _: self._processes.discard(process))
        return process

    async def _supervise(self, process: HouseProcess) -> None:
        failures = 0
        patience = self._ground.patience
        while True:
            began = time.monotonic()
            self.failure = await self._reign(process)
            self.ready.clear()
            self._tell()
            steady = time.monotonic() - began > patience.steady
            failures = 1 if steady else failures + 1
            pause = backoff(failures, patience)
            log.warning("house model: %s; starting again in %.1f s", self.failure, pause)
            await asyncio.sleep(pause)
            self.restarts += 1
            self._serving = process = self._begin(self._fit_to_start())

    def _fit_to_start(self) -> AdapterFiles | None:
        """What a child is started with when none answers: the wanted adapter, and if that did not
        come up, the last that did, else the base alone."""
        if self._rest is None:
            return self._wanted
        return None if self._proven == self._wanted else self._proven

    async def _reign(self, process: HouseProcess) -> str:
        """From one child's start to the end of the one that answers then, and why it ended."""
        why = await process.until_up()
        if why is not None:
            self._failed(process.adapter, why)
            return why
        self._crown(process)
        while True:
            heir = asyncio.create_task(self._heir(process), name="house-heir")
            try:
                await asyncio.wait({heir, process.over}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                heir.cancel()  # of no effect on one that is there
            if not heir.done():
                return process.over.result()
            process = heir.result()
            self._crown(process)

    def _crown(self, process: HouseProcess) -> None:
        """From now on requests go to `process`, which is up."""
        before, self._serving = self._serving, process
        if process.adapter == self._wanted:
            self._rest = None
        self._proven = process.adapter
        self.failure = None
        self.ready.set()
        if before is not None and before is not process:
            before.retire()
        seconds = process.start_seconds or 0.0
        log.info("house model: ready with %s after %.1f s", _named(process.adapter), seconds)
        self._tell()

    async def _heir(self, serving: HouseProcess) -> HouseProcess:
        """A child that answers with the wanted adapter, once that is not what answers now."""
        while True:
            await self._until_due(serving.adapter)
            wanted = self._wanted
            process = self._begin(wanted)
            try:
                why = await process.until_up()
            except asyncio.CancelledError:
                process.end()
                raise
            if why is None and wanted == self._wanted:
                return process
            if why is None:
                process.end()
            else:
                self._failed(wanted, why)
                log.warning("house model: %s; %s goes on", self.adapter_failure, self.adapter)
                self._tell()

    async def _until_due(self, answers: AdapterFiles | None) -> None:
        """Until another adapter than `answers` is wanted, and is not resting."""
        while True:
            rest = 0.0 if self._rest is None else self._rest.until - time.monotonic()
            if self._wanted != answers and rest <= 0:
                return
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(rest if rest > 0 else None):
                    await self._changed.wait()

    def _failed(self, adapter: AdapterFiles | None, why: str) -> None:
        """Remember that a child with `adapter` did not come up."""
        if adapter == self._proven:
            self._proven = None
        if adapter == self._wanted:
            patience = self._ground.patience
            failures = 1 if self._rest is None else self._rest.failures + 1
            rest = min(patience.most_rest, patience.first_rest * 2 ** min(failures - 1, 16))
            self._rest = _Rest(why, failures, time.monotonic() + rest)

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change(self.state())


def backoff(failures: int, patience: Patience) -> float:
    """Seconds to wait after this many failures in a row."""
    return min(patience.most_backoff, patience.first_backoff * 2 ** min(failures - 1, 16))


def _named(adapter: AdapterFiles | None) -> str:
    return "the base alone" if adapter is None else f"adapter {adapter.id}"
