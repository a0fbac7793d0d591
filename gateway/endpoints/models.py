"""The model names a client may ask for, as OpenAI lists models, with `context_length`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Serving
from gateway.errors import UnknownModel
from gateway.wire import ModelList, ModelObject

router = APIRouter(tags=["models"])


@router.get("/v1/models", response_model=ModelList)
async def list_models(runtime: Serving) -> Response:
    """Every name that `model` may be."""
    return json_response({"object": "list", "data": list(runtime.models())})


@router.get("/v1/models/{model:path}", response_model=ModelObject)
async def one_model(model: str, runtime: Serving) -> Response:
    """One of them; names may hold slashes."""
    known = {str(entry["id"]): entry for entry in runtime.models()}
    if model not in known:
        raise UnknownModel(
            f"there is no model {model[:200]!r} here; there is: {', '.join(known) or 'none'}",
            param="model",
        )
    return json_response(known[model])
