"""Everything that answers HTTP but chat requests, in front to back: guard, keys, then FastAPI.

Chat requests go from the server straight to `gateway.hotpath`, which has a door of its own. The
guard and the key check come before any route is looked at, so no route can forget them;
`gateway.endpoints.PUBLIC_PATHS` is all that is open without a key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from fastapi import FastAPI

from capture.ids import new_id
from gateway.dashboard import routes as dashboard
from gateway.endpoints import PUBLIC_PATHS, install_handlers, routers
from gateway.errors import GatewayError
from gateway.runtime import Runtime

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class App:
    """The ASGI application of one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._rest = _fastapi(runtime)

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

        await self._rest(scope, receive, send_named)


def _fastapi(runtime: Runtime) -> FastAPI:
    app = FastAPI(
        title="Majordomo",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.runtime = runtime
    install_handlers(app)
    for router in (*routers, dashboard.router):
        app.include_router(router)
    return app


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


def create_app(runtime: Runtime) -> App:
    """The application that serves `runtime`."""
    return App(runtime)
