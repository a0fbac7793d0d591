"""The right to one reply of one of the house model's processes, which stays up until it is over."""

from __future__ import annotations

from collections.abc import Callable

from gateway.upstreams.base import Headers
from gateway.upstreams.transport import Reply


class Lease:
    """Where one request goes, and what answers there."""

    def __init__(self, base_url: str, adapter: str | None, ended: Callable[[], None]) -> None:
        self.base_url = base_url
        """Root of the process's API, `/v1` included."""
        self.adapter = adapter
        """Id of the adapter that answers; None for the base alone."""
        self._ended: Callable[[], None] | None = ended

    def end(self) -> None:
        """The reply is over. Safe to call twice."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()


class LeasedReply:
    """A reply whose process stays up until it is closed."""

    def __init__(self, reply: Reply, lease: Lease) -> None:
        self.status = reply.status
        self.connect_s = reply.connect_s
        self._reply = reply
        self._lease = lease

    @property
    def headers(self) -> Headers:
        return self._reply.headers

    def ready(self) -> bytes | None:
        return self._reply.ready()

    async def read(self) -> bytes:
        return await self._reply.read()

    async def hand(self, take: Callable[[bytes], bool]) -> bool:
        return await self._reply.hand(take)

    def close(self, *, said_all: bool = False) -> None:
        self._reply.close(said_all=said_all)
        self._lease.end()
