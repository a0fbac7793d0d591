"""An HTTP server on loopback in a thread of its own, for code that asks and waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = tuple[int, Mapping[str, Any] | bytes, Mapping[str, str]]


@dataclass
class Answering:
    """What it answers, and what it was asked."""

    answer: Callable[[str, Mapping[str, str]], Answer]
    """From `METHOD /path` and the request's headers (lower-case names) to the answer."""
    asked: list[str] = field(default_factory=list[str])
    told: list[bytes] = field(default_factory=list[bytes])
    """Bodies, in order."""
    base_url: str = ""

    @contextmanager
    def running(self) -> Generator[Answering]:
        """Serve until the block ends."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                outer.told.append(self.rfile.read(int(self.headers["content-length"] or 0)))
                self._answer()

            def _answer(self) -> None:
                request = f"{self.command} {self.path}"
                outer.asked.append(request)
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, body, extra = outer.answer(request, headers)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.base_url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
