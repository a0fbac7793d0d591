"""Everything that goes wrong outside the hot path is told in our error shape."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from gateway.endpoints.failures import install_handlers
from gateway.errors import RateLimited


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = FastAPI(docs_url=None, redoc_url=None)
    install_handlers(app)

    @app.get("/crash")
    async def crash() -> None:  # pyright: ignore[reportUnusedFunction]
        raise RuntimeError("secret inside")

    @app.get("/limited")
    async def limited() -> None:  # pyright: ignore[reportUnusedFunction]
        raise RateLimited("too many", retry_after=1.2)

    @app.get("/number")
    async def number(limit: int) -> int:  # pyright: ignore[reportUnusedFunction]
        return limit

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


HERMES_PROBES = ["/api/tags", "/api/v1/models", "/v1/props", "/props", "/version", "/api/show"]


@pytest.mark.parametrize(
    "path", [*HERMES_PROBES, "/v1", "/admin", "/%2e%2e/etc/passwd", "/a" * 900]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_an_unknown_path_is_a_json_404(client: TestClient, path: str, method: str) -> None:
    response = client.request(method, path)
    assert response.status_code == 404
    error = response.json()["error"]
    assert error["code"] == "not_found"
    assert error["who"] == "client"
    assert len(error["message"]) < 400


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/v1/chat/completions", "/api/v1/models"])
def test_a_wrong_base_url_is_told_what_is_right(client: TestClient, path: str) -> None:
    message = client.post(path).json()["error"]["message"]
    assert "a base_url ends in /v1, and /v1 comes once" in message


def test_an_inference_path_says_that_it_takes_only_post(client: TestClient) -> None:
    response = client.get("/v1/chat/completions")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["error"]["code"] == "method_not_allowed"


def test_a_wrong_method_names_the_right_one(client: TestClient) -> None:
    response = client.delete("/limited")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET"


def test_a_bad_parameter_is_a_422_that_names_it(client: TestClient) -> None:
    response = client.get("/number?limit=many")
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["param"] == "limit"
    assert error["message"].startswith("limit: ")


def test_a_wait_is_told_in_whole_seconds(client: TestClient) -> None:
    response = client.get("/limited")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "2"


def test_a_crash_is_a_500_that_says_nothing_of_its_inside(client: TestClient) -> None:
    response = client.get("/crash")
    assert response.status_code == 500
    assert response.json()["error"]["who"] == "gateway"
    assert "secret" not in response.text


@pytest.mark.parametrize("path", ["/nothing", "/crash", "/limited"])
def test_failures_are_never_cached_or_sniffed(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
