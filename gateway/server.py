"""The HTTP server: uvicorn, speaking through `gateway.connection`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from uvicorn.config import Config
from uvicorn.server import Server as UvicornServer

from gateway.chat_call import HotPath
from gateway.connection import ClientConnection
from gateway.settings import Limits


class Server(UvicornServer):
    """uvicorn's server without its signal handlers: `gateway.serve` owns the process."""

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        limits: Limits,
        drain_seconds: int,
        hot: HotPath | None = None,
    ) -> None:
        """`hot` answers chat requests; None leaves them to `app`."""
        protocol = type("Connection", (ClientConnection,), {"limits": limits, "hot": hot})
        self.listening = asyncio.Event()
        """Set once connections are accepted."""
        super().__init__(
            Config(
                app,
                loop="uvloop",
                http=protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=2048,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=drain_seconds,
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are `gateway.serve`'s."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()
