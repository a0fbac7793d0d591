"""A scriptable OpenAI-compatible upstream that speaks real bytes over real sockets.

It parses just enough HTTP/1.1 to know where a request ends, keeps every request it saw (bytes,
headers, when, when its connection closed) and answers each with a script from `fake_scripts`,
chosen by a marker in the last user message, so that tests sharing one gateway do not meet.
"""

from __future__ import annotations

import asyncio
import time

from tests.support.fake_scripts import Call, Script, polite


class _Connection(asyncio.Protocol):
    """One client connection: requests in turn, each answered by its script."""

    def __init__(self, owner: FakeOpenAI) -> None:
        self.owner = owner
        self.buffer = bytearray()
        self.writable = asyncio.Event()
        self.writable.set()
        self.stalled = asyncio.Event()
        self.call: Call | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=64 * 1024)
        self.transport = transport
        self.owner.connections.add(self)
        self.owner.accepted += 1

    def pause_writing(self) -> None:
        self.writable.clear()
        self.stalled.set()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.owner.connections.discard(self)
        self.writable.set()
        if self.call is not None:
            self.call.closed_at = time.monotonic()
            self.call.closed.set()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.next_request()

    def next_request(self) -> None:
        if self.call is not None and not self.call.finished.is_set():
            return
        parsed = _take_request(self.buffer)
        if parsed is None or self.transport is None:
            return
        method, target, headers, body = parsed
        number = len(self.owner.calls)
        at = time.monotonic()
        self.call = Call(
            number,
            at,
            method,
            target,
            headers,
            body,
            self.transport,
            self.writable,
            self.stalled,
        )
        self.owner.answer(self, self.call)


def _take_request(
    buffer: bytearray,
) -> tuple[str, str, tuple[tuple[str, str], ...], bytes] | None:
    """Cut one whole request off the front of the buffer, or None while it is incomplete."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *rest = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = tuple((n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in rest))
    fields = dict(pairs)
    if "chunked" in fields.get("transfer-encoding", ""):
        taken = _take_chunked(buffer, end + 4)
        if taken is None:
            return None
        body, stop = taken
    else:
        stop = end + 4 + int(fields.get("content-length", "0"))
        if len(buffer) < stop:
            return None
        body = bytes(buffer[end + 4 : stop])
    del buffer[:stop]
    return method, target, pairs, body


def _take_chunked(buffer: bytearray, at: int) -> tuple[bytes, int] | None:
    body = b""
    while (line := buffer.find(b"\r\n", at)) >= 0:
        size = int(bytes(buffer[at:line]).split(b";")[0], 16)
        stop = line + 2 + size + 2
        if len(buffer) < stop:
            return None
        body += bytes(buffer[line + 2 : stop - 2])
        if size == 0:
            return body, stop
        at = stop
    return None


class FakeOpenAI:
    """The upstream: start it, script it, look at what it saw."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.calls: list[Call] = []
        self.connections: set[_Connection] = set()
        self.accepted = 0
        """Connections ever accepted."""
        self.errors: list[BaseException] = []
        """Failures inside scripts other than the peer going away: a test's own mistakes."""
        self.default: Script = polite
        self._scripts: dict[str, list[Script]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def start(self) -> None:
        """Listen: on any free port at first, on the same one ever after."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self._port, backlog=2048
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on and reset those there are, as a crash would."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def on(self, marker: str, *scripts: Script) -> None:
        """Answer prompts that hold `marker` with these scripts in turn; the last one stays."""
        self._scripts[marker] = list(scripts)

    def seen(self, marker: str) -> list[Call]:
        """Every call so far whose last user message holds the marker."""
        return [call for call in self.calls if marker in call.prompt]

    async def wait_for(self, marker: str, count: int = 1, within: float = 5.0) -> Call:
        """The `count`-th call with this marker, once it is there."""
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: len(self.seen(marker)) >= count)
        return self.seen(marker)[count - 1]

    def answer(self, connection: _Connection, call: Call) -> None:
        self.calls.append(call)
        task = asyncio.get_running_loop().create_task(self._run(connection, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, connection: _Connection, call: Call) -> None:
        async with self._arrived:
            self._arrived.notify_all()
        try:
            await self._script_for(call)(call)
        except ConnectionError:
            pass
        except Exception as problem:  # a script's own mistake must not pass for an upstream fault
            self.errors.append(problem)
            call.reset()
        finally:
            call.finished.set()
        connection.next_request()

    def _script_for(self, call: Call) -> Script:
        prompt = call.prompt if call.method == "POST" else ""
        for marker, scripts in self._scripts.items():
            if marker in prompt:
                return scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return self.default
