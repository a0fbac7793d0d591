"""Ready rules over a skill's history, for who wants one he can count on his fingers. Pure.

They are offered and not the brain: docs/escalation.md has what each of them was measured to lose
against always asking the cloud. `routers.decide` asks them in place of the posterior.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from routers.history import Tally

ReadyRule = Literal["posterior", "three_successes", "last_three"]
"""`posterior`: none of these, but the threshold. `three_successes`: three successes once, then home
for good. `last_three`: home while the last three outcomes were successes."""

Recent = Mapping[tuple[str, str, str, str | None], tuple[bool, ...]]
"""Of each skill, upstream, model and adapter: whether its last outcomes were successes, the newest
first; at most `LAST` of them."""

Latest = Mapping[tuple[str, str, str, str | None], tuple[tuple[str, bool], ...]]
"""The same of each skill's key, each with the id of its exchange: ids sort by time."""

LAST = 3
NOTHING_RECENT: Recent = {}
NOTHING_LATEST: Latest = {}


def recent_of(latest: Latest, name: Callable[[str], str]) -> Recent:
    """The last outcomes of each skill under what it is called; those of one name in one row."""
    rows: dict[tuple[str, str, str, str | None], list[tuple[str, bool]]] = {}
    for (skill, upstream, model, adapter), outcomes in latest.items():
        rows.setdefault((name(skill), upstream, model, adapter), []).extend(outcomes)
    return {
        key: tuple([good for _, good in sorted(row, reverse=True)[:LAST]])
        for key, row in rows.items()
    }


def proven(
    rule: ReadyRule, tally: Tally, recent: tuple[bool, ...], home_at: float
) -> tuple[bool, str]:
    """Whether a skill may stay home by this rule, and what the rule asks, as a clause."""
    match rule:
        case "posterior":
            enough = tally.posterior >= home_at
            return enough, f"{home_at:g} is " + ("enough" if enough else "asked to stay home")
        case "three_successes":
            enough = tally.successes >= LAST - 1e-9
            return enough, "three successes are " + ("enough" if enough else "asked to stay home")
        case "last_three":
            enough = len(recent) >= LAST and all(recent[:LAST])
            had = f"{sum(recent[:LAST])} of the last {len(recent[:LAST])} were successes"
            return enough, had if recent else "none of the last three is known"
