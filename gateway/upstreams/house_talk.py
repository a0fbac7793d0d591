"""What the supervisor says to the house model's server: are you well, and say something."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self

import httpx2

SECONDS = 5.0

Health = Literal["well", "broken", "silent"]
"""`broken`: it says itself that it cannot generate any more. Silence is no proof of that: it may be
busy with a long prompt."""


class Talk:
    """A connection to one child. Use as an async context manager."""

    def __init__(self, port: int) -> None:
        origin = f"http://127.0.0.1:{port}"
        self._client = httpx2.AsyncClient(base_url=origin, trust_env=False, timeout=SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def health(self) -> Health:
        """How it is, by its own word."""
        try:
            status = (await self._client.get("/health")).status_code
        except httpx2.HTTPError:
            return "silent"
        return "well" if status == 200 else "broken" if status == 503 else "silent"

    async def complete(self, seconds: float) -> str | None:
        """Have it say two tokens, sampled. Returns why it could not; None when it could."""
        body = {
            "model": "default_model",
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 2,
            "temperature": 0.7,
        }
        try:
            reply = await self._client.post("/v1/chat/completions", json=body, timeout=seconds)
        except httpx2.HTTPError as error:
            return f"did not answer its first request: {type(error).__name__}"
        return None if reply.status_code == 200 else f"answered with HTTP {reply.status_code}"
