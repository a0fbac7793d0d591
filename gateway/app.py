"""Everything that answers HTTP, in front to back: guard, keys, the hot path, then FastAPI.

The guard and the key check come before any route is looked at, so no route can forget them;
`gateway.endpoints.PUBLIC_PATHS` is all that is open without a key.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI

from capture.ids import new_id
from gateway.dashboard import routes as dashboard
from gateway.endpoints import PUBLIC_PATHS, install_handlers, routers
from gateway.errors import GatewayError
from gateway.hotpath import HotPath, Receive, Scope, Send, send_error
from gateway.runtime import Runtime

CHAT = "/v1/chat/completions"


class App:
    """The ASGI application of one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._hot = HotPath(runtime.seats)
        self._rest = _fastapi(runtime)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        try:
            self._runtime.guard.check(scope["headers"])
            if path not in PUBLIC_PATHS:
                scope["majordomo.key"] = self._runtime.keyring.check(scope["headers"])
        except GatewayError as error:
            self._runtime.telemetry.rejected(error.code)
            await send_error(send, error, new_id())
            return
        if path == CHAT and scope["method"] == "POST":
            await self._hot(scope, receive, send)
        else:
            await self._slow(scope, receive, send)

    async def _slow(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_id()
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}

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


def create_app(runtime: Runtime) -> App:
    """The application that serves `runtime`."""
    return App(runtime)
