"""The pages: a live list of exchanges, one exchange, a search, and the weeks. They only read, but
for feedback.

Pages work without scripts; with them the list keeps itself fresh. Keys, `Host` and `Origin` are
checked before any of this runs (`gateway.app`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from capture import clock
from capture.exchange import ExchangeStatus, Mode
from capture.sought import By, Sought
from gateway.dashboard import feedback, finding
from gateway.dashboard.detail import exchange_page
from gateway.dashboard.listing import PAGE_ROWS, House, Listing, house, listing
from gateway.dashboard.rendering import PAGE_HEADERS, asset, page, render
from gateway.dashboard.weekly import weekly_page
from gateway.dashboard.words import STATUS
from gateway.endpoints.failures import unknown_path
from gateway.endpoints.lookup import Wanted, checked_id, find, recent
from gateway.endpoints.seam import Runtime, Serving, Speaker
from gateway.endpoints.search import sought
from gateway.endpoints.vitals import problems, vitals
from gateway.errors import GatewayError
from gateway.paste import Block, blocks

router = APIRouter(include_in_schema=False)
router.include_router(feedback.router)

Word = Annotated[str, Query(max_length=32)]
_BY: Mapping[str, By] = {"words": "words", "meaning": "meaning"}


@router.api_route("/", methods=["GET", "HEAD"])
async def exchanges_page(
    request: Request, runtime: Serving, mode: Word = "", status: Word = "", before: Word = ""
) -> Response:
    """The list of exchanges."""
    found, now = await _listing(request, runtime, _wanted(mode, status, before))
    _, live = _live(found, now)
    return page(render("exchanges.html", page=found, live=live))


@router.get("/live")
async def live_part(
    request: Request, runtime: Serving, mode: Word = "", status: Word = "", seen: Word = ""
) -> Response:
    """The part of the list that changes; 204 when it is as `seen`."""
    digest, live = _live(*await _listing(request, runtime, _wanted(mode, status, "")))
    return Response(status_code=204, headers=PAGE_HEADERS) if seen == digest else page(live)


@router.api_route("/exchanges/{id}", methods=["GET", "HEAD"])
async def one_exchange_page(
    id: str, runtime: Serving, speaker: Speaker, unless: Word = ""
) -> Response:
    """One exchange; 204 while its status is still `unless`."""
    try:
        detail = await find(runtime, id)
    except GatewayError as error:
        unknown = error.status == 404
        title = "There is no such exchange" if unknown else "It cannot be shown"
        return page(render("message.html", title=title, text=error.message), error.status)
    if unless and detail.summary.status == unless:
        return Response(status_code=204, headers=PAGE_HEADERS)
    now = _house(runtime)
    row = detail.summary
    said = await feedback.section(runtime, row.id, speaker, row.key, open=row.status == "open")
    html = await run_in_threadpool(
        lambda: render(
            "exchange.html",
            x=exchange_page(detail, runtime.redactor, clock.now()),
            feedback=said,
            house=now,
        )
    )
    return page(html)


@router.api_route("/search", methods=["GET", "HEAD"])
async def words_page(
    runtime: Serving,
    q: Annotated[str, Query(max_length=2000)] = "",
    by: Word = "",
    tag: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Exchanges found by their words and by what they ask."""
    asked = finding.Page(q.strip(), by=_BY.get(by, "both"), tag=tag.strip())
    found = await run_in_threadpool(_searched, runtime, asked)
    return page(render("search.html", page=found, house=_house(runtime)))


@router.api_route("/weekly", methods=["GET", "HEAD"])
async def weeks_page(runtime: Serving) -> Response:
    """The sovereignty index and its companions, per week."""
    weeks = await run_in_threadpool(runtime.weeks)
    return page(render("weekly.html", page=weekly_page(weeks), house=_house(runtime)))


@router.get("/static/{name}")
async def static_file(name: str, request: Request) -> Response:
    """One of the pages' own files."""
    found = asset(name)
    if found is None:
        raise unknown_path(str(request.scope["path"]))
    return found


def _searched(runtime: Runtime, asked: finding.Page) -> finding.Page:
    if not asked.words:
        return asked
    wanted = Sought(asked.words, limit=PAGE_ROWS, tag=asked.tag or None, by=asked.by)
    try:
        found, rows = sought(runtime, wanted)
    except GatewayError as error:
        return replace(asked, problem=error.message)
    return finding.search_page(replace(asked, note=found.note), found.hits, rows, clock.now())


async def _listing(request: Request, runtime: Runtime, wanted: Wanted) -> tuple[Listing, House]:
    found = await recent(runtime, PAGE_ROWS, wanted)
    address = f"{request.url.scheme}://{request.headers.get('host', '')}"
    shown = listing(
        found,
        wanted,
        runtime.redactor,
        now=clock.now(),
        base_url=f"{address}/v1",
        paste=() if found.rows else _paste(runtime, address),
    )
    return shown, _house(runtime)


def _live(found: Listing, now: House) -> tuple[str, Markup]:
    """The changing part, and a name for its content."""
    inner = render("list.html", page=found, house=now)
    digest = hashlib.sha256(inner.encode()).hexdigest()[:16]
    return digest, render("live.html", page=found, inner=inner, digest=digest)


def _paste(runtime: Runtime, address: str) -> tuple[Block, ...]:
    auto = runtime.models()[0].get("context_length")
    return blocks(address, needs_key=bool(runtime.keyring), context_length=auto)


def _house(runtime: Runtime) -> House:
    now = vitals(runtime)
    return house(now, problems(now))


def _wanted(mode: str, status: str, before: str) -> Wanted:
    """What the address asks for; words that are none of ours are left aside, as a form would."""
    return Wanted(
        mode=Mode(mode) if mode in set(Mode) else None,
        status=cast("ExchangeStatus", status) if status in STATUS else None,
        before=checked_id(before) if before else None,
    )
