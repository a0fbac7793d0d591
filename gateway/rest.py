"""The FastAPI application: every route but chat. Imported by `gateway.app` alone, and only once
the port is open, since chat needs none of it."""

from __future__ import annotations

from fastapi import FastAPI

from gateway.dashboard import routes as dashboard
from gateway.endpoints import install_handlers, routers
from gateway.endpoints.seam import Runtime


def fastapi(runtime: Runtime) -> FastAPI:
    """All routes, in front of this runtime."""
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
