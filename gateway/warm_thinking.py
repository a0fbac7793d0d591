"""After a restart: Claude's thinking of recent conversations, back from the store into memory.

Clients drop thinking, so the gateway holds it between turns (`gateway.thinking`). What it held
before a restart is in the raw replies that capture kept.
"""

from __future__ import annotations

import asyncio
import logging

from capture.store import BodyDamaged, Store
from capture.store.rows import ExchangeDetail
from gateway.chat_request import parse
from gateway.errors import ClientError
from gateway.fleet import Links
from gateway.upstreams.anthropic import Anthropic

_LOOKED_AT = 200
"""Newest exchanges looked through for Claude's."""
_REMEMBERED = 64

log = logging.getLogger(__name__)


async def warm_thinking(store: Store, links: Links) -> None:
    """Feed the newest Claude replies, oldest first, to the upstreams they came from."""
    dialects = {link.name: link.dialect for link in links if isinstance(link.dialect, Anthropic)}
    if not dialects:
        return
    newest = await asyncio.to_thread(store.exchanges, _LOOKED_AT)
    wanted = [e.id for e in newest if e.upstream in dialects and e.status == "ok"][:_REMEMBERED]
    for id_ in reversed(wanted):
        try:
            detail = await asyncio.to_thread(store.exchange, id_)
        except BodyDamaged as error:
            log.warning("%s; its thinking is not remembered", error)
            continue
        if detail is not None and detail.summary.upstream in dialects:
            _warm(dialects[detail.summary.upstream], detail)
    if wanted:
        log.info("Claude's thinking is remembered again", extra={"count": len(wanted)})


def _warm(dialect: Anthropic, detail: ExchangeDetail) -> None:
    last = detail.attempts[-1]
    try:
        request = parse(detail.request, detail.summary.id)
    except ClientError:  # kept by an earlier version that accepted it
        return
    dialect.warm(request, last.model, last.raw)
