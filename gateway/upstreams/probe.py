"""Asking a loopback port what it is: small GETs with a deadline and a bound on every answer.

Nothing but loopback is ever asked, redirects are not followed, no proxy is used, and a body past
the bound is no answer. What does not answer in time, or not in JSON, is None.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import httpx2
import orjson

BODY_BYTES = 1024 * 1024
MODELS_BYTES = 8 * 1024 * 1024
"""A catalogue may be long."""
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One JSON object that a port answered, with status 200 unless another was asked for."""

    body: Mapping[str, Any]
    server: str
    """Its `Server` header; empty when it sent none."""

    def objects(self, name: str) -> tuple[Mapping[str, Any], ...]:
        """The objects in the list called `name`; none when it is no list."""
        values = self.body.get(name)
        found = cast("list[object]", values) if isinstance(values, list) else []
        return tuple(cast("Mapping[str, Any]", v) for v in found if isinstance(v, dict))


class Prober:
    """Asks one port. Use as an async context manager."""

    def __init__(self, port: int, timeout: float) -> None:
        self.port = port
        self.origin = f"http://{HOST}:{port}"
        self._client = httpx2.AsyncClient(
            base_url=self.origin,
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": "majordomo-detect", "accept": "application/json"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def listening(self) -> bool:
        """Whether anything accepts a connection at all."""
        try:
            _, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def get(self, path: str, *, most: int = BODY_BYTES) -> Answer | None:
        """The JSON object at `path`; None for anything else."""
        return await self._ask("GET", path, None, most)

    async def is_majordomo(self) -> bool:
        """Whether it is a Majordomo: only that says whether it is ready, with reasons if not."""
        ready = await self._ask("GET", "/readyz", None, BODY_BYTES, statuses=(200, 503))
        if ready is None:
            return False
        return ready.body.get("status") in ("ready", "unready") and "reasons" in ready.body

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer | None:
        """The JSON object answered to `body`; None for anything else."""
        return await self._ask("POST", path, orjson.dumps(body), MODELS_BYTES)

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        most: int,
        *,
        statuses: tuple[int, ...] = (200,),
    ) -> Answer | None:
        headers = {} if body is None else {"content-type": "application/json"}
        try:
            async with self._client.stream(method, path, content=body, headers=headers) as reply:
                if reply.status_code not in statuses:
                    return None
                data = b""
                async for piece in reply.aiter_bytes():
                    data += piece
                    if len(data) > most:
                        return None
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return None
        try:
            value: object = orjson.loads(data)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(value, dict):
            return None
        return Answer(cast("Mapping[str, Any]", value), reply.headers.get("server", ""))
