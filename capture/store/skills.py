"""Which skills were asked for, by their keys. What came of them, `queries.skill_counts` adds up."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from capture.store import tables as t

_SKILL, _BEGAN = t.exchanges.c.skill, t.exchanges.c.began_at


class SkillSeen(NamedTuple):
    """A skill that was asked for."""

    key: str
    requests: int
    """Exchanges that began, however they ended."""
    last_at: float
    """When the latest of them began, in Unix seconds."""


def skills_seen(connection: sa.Connection) -> list[SkillSeen]:
    """Every skill that this gateway was asked for, the most asked first. Reads every exchange."""
    requests = sa.func.count()
    select = (
        sa.select(_SKILL, requests, sa.func.max(_BEGAN))
        .where(_SKILL.is_not(None), t.served)
        .group_by(_SKILL)
        .order_by(requests.desc(), _SKILL)
    )
    return [SkillSeen(*row) for row in connection.execute(select)]
