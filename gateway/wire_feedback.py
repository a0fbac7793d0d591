"""The bodies of `/v1/feedback`: what is said, and what was. Documented in docs/api.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from capture.feedback import Source
from gateway.errors import ClientError
from gateway.wire import View


class FeedbackBody(BaseModel):
    """`POST /v1/feedback`: about one of the first two, saying one of the next four or more."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )

    exchange: str | None = None
    """Id of the exchange it is about."""
    conversation: str | None = None
    """Id of any exchange of the conversation it is about."""
    value: bool | float | None = None
    """true is good, false is bad; a number from 0 (bad) to 1 (good)."""
    comment: str | None = None
    """What there is to say about it."""
    demonstration: str | None = None
    """Text of the reply that should have been given."""
    train: bool | None = None
    """Whether it may train: true approves it, false keeps it out for ever."""
    idempotency_key: str | None = None
    """A name for this piece of feedback: sent again under it, it is said once."""
    source: Literal["api", "cli"] = "api"
    """What sends it."""


class FeedbackView(View):
    """One piece of feedback."""

    id: str
    object: Literal["feedback"] = "feedback"
    exchange: str | None
    conversation: str | None
    """What it is about: one of these two."""
    at: float
    """Unix seconds."""
    key: str | None
    """Name of the API key that said it; null when the gateway ran without keys."""
    source: Source
    value: float | None
    """0 to 1; null when it says nothing of that."""
    comment: str | None
    demonstration: str | None
    idempotency_key: str | None
    train: bool | None
    """Whether it may train; null when it says nothing of that."""


class FeedbackList(View):
    """`GET /v1/feedback`, newest first."""

    object: Literal["list"] = "list"
    data: list[FeedbackView]
    has_more: bool
    """There are older ones, which are not told."""


_WANTED: Mapping[str, str] = {
    "exchange": "the id of an exchange",
    "conversation": "the id of an exchange of the conversation",
    "value": "true, false, or a number from 0 to 1",
    "comment": "text",
    "demonstration": "the text of the reply that should have been given",
    "train": "true (it may train) or false (it never may)",
    "idempotency_key": "text",
    "source": "`api` or `cli`",
}


def parse(raw: bytes) -> FeedbackBody:
    """A body, narrowed. Raises ClientError: 400 for what is no JSON object, 422 for a field that is
    not ours or not what it should be."""
    try:
        body: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ClientError(f"the body is not valid JSON: {error}", code="bad_json") from None
    if not isinstance(body, dict):
        raise ClientError("the body must be a JSON object", code="bad_json")
    try:
        return FeedbackBody.model_validate(cast("dict[str, Any]", body))
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise bad_field(name, _wrong(name)) from None


def bad_field(name: str, message: str) -> ClientError:
    """The 422 for a field that is not what it should be."""
    return ClientError(message, status=422, code="bad_parameter", param=name[:64])


def _wrong(name: str) -> str:
    if (wanted := _WANTED.get(name)) is not None:
        return f"`{name}` is {wanted}"
    return f"{name[:64]!r} is no field of feedback; there are {', '.join(_WANTED)}"
