"""One gateway process: its socket, its signals, its ready file, its orderly end.

SIGTERM and SIGINT drain: no new connection is taken, streams in flight go on for
`server.drain_seconds`. A second signal ends at once. `HOME/run/gateway.json` names the process and
its address while it serves, written once it really does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass

import orjson

from gateway import interpreter
from gateway.app import App
from gateway.auth import Keyring
from gateway.config import ConfigWatcher, needs_key
from gateway.home import Home, replace_private
from gateway.hotpath import HotPath
from gateway.runtime import Runtime
from gateway.server import Server
from gateway.settings import Settings

OnReady = Callable[[Runtime, str], Awaitable[None]]


class ServeError(Exception):
    """The gateway cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int


async def serve(
    home: Home,
    *,
    host: str | None = None,
    port: int | None = None,
    on_ready: OnReady | None = None,
) -> None:
    """Serve `home` until told to stop.

    Args:
        home: an existing home with a `majordomo.yaml`.
        host: overrides `server.host` for this run.
        port: overrides `server.port` for this run; 0 takes any free one.
        on_ready: called once with the runtime and its base URL, beside serving; what it raises
            ends the gateway.

    Raises:
        ConfigErrors: the settings are wrong.
        ServeError: the address cannot be used, or is open to others without a key.
        JournalLocked: another gateway serves this home.
    """
    interpreter.tune()
    config = ConfigWatcher(home.settings)
    settings = config.current.settings
    address = Address(host or settings.server.host, settings.server.port if port is None else port)
    _require_key(address, settings, Keyring.load(home.keys))
    listener = _bind(address)
    try:
        runtime = await Runtime.start(home, config, listening_on=address.host)
    except BaseException:
        listener.close()
        raise
    try:
        await _run(runtime, listener, address, on_ready)
    finally:
        with contextlib.suppress(FileNotFoundError):
            home.running.unlink()
        await runtime.stop()


async def _run(
    runtime: Runtime, listener: socket.socket, address: Address, on_ready: OnReady | None
) -> None:
    server_settings = runtime.settings.server
    app = App(runtime)
    server = Server(
        app,
        limits=server_settings.limits,
        drain_seconds=server_settings.drain_seconds,
        hot=HotPath(runtime.seats, runtime),
    )
    port = int(listener.getsockname()[1])
    runtime.base_url = f"http://{_url_host(address.host)}:{port}"
    interpreter.settle()
    with _signals(runtime, server):
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="server")
        await _until_listening(server, serving)
        _announce(runtime)
        beside = [asyncio.ensure_future(_load_routes(app))]
        if on_ready is not None:
            beside.append(asyncio.ensure_future(on_ready(runtime, runtime.base_url)))
        try:
            await _until_served(serving, beside)
        finally:
            server.should_exit = True
            await serving


async def _until_listening(server: Server, serving: asyncio.Task[None]) -> None:
    """Wait for the first connection to be possible, or for what keeps it from being."""
    listening = asyncio.ensure_future(server.listening.wait())
    await asyncio.wait({listening, serving}, return_when=asyncio.FIRST_COMPLETED)
    listening.cancel()
    if serving.done():
        serving.result()


async def _load_routes(app: App) -> None:
    """Have all that is not chat loaded, now that chat is answered."""
    await app.load()
    interpreter.settle()


async def _until_served(
    serving: asyncio.Task[None], beside: Sequence[asyncio.Future[None]]
) -> None:
    """Wait for the end of serving, or for one of the others to fail."""
    waiting: set[asyncio.Future[None]] = {serving, *beside}
    while not serving.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    for task in beside:
        task.cancel()


def _announce(runtime: Runtime) -> None:
    """Tell other commands who serves this home, and where."""
    running = {
        "pid": os.getpid(),
        "base_url": runtime.base_url,
        "started_at": runtime.started_at,
    }
    replace_private(runtime.home.running, orjson.dumps(running))


@contextlib.contextmanager
def _signals(runtime: Runtime, server: Server) -> Generator[None]:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if server.should_exit:
            server.force_exit = True
        runtime.draining = True
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _require_key(address: Address, settings: Settings, keyring: Keyring) -> None:
    reachable = settings.model_copy(
        update={"server": settings.server.model_copy(update={"host": address.host})}
    )
    if needs_key(reachable) and not keyring:
        raise ServeError(
            f"refusing to listen on {address.host}, which others can reach, without a key.\n"
            "Make one with `majordomo key create NAME`, or listen on 127.0.0.1."
        )


def _bind(address: Address) -> socket.socket:
    """A listening socket. Raises ServeError."""
    try:
        family, kind, proto, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ServeError(
            f"cannot listen on {address.host}:{address.port}: {error.strerror or error}.\n"
            "Stop what is there, or choose another port: `--port` for this run, `server.port` in "
            "majordomo.yaml for good."
        ) from error
    return listener


def _url_host(host: str) -> str:
    """The host to put in a URL for people on this machine."""
    if host in ("0.0.0.0", ""):  # noqa: S104
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
