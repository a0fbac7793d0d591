"""`majordomo replay` over the store: the last weeks under this home's policy, and under another.

docs/replay.md says what is printed, and how it is estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.commands.console import clean, console, say, say_json, table
from gateway.commands.household import settings_of
from gateway.commands.policy import settings_in
from gateway.commands.policy_diff import Moves, moves_json, note, show_moves
from gateway.commands.progress import working
from gateway.commands.recorded import MOST, Gathered, Policy, gather
from gateway.estimating import recorded_success, success
from gateway.home import Home
from gateway.met import Met, moved
from gateway.replayed import Course, course, recorded_course
from routers.replay.offpolicy import CLIP, TRIED, Estimate
from routers.thresholds import Aim

RECORDED = "recorded"
WEEK = 7.0


@dataclass(frozen=True, slots=True)
class Told:
    """One column of what is printed."""

    policy: str
    course: Course
    success: Estimate | None
    """Of requests whose outcome is known; None while there is none."""


def replay_store(
    home: Home, days: float, policy: Path | None, most: int = MOST, *, as_json: bool
) -> None:
    """Say what the last days were, and what they would have been."""
    policies = _policies(home, policy)
    found = gather(home, policies, days, most)
    with working("estimating"):
        told = [Told(RECORDED, recorded_course(found.met), recorded_success(found.met))] + [
            Told(each.name, course(found.met, n, found.prices[n]), success(found.met, n))
            for n, each in enumerate(policies)
        ]
    moves = _moves(found.met)
    if as_json:
        say_json(_json(found, told, moves))
    elif not found.met:
        say(f"No answered request of the last {days:g} days is recorded here.")
    else:
        _show(found, told, moves)


def _policies(home: Home, other: Path | None) -> list[Policy]:
    """This home's, and the other one. Weighed requests are weighed anew only where the other asks
    for another loss than this home does."""
    ours = Policy(home.settings.name, settings_of(home))
    if other is None:
        return [ours]
    theirs = settings_in(other)
    was, now = (each.escalation.max_quality_loss for each in (ours.settings, theirs))
    aim = None if now is None or now == was else Aim(max_loss=now / 100.0)
    return [ours, Policy(other.name, theirs, aim)]


def _moves(met: Sequence[Met]) -> Moves:
    """Requests that go elsewhere under the last policy than under the one before, or than they were
    recorded where there is one policy alone."""
    moves: Moves = {}
    for each in met:
        *before, last = each.now
        was = before[0].gone if before else each.then
        note(moves, each.asked.id, *moved(each, was, last))
    return moves


def _json(found: Gathered, told: Sequence[Told], moves: Moves) -> dict[str, object]:
    return {
        "requests": len(found.met),
        "conversations": found.conversations,
        "outcomes_known": found.known,
        "unreadable": found.unreadable,
        "unanswered": found.unanswered,
        "days": round(found.days, 3),
        "clip": CLIP,
        "tried": TRIED,
        "courses": [_course_json(each, found.days) for each in told],
        "moves": moves_json(moves),
    }


def _course_json(told: Told, days: float) -> dict[str, object]:
    of = told.course
    return {
        "policy": told.policy,
        "sovereignty_index": of.home,
        "cost_usd": round(of.cost_usd, 9),
        "cost_unknown": of.cost_unknown,
        "cost_usd_week": round(a_week(of.cost_usd, days), 9),
        "otherwise": of.otherwise,
        "success": None
        if told.success is None
        else {"right": told.success.right, **asdict(told.success)},
    }


def a_week(usd: float, days: float) -> float:
    """So much in so many days, for one week."""
    return usd * WEEK / days if days else 0.0


def _show(found: Gathered, told: Sequence[Told], moves: Moves) -> None:
    gone = f" ({found.unreadable:,} more cannot be read any more)" if found.unreadable else ""
    say(
        f"{len(found.met):,} requests in {found.conversations:,} conversations of "
        f"{found.days:.1f} days{gone}; what came of {found.known:,} is known."
    )
    rows = table("", *(clean(each.policy) for each in told))
    for name, cells in _lines(told, found.days):
        rows.add_row(name, *cells)
    console().print(rows)
    last = told[-1].success
    if last is not None:
        for line in _remarks(last):
            say(line)
    count = sum(move.count for move in moves.values())
    if count:
        before = told[-2].policy
        say(f"{count:,} would go elsewhere under {clean(told[-1].policy)} than as {clean(before)}:")
    show_moves(moves)


def _lines(told: Sequence[Told], days: float) -> list[tuple[str, list[str]]]:
    courses = [each.course for each in told]
    estimates = [each.success for each in told]
    return [
        ("answered at home", [_between(each.home) for each in courses]),
        ("right", [_right(each) for each in estimates]),
        ("gain, points", ["", *(_gain(each) for each in estimates[1:])]),
        ("BURST's cost, a week", [_cost(each, days) for each in courses]),
        ("answered otherwise", ["", *(f"{each.otherwise:,}" for each in courses[1:])]),
        ("of it without support", ["", *(_unsupported(each) for each in estimates[1:])]),
    ]


def _remarks(last: Estimate) -> list[str]:
    remarks: list[str] = []
    if last.unsupported:
        remarks.append(
            f"{last.unsupported:,.0f} of {last.requests:,} requests would be answered in a way "
            f"that was tried less than {TRIED} times on their skill: what would come of it nobody "
            "knows, so it counts from all wrong to all right."
        )
    if last.interval is None:
        remarks.append("Too few conversations for an interval.")
    return remarks


def _right(of: Estimate | None) -> str:
    if of is None:
        return "unknown"
    around = "" if of.interval is None else f" ({of.interval[0]:.1%} to {of.interval[1]:.1%})"
    if of.right is not None:
        return f"{of.right:.1%}{around}"
    return f"{of.least:.1%} to {of.most:.1%}{around}"


def _gain(of: Estimate | None) -> str:
    if of is None:
        return "unknown"
    low, high = (100.0 * (end - of.recorded) for end in (of.least, of.most))
    around = ""
    if of.gain is not None:
        around = f" ({100.0 * of.gain[0]:+.1f} to {100.0 * of.gain[1]:+.1f})"
    return f"{low:+.1f}{around}" if of.right is not None else f"{low:+.1f} to {high:+.1f}{around}"


def _unsupported(of: Estimate | None) -> str:
    return "" if of is None else f"{of.unsupported:,.0f} ({of.unsupported / of.requests:.0%})"


def _between(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return "unknown"
    low, high = ends
    return f"{low:.0%}" if low == high else f"{low:.0%} to {high:.0%}"


def _cost(of: Course, days: float) -> str:
    unknown = f" + {of.cost_unknown:,} unknown" if of.cost_unknown else ""
    return f"${a_week(of.cost_usd, days):,.2f}{unknown}"
