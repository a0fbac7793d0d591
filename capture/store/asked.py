"""Requests as they came and what became of them, for whoever would decide them anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from capture.exchange import Mode
from capture.messages import Usage
from capture.store import tables as t
from capture.store.bodies import request_body


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that was served."""

    id: str
    began_at: float
    """Unix seconds."""
    key: str | None
    """Name of the API key; None when the gateway ran without keys."""
    headers: Mapping[str, str]
    """Those that rules may test; never credentials."""
    request: bytes | None
    """The body as received; None when it was dropped since, or not asked for."""
    before: Mode | None
    """Who answered the exchange it continues; None when it began a conversation."""
    conversation: str
    """Its conversation's first exchange; itself while it is in none."""
    decision: Mapping[str, Any]
    """How it was decided then, as `capture.plain` writes it."""
    answered: Mode | None
    """Whose reply the client got; None where nobody's."""
    model: str | None
    """The model, and below the upstream, that were tried last."""
    upstream: str | None
    adapter: str | None
    """Of the weights that the model answered with; None for the base alone."""
    usage: Usage
    """Tokens of that try."""
    cost_usd: float | None
    """Of all tries; None when unknown."""
    right: bool | None
    """What came of the reply; None while nothing says."""


def asked_since(
    connection: sa.Connection, since: float, most: int, *, bodies: bool = True
) -> Iterator[Asked]:
    """The newest requests that were served since then (Unix seconds), newest first, but for those
    that were answered with a question of our own: what was said to that came as another."""
    for row in connection.execute(_select(since, most)).all():
        yield Asked(
            id=row.id,
            began_at=row.began_at,
            key=row.key,
            headers=row.headers,
            request=request_body(connection, row.id) if bodies else None,
            before=None if row.before is None else Mode(row.before),
            conversation=row.conversation or row.id,
            decision=row.decision,
            answered=Mode(row.mode) if row.mode and row.status == "ok" else None,
            model=row.model,
            upstream=row.upstream,
            adapter=row.adapter,
            usage=Usage(
                row.input_tokens, row.output_tokens, row.cache_read_tokens, row.cache_write_tokens
            ),
            cost_usd=row.cost_usd,
            right=_RIGHT.get(row.outcome),
        )


_RIGHT = {"success": True, "failure": False}


def _select(since: float, most: int) -> sa.Select[*tuple[Any, ...]]:
    earlier = t.exchanges.alias("earlier")
    e = t.exchanges.c
    return (
        sa.select(
            *(e.id, e.began_at, e.key, e.headers, e.decision, e.status),
            *(e.mode, e.upstream, e.model, e.adapter, e.cost_usd),
            *(e.input_tokens, e.output_tokens, e.cache_read_tokens, e.cache_write_tokens),
            earlier.c.mode.label("before"),
            t.turns.c.conversation,
            t.outcomes.c.outcome,
        )
        .select_from(
            t.exchanges.outerjoin(t.turns, t.turns.c.exchange_id == e.id)
            .outerjoin(earlier, earlier.c.id == t.turns.c.continues)
            .outerjoin(t.outcomes, t.outcomes.c.exchange_id == e.id)
        )
        .where(t.served, e.status != "asked", e.began_at >= since)
        .order_by(e.began_at.desc(), e.id.desc())
        .limit(most)
    )
