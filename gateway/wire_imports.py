"""The bodies of `/v1/import`: exchanges that somebody else served. Documented in docs/api.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from capture.exchange import Mode
from capture.ids import time_of
from capture.import_formats import MODEL_CHARACTERS, Format
from capture.imported import Imported
from capture.narrowing import Malformed, read_object
from capture.said import json_text
from capture.sessions import MOST_CHARACTERS as MOST_OF_SESSION
from gateway.errors import ClientError
from gateway.wire import View
from gateway.wire_feedback import bad_field

BODY_BYTES = 40 << 20
"""Largest body: one exchange at its longest fits."""
MOST = 500
"""Exchanges in one body at most."""

_Text = Annotated[str, Field(max_length=MODEL_CHARACTERS)]


class ImportedBody(BaseModel):
    """One exchange."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )

    id: Annotated[str, Field(min_length=26, max_length=26)]
    """The same whenever the same is imported again."""
    at: float
    """When it was asked; Unix seconds."""
    format: Annotated[Format, Field(strict=False)]
    """What it was imported from."""
    model: _Text
    """Who answered, or `unknown`."""
    mode: Annotated[Mode, Field(strict=False)]
    session: Annotated[str | None, Field(max_length=MOST_OF_SESSION)] = None
    skill: _Text | None = None
    request: dict[str, Any]
    """A chat request in OpenAI's dialect."""
    reply: dict[str, Any]
    """A whole chat completion."""


class ImportBody(BaseModel):
    """`POST /v1/import`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exchanges: Annotated[list[ImportedBody], Field(max_length=MOST)]


class ImportTaken(View):
    """What became of them."""

    taken: int
    """How many are in the journal now, those that were there already included."""


def parse(raw: bytes) -> list[Imported]:
    """The exchanges of a body. Raises ClientError."""
    try:
        body = ImportBody.model_validate(dict(read_object(raw)))
    except Malformed as error:
        raise ClientError(f"the body is not a JSON object: {error}", code="bad_json") from None
    except ValidationError as error:
        name = ".".join(map(str, error.errors()[0]["loc"]))[:64]
        raise bad_field(name, f"`{name}` is not what it should be") from None
    return [_imported(each) for each in body.exchanges]


def _imported(body: ImportedBody) -> Imported:
    try:
        time_of(body.id)
    except ValueError as error:
        raise bad_field("id", str(error)) from None
    return Imported(
        id=body.id,
        at=body.at,
        format=body.format.value,
        model=body.model,
        mode=body.mode,
        request=json_text(body.request).encode(),
        reply=json_text(body.reply).encode(),
        session=body.session,
        skill=body.skill,
    )


def told(exchanges: Iterable[Imported]) -> dict[str, Any]:
    """A body with these exchanges, for orjson."""
    return {
        "exchanges": [
            {
                "id": each.id,
                "at": each.at,
                "format": each.format,
                "model": each.model,
                "mode": each.mode.value,
                "session": each.session,
                "skill": each.skill,
                "request": orjson.Fragment(each.request),
                "reply": orjson.Fragment(each.reply),
            }
            for each in exchanges
        ]
    }
