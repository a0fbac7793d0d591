"""A house server with a child that is quick and fake, and the news of it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.upstreams.house import HouseServer, HouseState
from gateway.upstreams.house_process import Command, Patience

FAKE = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ADAPTER = Path(sys.argv[2]) if len(sys.argv) > 2 else None
if ADAPTER is not None and (ADAPTER / "crashes").exists():
    raise SystemExit("these weights fit nothing")

class Fake(BaseHTTPRequestHandler):
    def reply(self, status, value):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())
    def do_GET(self):
        broken = os.path.exists("broken") or ADAPTER is not None and (ADAPTER / "broken").exists()
        self.reply(503 if broken else 200, {"status": "ok"})
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        mute = ADAPTER is not None and (ADAPTER / "mute").exists()
        self.reply(404 if mute else 200, {"choices": []})
    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Fake).serve_forever()
"""

HASTY = Patience(poll=0.02, watch=0.05, first_backoff=0.01, stop=1.0, first_rest=3600)


def fake_server(port: int, adapter_path: Path | None) -> Sequence[str]:
    adapter = () if adapter_path is None else (str(adapter_path),)
    return (sys.executable, "-c", FAKE, str(port), *adapter)


class Watched:
    """A house server and the news of it, in order."""

    def __init__(
        self, directory: Path, command: Command | None = fake_server, patience: Patience = HASTY
    ) -> None:
        self.news: asyncio.Queue[HouseState] = asyncio.Queue()
        self.server = HouseServer(
            directory,
            directory / "logs" / "house.log",
            command=command,
            patience=patience if command else None,
            on_change=self.news.put_nowait,
        )

    async def until(self, ready: bool, seconds: float = 20) -> HouseState:
        """The next news that says it is ready, or that it is not."""
        async with asyncio.timeout(seconds):
            while (state := await self.news.get()).ready != ready:
                pass
        return state


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
