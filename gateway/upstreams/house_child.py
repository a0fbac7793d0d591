"""What the house model's process runs: the real `mlx_lm.server`, and a thread that ends it.

Started by `gateway.upstreams.house` as a script of its own, so that it imports nothing of the
gateway. Its standard input is a pipe whose other end only the gateway holds. However the gateway
ends, kill -9 included, the kernel closes that pipe, on Linux and macOS alike; the thread reads the
end of it and ends this process with whatever it started (a compiler, say).
"""

from __future__ import annotations

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from capture.blas import use_fast_blas


def end_with_the_gateway(descriptor: int = 0) -> None:
    """Block until the pipe closes, then end this process's whole group at once."""
    while os.read(descriptor, 4096):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def say_nothing(
    handler: BaseHTTPRequestHandler,
    code: int | str = "-",
    size: int | str = "-",
) -> None:
    """In place of a line in the log for every request and health check."""


def main() -> None:
    """Serve until killed. Arguments are mlx_lm.server's own; the working directory is for files
    that can be made again."""
    threading.Thread(target=end_with_the_gateway, daemon=True).start()
    print(f"matrix products by {use_fast_blas(Path.cwd())}", flush=True)  # noqa: T201 - its log
    BaseHTTPRequestHandler.log_request = say_nothing  # pyright: ignore[reportAttributeAccessIssue]

    from mlx_lm.server import main as serve

    serve()


if __name__ == "__main__":
    main()
