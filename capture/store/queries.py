"""What can be asked of the store. Each takes a connection, reads, and returns frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from capture.exchange import Mode
from capture.messages import Message, ToolCall, Usage
from capture.outcomes import Outcome
from capture.plain import message_of
from capture.said import MESSAGE_ID_BYTES
from capture.store import tables as t
from capture.store.bodies import read_body
from capture.store.links import DAY_SECONDS
from capture.store.rows import (
    AttemptDetail,
    ExchangeDetail,
    ExchangeSummary,
    Loss,
    OldOutcome,
    SkillCount,
)
from capture.store.weighings import find_weighing

_SUMMARY = [
    t.exchanges.c[name]
    for name in (
        "id",
        "began_at",
        "status",
        "path",
        "key",
        "alias",
        "stream",
        "private",
        "mode",
        "upstream",
        "model",
        "http_status",
        "finish_reason",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "cost_usd",
        "first_token_s",
        "total_s",
        "attempts",
        "asked",
        "answered",
        "called",
        "skill",
        "adapter",
    )
]
_LINKED = t.exchanges.outerjoin(t.turns, t.turns.c.exchange_id == t.exchanges.c.id).outerjoin(
    t.outcomes, t.outcomes.c.exchange_id == t.exchanges.c.id
)

Row = sa.Row[Any]
_IDS_AT_ONCE = 500
_NOTHING = 1e-9
"""What adding and taking away again may leave of a sum."""


def list_exchanges(
    connection: sa.Connection, limit: int, before: str | None
) -> list[ExchangeSummary]:
    """The newest exchanges first; only those older than `before` when it is given."""
    select = (
        sa.select(*_SUMMARY, t.turns.c.conversation, t.outcomes.c.outcome)
        .select_from(_LINKED)
        .order_by(t.exchanges.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        select = select.where(t.exchanges.c.id < before)
    return [_summary(row) for row in connection.execute(select)]


def summaries(connection: sa.Connection, ids: Sequence[str]) -> list[ExchangeSummary]:
    """Those of these exchanges that there are, in this order."""
    select = (
        sa.select(*_SUMMARY, t.turns.c.conversation, t.outcomes.c.outcome)
        .select_from(_LINKED)
        .where(t.exchanges.c.id.in_(ids))
    )
    found = {row.id: _summary(row) for row in connection.execute(select)}
    return [found[id_] for id_ in ids if id_ in found]


def find_summary(connection: sa.Connection, id_: str) -> ExchangeSummary | None:
    """One line of the list; None when there is no exchange of that id."""
    select = sa.select(*_SUMMARY, t.turns.c.conversation, t.outcomes.c.outcome)
    row = connection.execute(select.select_from(_LINKED).where(t.exchanges.c.id == id_)).first()
    return None if row is None else _summary(row)


def find_exchange(connection: sa.Connection, id_: str) -> ExchangeDetail | None:
    """All of one exchange; None when there is none of that id. Raises BodyDamaged."""
    select = sa.select(
        t.exchanges,
        t.turns.c.conversation,
        t.turns.c.continues,
        t.turns.c.purpose,
        t.turns.c.parent,
        t.outcomes.c.outcome,
        t.outcomes.c.confidence,
        t.outcomes.c.evidence,
        t.outcomes.c.corrected,
    ).select_from(_LINKED)
    row = connection.execute(select.where(t.exchanges.c.id == id_)).first()
    if row is None:
        return None
    bodies = _bodies(connection, id_)
    attempts = _attempts(connection, id_, bodies)
    last = bodies.get(("response", None), b"")
    return ExchangeDetail(
        summary=_summary(row),
        headers=row.headers,
        config_generation=row.config_generation,
        decision=row.decision,
        request=bodies.get(("request", None), b""),
        tools=tuple(row.tools),
        messages=_messages(connection, row.request_messages),
        replies=_messages(connection, row.reply_messages),
        tool_calls=_tool_calls(connection, id_),
        attempts=attempts,
        partial=b"" if attempts else last,
        delivered=bodies.get(("delivered", None), last),
        delivered_bytes=row.delivered_bytes,
        queue_s=row.queue_s,
        connect_s=row.connect_s,
        error=row.error,
        notes=tuple(row.notes),
        continues=row.continues,
        session=row.session,
        purpose=row.purpose,
        parent=row.parent,
        outcome=None if row.outcome is None else outcome_of(row),
        outcome_before=_superseded(connection, id_),
        weighing=find_weighing(connection, id_),
    )


def spent(connection: sa.Connection, since: float) -> float:
    """US dollars BURST took since then: what attempts cost, or had reserved where that is unknown,
    and what was reserved by exchanges of which the gateway's death left no attempt."""
    tried = sa.select(
        sa.func.sum(sa.func.coalesce(t.attempts.c.cost_usd, t.attempts.c.reserve_usd))
    ).where(t.attempts.c.mode == "burst", t.attempts.c.started_at >= since)
    # with the gateway's death nothing ended: an orderly stop writes a status, and its attempts
    died = sa.select(sa.func.sum(t.exchanges.c.reserve_usd)).where(
        t.exchanges.c.status == "interrupted",
        t.exchanges.c.http_status.is_(None),
        t.exchanges.c.began_at >= since,
    )
    return sum(connection.scalar(each) or 0.0 for each in (tried, died))


def counts(connection: sa.Connection) -> dict[str, Any]:
    """How many exchanges there are: `total`, `by_status`, `by_mode`, and `lost_bytes` of journal
    that could not be read."""
    open_ = sa.select(sa.literal("open"), t.exchanges.c.mode, sa.func.count()).where(
        t.exchanges.c.status == "open"
    )
    tallied = sa.select(t.tallies.c.status, t.tallies.c.mode, t.tallies.c.exchanges)
    by_status: dict[str, int] = {}
    by_mode: dict[str, int] = {}
    for select in (tallied, open_.group_by(t.exchanges.c.mode)):
        for status, mode, number in connection.execute(select):
            by_status[status] = by_status.get(status, 0) + number
            if mode:
                by_mode[mode] = by_mode.get(mode, 0) + number
    lost = connection.scalar(sa.select(sa.func.sum(t.journal_losses.c.bytes)))
    return {
        "total": sum(by_status.values()),
        "by_status": by_status,
        "by_mode": by_mode,
        "lost_bytes": lost or 0,
    }


def skill_counts(connection: sa.Connection, since: float | None) -> list[SkillCount]:
    """What came of each skill at each place, by adapter, of exchanges that began on the day of
    `since` (UTC) or later; those without a skill are left out."""
    tallies = t.skill_tallies.c
    what = (tallies.skill, tallies.upstream, tallies.model, tallies.adapter)
    successes, failures = sa.func.sum(tallies.successes), sa.func.sum(tallies.failures)
    select = (
        sa.select(*what, successes, failures)
        .group_by(*what)
        .having(sa.or_(successes > _NOTHING, failures > _NOTHING))
        .order_by(*what)
    )
    if since is not None:
        select = select.where(tallies.day >= int(since // DAY_SECONDS))
    return [
        SkillCount(skill, upstream, model, adapter or None, max(0.0, good), max(0.0, bad))
        for skill, upstream, model, adapter, good, bad in connection.execute(select)
    ]


def losses(connection: sa.Connection) -> list[Loss]:
    """Every stretch of the journal that could not be read."""
    select = sa.select(t.journal_losses).order_by(
        t.journal_losses.c.segment, t.journal_losses.c.offset
    )
    return [
        Loss(row.segment, row.offset, row.bytes, row.reason, row.found_at)
        for row in connection.execute(select)
    ]


def _summary(row: Row) -> ExchangeSummary:
    return ExchangeSummary(
        id=row.id,
        began_at=row.began_at,
        status=row.status,
        path=row.path,
        key=row.key,
        alias=row.alias,
        stream=row.stream,
        private=row.private,
        mode=None if row.mode is None else Mode(row.mode),
        upstream=row.upstream,
        model=row.model,
        http_status=row.http_status,
        finish_reason=row.finish_reason,
        usage=_usage(row),
        cost_usd=row.cost_usd,
        first_token_s=row.first_token_s,
        total_s=row.total_s,
        attempts=row.attempts,
        asked=row.asked,
        answered=row.answered,
        called=tuple(row.called),
        skill=row.skill,
        adapter=row.adapter,
        conversation=row.conversation,
        outcome=row.outcome,
    )


def outcome_of(row: Row) -> Outcome:
    """The outcome a row of `outcomes` holds."""
    evidence = tuple((code, text) for code, text in row.evidence)
    return Outcome(row.outcome, row.confidence, evidence, row.corrected)


def _usage(row: Row) -> Usage | None:
    usage = Usage(
        row.input_tokens,
        row.output_tokens,
        row.cache_read_tokens,
        row.cache_write_tokens,
        row.reasoning_tokens,
    )
    return None if usage == Usage() else usage


def _bodies(connection: sa.Connection, id_: str) -> dict[tuple[str, int | None], bytes]:
    """Raw bytes by kind and attempt; the last attempt's response is under None."""
    select = sa.select(t.bodies).where(t.bodies.c.exchange_id == id_).order_by(t.bodies.c.id)
    pieces: dict[tuple[str, int | None], list[bytes]] = {}
    for row in connection.execute(select):
        pieces.setdefault((row.kind, row.attempt), []).append(read_body(connection, row))
    return {key: b"".join(data) for key, data in pieces.items()}


def _attempts(
    connection: sa.Connection, id_: str, bodies: dict[tuple[str, int | None], bytes]
) -> tuple[AttemptDetail, ...]:
    select = (
        sa.select(t.attempts).where(t.attempts.c.exchange_id == id_).order_by(t.attempts.c.position)
    )
    rows: Sequence[Row] = connection.execute(select).all()
    return tuple(
        AttemptDetail(
            mode=Mode(row.mode),
            upstream=row.upstream,
            model=row.model,
            started_at=row.started_at,
            status=row.status,
            http_status=row.http_status,
            error=row.error,
            upstream_request_id=row.upstream_request_id,
            connect_s=row.connect_s,
            first_byte_s=row.first_byte_s,
            total_s=row.total_s,
            usage=_usage(row),
            cost_usd=row.cost_usd,
            reserve_usd=row.reserve_usd,
            raw=bodies.get(
                ("response", None if row.position == len(rows) - 1 else row.position), b""
            ),
            adapter=row.adapter,
        )
        for row in rows
    )


def _messages(connection: sa.Connection, joined: bytes) -> tuple[Message, ...]:
    """The messages of these ids, in their order."""
    size = MESSAGE_ID_BYTES
    ids = [joined[at : at + size] for at in range(0, len(joined), size)]
    said: dict[bytes, Message] = {}
    for some in _batched(sorted(set(ids)), _IDS_AT_ONCE):
        select = sa.select(t.messages.c.id, t.messages.c.body).where(t.messages.c.id.in_(some))
        said |= {row.id: message_of(row.body) for row in connection.execute(select)}
    return tuple(said[id_] for id_ in ids)


def _batched(ids: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """The ids, so many at a time: a statement takes a limited number of parameters."""
    return (ids[at : at + size] for at in range(0, len(ids), size))


def _superseded(connection: sa.Connection, id_: str) -> tuple[OldOutcome, ...]:
    old = t.superseded.c
    select = sa.select(old.outcome, old.confidence, old.since, old.until)
    rows = connection.execute(select.where(old.exchange_id == id_).order_by(old.until))
    return tuple(OldOutcome(*row) for row in rows)


def _tool_calls(connection: sa.Connection, id_: str) -> tuple[ToolCall, ...]:
    select = (
        sa.select(t.tool_calls)
        .where(t.tool_calls.c.exchange_id == id_)
        .order_by(t.tool_calls.c.position)
    )
    return tuple(
        ToolCall(row.call_id, row.name, row.arguments) for row in connection.execute(select)
    )
