"""The real gateway is what the endpoints ask for, and its door guards every route there is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import httpx2
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from gateway.app import PUBLIC_PATHS, App
from gateway.auth import HostGuard, Keyring
from gateway.keys import KeyEntry
from tests.support.standing import Standing

if TYPE_CHECKING:
    from gateway.endpoints.seam import Runtime as Asked
    from gateway.runtime import Runtime

KEY = "mjd_throwaway"


def as_asked(real: Runtime, standing: Standing) -> tuple[Asked, Asked]:
    """Holds by type checking alone."""
    return real, standing


def guarded(standing: Standing) -> App:
    """The whole application, in front of a runtime that has one key."""
    entry = KeyEntry(name="test", sha256=hashlib.sha256(KEY.encode()).hexdigest(), created_at=0.0)
    runtime: Any = standing
    runtime.keyring = Keyring([entry])
    runtime.guard = HostGuard("127.0.0.1")
    runtime.seats = None  # the hot path is not entered without a key
    return App(cast("Runtime", runtime))


def every_route(rest: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of each route, parameters filled with something plausible."""
    for route in iter_route_contexts(rest.routes):
        assert route.path is not None, "a mount would hide its routes from this test"
        path = re.sub(r"\{\w+(:\w+)?\}", "01ARZ3NDEKTSV4RRFFQ69G5FAV", route.path)
        for method in (route.methods or set()) | {"POST", "DELETE", "OPTIONS"}:
            yield method, path
    yield "POST", "/v1/chat/completions"
    yield "GET", "/no/such/path"


async def test_every_route_but_the_public_ones_is_closed_without_a_key(runtime: Standing) -> None:
    app = guarded(runtime)
    transport = httpx2.ASGITransport(cast("Any", app))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        seen = dict[str, set[int]]()
        for method, path in every_route(await app.load()):
            response = await client.request(method, path)
            seen.setdefault(path, set()).add(response.status_code)
            assert response.headers["x-request-id"]
        open_paths = {path for path, statuses in seen.items() if statuses != {401}}
        assert open_paths == PUBLIC_PATHS == {"/livez", "/readyz"}
        assert len(seen) > 12


async def test_with_the_key_the_pages_open_and_every_response_has_one_request_id(
    runtime: Standing,
) -> None:
    id_ = runtime.exchange()
    transport = httpx2.ASGITransport(cast("Any", guarded(runtime)))
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers
    ) as client:
        for path, status in {
            "/": 200,
            f"/exchanges/{id_}": 200,
            f"/v1/exchanges/{id_}": 200,
            "/v1/status": 200,
            "/metrics": 200,
            "/openapi.json": 200,
        }.items():
            response = await client.get(path)
            assert response.status_code == status, path
            assert len(response.headers.get_list("x-request-id")) == 1
        unknown = await client.get("/nothing")
        assert unknown.json()["error"]["request_id"] == unknown.headers["x-request-id"]
        assert (await client.get("/", headers={"host": "evil.test"})).status_code == 421
        assert (await client.get("/", headers={"origin": "http://evil.test"})).status_code == 403
