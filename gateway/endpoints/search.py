"""Exchanges found by the words in them and by what they ask."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from capture.exchange import Mode
from capture.outcomes import OutcomeName
from capture.sought import MARKS, By, Found, Hit, NoMeaning, Nothing, Sought
from capture.store.rows import ExchangeSummary
from gateway.endpoints.responses import json_response
from gateway.endpoints.seam import Runtime, Serving
from gateway.errors import ClientError, ServiceError
from gateway.wire import DistilledView, ExchangeSummaryView, SearchHit, SearchList

router = APIRouter(tags=["search"])

MOST = 200
"""Exchanges found at most."""


@router.get("/v1/search", response_model=SearchList)
async def search(
    runtime: Serving,
    q: Annotated[str, Query(max_length=2000)],
    skill: Annotated[str | None, Query(max_length=256)] = None,
    mode: Mode | None = None,
    outcome: OutcomeName | None = None,
    since: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
    until: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
    adapter: Annotated[str | None, Query(max_length=256)] = None,
    tag: Annotated[str | None, Query(max_length=64)] = None,
    by: By = "both",
) -> Response:
    """Exchanges that hold all these words, and exchanges that ask alike, the closest first.

    By words, `"several words"` are found together and `wor*` by their beginning; `-word` is left
    out; `since` and `until` are Unix seconds.
    """
    wanted = Sought(q, skill, mode, outcome, since, until, limit, adapter, tag, by)
    return json_response(await run_in_threadpool(_list, runtime, wanted))


def sought(runtime: Runtime, wanted: Sought) -> tuple[Found, Mapping[str, ExchangeSummary]]:
    """What a search finds, the closest first, and what lists show of it. Raises ClientError for one
    that asks for nothing, ServiceError while nothing can be searched."""
    if runtime.recall is None:
        raise ServiceError("the words of exchanges cannot be searched yet; try again in a moment")
    try:
        found = runtime.recall.find(wanted)
    except Nothing as error:
        raise ClientError(str(error), code="nothing_sought") from None
    except NoMeaning as error:
        raise ServiceError(str(error)) from None
    except sqlite3.Error as error:
        raise ServiceError(f"the words of exchanges cannot be searched now: {error}") from error
    rows = runtime.store.summaries([hit.exchange for hit in found.hits])
    return found, {row.id: row for row in rows}


def _list(runtime: Runtime, wanted: Sought) -> SearchList:
    found, rows = sought(runtime, wanted)
    hits = [
        SearchHit(
            exchange=ExchangeSummaryView.model_validate(rows[hit.exchange]),
            excerpt=hit.excerpt.replace(MARKS[0], "**").replace(MARKS[1], "**"),
            held=hit.held,
            alike=hit.alike,
            distilled=_distilled(hit),
        )
        for hit in found.hits
        if hit.exchange in rows
    ]
    return SearchList(data=hits, note=found.note)


def _distilled(hit: Hit) -> DistilledView | None:
    return None if hit.distilled is None else DistilledView(**hit.distilled, by=hit.distilled_by)
