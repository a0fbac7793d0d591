"""Claude's errors in ours: recorded ones first, then synthetic ones for what no recording shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import UpstreamError
from tests.support.claude_upstream import upstream
from tests.support.recordings import Recording, recordings


def _recorded_errors() -> list[Recording]:
    return [r for r in recordings("anthropic") if r.status != 200]


def _synthetic(
    status: int,
    type: str,
    message: str = "Something.",
    *,
    details: dict[str, Any] | None = None,
    **headers: str,
) -> UpstreamError:
    error = {"type": type, "message": message, "details": details}
    body = json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode()
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return upstream().read_error(status, raw, body)


@pytest.mark.skipif(not _recorded_errors(), reason="MAJORDOMO_RECORDINGS is not set")
@pytest.mark.parametrize("recording", _recorded_errors(), ids=lambda r: r.name)
def test_a_recorded_error_keeps_its_words_and_request_id(recording: Recording) -> None:
    recorded = recording.response["body"]
    error = upstream().read_error(recording.status, recording.headers, recording.body)

    assert recorded["error"]["message"] in error.message
    wanted_id = recorded.get("request_id") or dict(recording.headers)[b"request-id"].decode()
    assert error.upstream_request_id == wanted_id
    assert error.status == {400: 400, 401: 502, 404: 502}[recording.status]
    assert error.retryable is False
    assert error.as_dict()["who"] == "upstream"


def test_a_refused_key_names_the_variable_to_check_and_is_not_the_clients_fault() -> None:
    error = _synthetic(401, "authentication_error", "invalid x-api-key")

    assert (error.status, error.code, error.retryable) == (502, "upstream_auth", False)
    assert "ANTHROPIC_API_KEY" in error.message
    assert "sk-secret" not in error.message


def test_a_forbidden_model_is_told_the_same_way() -> None:
    assert _synthetic(403, "permission_error").code == "upstream_auth"


def test_a_rate_limit_is_tried_again_when_it_says() -> None:
    error = _synthetic(429, "rate_limit_error", retry_after="7")

    assert (error.status, error.code, error.retryable) == (429, "rate_limited", True)
    assert error.type == "rate_limit_error"
    assert error.retry_after == 7.0


@pytest.mark.parametrize(
    ("status", "type", "message", "details"),
    [
        (429, "rate_limit_error", "Limit.", {"error_code": "enforced_spend_limit_reached"}),
        (429, "rate_limit_error", "Limit.", {"error_code": "contract_spend_limit_reached"}),
        (402, "billing_error", "Payment required.", None),
        (
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API.",
            None,
        ),
    ],
)
def test_spent_money_is_never_tried_again_and_lets_another_place_answer(
    status: int, type: str, message: str, details: dict[str, Any] | None
) -> None:
    error = _synthetic(status, type, message, details=details)

    assert (error.status, error.code, error.retryable) == (402, "upstream_spend_limit", False)
    assert message in error.message


@pytest.mark.parametrize(
    ("status", "wanted"), [(500, 502), (502, 502), (503, 503), (504, 504), (529, 503)]
)
def test_a_failing_server_is_tried_again(status: int, wanted: int) -> None:
    error = _synthetic(status, "api_error")

    assert (error.status, error.retryable) == (wanted, True)


def test_anthropics_own_advice_not_to_retry_is_followed() -> None:
    assert not _synthetic(500, "api_error", x_should_retry="false").retryable


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 204315 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    ],
)
def test_an_overflow_is_told_in_the_words_agents_know(message: str) -> None:
    error = _synthetic(400, "invalid_request_error", message)

    assert (error.status, error.code) == (400, "context_length_exceeded")
    assert message in error.message


def test_a_rejected_request_stays_a_400_of_the_upstream() -> None:
    error = _synthetic(400, "invalid_request_error", "tools.0.name: too long")

    assert (error.status, error.type, error.code) == (
        400,
        "invalid_request_error",
        "upstream_rejected",
    )


def test_a_request_too_large_stays_a_413() -> None:
    assert _synthetic(413, "request_too_large").status == 413


def test_an_unknown_model_points_at_the_settings() -> None:
    error = _synthetic(404, "not_found_error", "model: claude-does-not-exist")

    assert (error.status, error.code) == (502, "upstream_model_not_found")
    assert "majordomo.yaml" in error.message


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"error":"x"}', b"\xff"]
)
def test_an_answer_of_something_in_front_of_claude_is_still_an_error(body: bytes) -> None:
    error = upstream().read_error(502, [(b"content-type", b"text/html")], body)

    assert error.status == 502
    assert error.retryable
    assert error.message.startswith("claude: ")
    assert error.upstream_request_id is None
