"""Everything that answers HTTP but chat requests, in front to back: guard, keys, then FastAPI.

Chat requests go from the server straight to `gateway.hotpath`, which has a door of its own. The
guard and the key check come before any route is looked at, so no route can forget them;
`PUBLIC_PATHS` is all that is open without a key.

FastAPI, the endpoints and the pages are a good part of what there is to import, and chat needs none
of them. So they are loaded once the port is open; a request that comes before waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from capture.ids import new_id
from gateway.errors import GatewayError
from gateway.runtime import Runtime

if TYPE_CHECKING:
    from fastapi import FastAPI

PUBLIC_PATHS = frozenset({"/livez", "/readyz"})
"""All that answers without a key when keys exist. Nothing else, ever."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class App:
    """The ASGI application of one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._loading: asyncio.Task[FastAPI] | None = None

    async def load(self) -> FastAPI:
        """The routes, once they are loaded; begins with that when nobody has."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(_routes, self._runtime))
        return await asyncio.shield(self._loading)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        key: str | None = None
        try:
            self._runtime.guard.check(scope["headers"])
            if scope["path"] not in PUBLIC_PATHS:
                key = self._runtime.keyring.check(scope["headers"])
        except GatewayError as error:
            self._runtime.telemetry.rejected(error.code)
            await _send_error(send, error, new_id())
            return
        request_id = new_id()
        scope["state"] = {**scope.get("state", {}), "request_id": request_id, "key": key}

        async def send_named(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        await (await self.load())(scope, receive, send_named)


def _routes(runtime: Runtime) -> FastAPI:
    from gateway.rest import fastapi

    return fastapi(runtime)


async def _send_error(send: Send, error: GatewayError, request_id: str) -> None:
    """An error as a whole response. What is still to come of the request's body is discarded by the
    server."""
    body = error.body(request_id)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
    ]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="majordomo", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
