"""What a reply is to the relay, and what can go wrong below an upstream's dialect.

TransportError
├── ConnectFailed    no connection; nothing was sent
├── StaleConnection  a kept-alive connection was gone before any byte of an answer
├── DeadlineExceeded first_token, idle or total
└── BrokenReply      what came back is not HTTP we understand, or it stopped short
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from gateway.upstreams.base import Headers

DeadlineName = Literal["first_token", "idle", "total"]


class TransportError(Exception):
    """Root of what can go wrong between the gateway and an upstream, below its dialect."""


class ConnectFailed(TransportError):
    pass


class StaleConnection(TransportError):
    pass


class BrokenReply(TransportError):
    pass


class DeadlineExceeded(TransportError):
    def __init__(self, name: DeadlineName, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s ({name} deadline)")
        self.name: DeadlineName = name


class Reply(Protocol):
    """An answer whose head has arrived."""

    status: int
    connect_s: float | None
    """Seconds the connection took to open; None when a kept-alive one served."""

    @property
    def headers(self) -> Headers: ...

    def ready(self) -> bytes | None:
        """What has come of the body and was not read yet; b"" at its end, None before more has
        come. Raises TransportError."""
        ...

    async def read(self) -> bytes:
        """The next piece of the body as it came; b"" at its end. Raises TransportError."""
        ...

    async def hand(self, take: Callable[[bytes], bool]) -> bool:
        """Hand every piece of the body to `take` the moment it comes, before anyone else's turn.

        True once `take` said that it wants no more for now, False at the body's end. Raises
        TransportError, and what `take` raises.
        """
        ...

    def close(self, *, said_all: bool = False) -> None:
        """Be done with it: reuse the connection after a whole reply, else drop it at once.

        `said_all`: the reply told that it was over, so the rest of its framing is worth a moment's
        wait.
        """
        ...


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header, or None."""
    for key, value in headers:
        if key == name:
            return value
    return None
