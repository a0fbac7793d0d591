"""The last outcomes of each skill, one by one: what a count over all time cannot tell."""

from __future__ import annotations

import sqlalchemy as sa

from capture.store import tables as t

LOOKED_AT = 2_000
"""The newest known outcomes, and the newest attempts, that are looked at: a bound on the time."""


PlaceOfSkill = tuple[str, str, str, str | None]
"""Skill, upstream, model and adapter; None for that: the base alone, or weights not ours."""
Newest = tuple[tuple[str, bool], ...]
"""Exchanges, each with whether it was a success; the newest first."""


_e, _o = t.exchanges.c, t.outcomes.c
_ANSWERED = (
    sa.select(_e.id, _e.skill, _e.upstream, _e.model, sa.func.coalesce(_e.adapter, ""), _o.outcome)
    .select_from(t.outcomes.join(t.exchanges, _e.id == _o.exchange_id))
    .where(_o.outcome != "unknown", _e.skill.is_not(None), _e.model.is_not(None), t.served)
    .order_by(_o.exchange_id.desc())
    .limit(LOOKED_AT)
)
_a = t.attempts.c
_tried = (
    sa.select(_a.exchange_id, _a.upstream, _a.model, _a.adapter, _a.status)
    .order_by(_a.exchange_id.desc())
    .limit(LOOKED_AT)
    .subquery()
)
_UNFIT = (
    sa.select(
        _e.id,
        _e.skill,
        _tried.c.upstream,
        _tried.c.model,
        sa.func.coalesce(_tried.c.adapter, ""),
        sa.literal("failure"),
    )
    .select_from(_tried.join(t.exchanges, _e.id == _tried.c.exchange_id))
    .where(_tried.c.status == "unfit", _e.skill.is_not(None))
)


def last_outcomes(connection: sa.Connection, most: int) -> dict[PlaceOfSkill, Newest]:
    """The last outcomes of each, so many at most. A reply that was checked and not handed over is a
    failure of whoever gave it, as in `skill_counts`."""
    rows = sorted([*connection.execute(_ANSWERED), *connection.execute(_UNFIT)], reverse=True)
    found: dict[PlaceOfSkill, Newest] = {}
    for id_, skill, upstream, model, adapter, said in rows:
        key = (skill, upstream, model, adapter or None)
        had = found.get(key, ())
        if len(had) < most:
            found[key] = (*had, (id_, said == "success"))
    return found
