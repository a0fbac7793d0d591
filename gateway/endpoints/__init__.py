"""FastAPI routes for everything but inference."""

from __future__ import annotations

from gateway.endpoints import (
    conversations,
    decision,
    exchanges,
    feedback,
    health,
    imports,
    models,
    search,
    status,
    weekly,
)
from gateway.endpoints.failures import install_handlers

routers = (
    health.router,
    models.router,
    status.router,
    exchanges.router,
    search.router,
    feedback.router,
    conversations.router,
    decision.router,
    imports.router,
    weekly.router,
)

__all__ = ["install_handlers", "routers"]
