"""The weeks as their page shows them. Pure: figures in, values for the template out.

The picture is drawn in per cent of its width and pixels of its height, so that its words keep their
size on a narrow page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from capture.weekly import Week, week_number
from gateway.dashboard.format import count, usd

SHOWN_WEEKS = 52
"""Calendar weeks in the picture, at most."""
_SLOTS = 4
"""Columns there is room for at least: a first week does not fill the page."""
_LABELS = 8
"""Week names under the picture, about."""
_FIGURES = 13
"""Columns up to which each says its figure."""
TOP, HEIGHT = 26, 220
"""Where the columns' full height begins, and what it is, in pixels."""


@dataclass(frozen=True, slots=True)
class Column:
    """One week in the picture."""

    x: float
    """Its left edge, in per cent of the width."""
    width: float
    middle: float
    y: float
    """Where home's part begins, in pixels from the top."""
    height: float
    """Home's part in pixels."""
    figure: str | None
    """Home's share in words; None where there is no room for it."""
    figure_y: float
    """Where it stands: on home's part, or above all when that nearly fills the column."""
    label: str | None
    """The week's name; None where there is no room for it."""
    minor: bool
    """Its words give way on a narrow page."""
    told: str
    """All of it in one line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One week in the table; None is unknown."""

    week: str
    home: str | None
    requests: str | None
    conversations: str | None
    resting: str | None
    active: str | None
    burst: str | None
    cost: str | None
    cost_unknown: int
    """Costs left out."""
    success: str | None
    corrections: str
    adapters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weekly:
    """All of the page but its frame."""

    sentence: str
    """The last week, in words."""
    aside: str | None
    """How that compares with the week before; None when there is nothing to compare."""
    facts: tuple[str, ...]
    """More of the last week, a sentence each; what nobody knows is not among them."""
    columns: tuple[Column, ...]
    """Oldest first; weeks in which nothing was answered leave a gap."""
    rows: tuple[Row, ...]
    """Newest first."""
    top: int = TOP
    base: int = TOP + HEIGHT
    """Where the columns stand, in pixels from the top."""


def weekly_page(weeks: Sequence[Week]) -> Weekly:
    """The page of these weeks, which come oldest first."""
    return Weekly(
        sentence=_sentence(weeks[-1]) if weeks else "Nothing has been asked yet.",
        aside=_aside(weeks),
        facts=tuple(_facts(weeks[-1])) if weeks else (),
        columns=_columns(weeks),
        rows=tuple(_row(week) for week in reversed(weeks)),
    )


def percent(part: float | None) -> str | None:
    """A share in whole per cent."""
    return None if part is None else f"{part:.0%}"


def _sentence(week: Week) -> str:
    if week.sovereignty_index is None:
        return f"In {week.week} nothing was answered."
    answered = week.local_8b_routed + week.local_14b_routed + week.cloud_routed
    asked = f"{answered:,} answered request{'' if answered == 1 else 's'}"
    return f"In {week.week} home took care of {percent(week.sovereignty_index)} of {asked}."


def _aside(weeks: Sequence[Week]) -> str | None:
    if len(weeks) < 2:
        return None
    before, now = weeks[-2].sovereignty_index, weeks[-1].sovereignty_index
    if before is None or now is None:
        return None
    points = round(100 * now) - round(100 * before)
    if points == 0:
        return f"As much as in {weeks[-2].week}."
    by = f"{abs(points)} point{'' if abs(points) == 1 else 's'}"
    return f"{by} {'more' if points > 0 else 'less'} than in {weeks[-2].week}."


def _facts(week: Week) -> Iterator[str]:
    shares = (("tokens", week.sovereignty_by_tokens), ("successes", week.sovereignty_by_successes))
    told = [f"{percent(share)} by {what}" for what, share in shares if share is not None]
    if told:
        yield f"Home's part was {' and '.join(told)}."
    if week.all_cloud_cost_usd is not None:
        yield (
            f"BURST took {usd(week.cloud_cost_usd)}; for all of it, at its prices now and without "
            f"its cache, it would have taken {usd(week.all_cloud_cost_usd)}."
        )
    if week.tool_call_accuracy is not None:
        yield f"{percent(week.tool_call_accuracy)} of home's replies with calls fit their tools."
    if week.training_examples:
        yield f"{week.training_examples:,} exchanges were trained on."
    if week.gates_passed or week.gates_rejected:
        rejected = f", {week.gates_rejected} rejected" if week.gates_rejected else ""
        yield f"At the gate: {week.gates_passed} passed{rejected}."


def _columns(weeks: Sequence[Week]) -> tuple[Column, ...]:
    numbers = [(week_number(week.week), week) for week in weeks]
    last = numbers[-1][0] if numbers else 0
    recent = [(number, week) for number, week in numbers if number > last - SHOWN_WEEKS]
    if not recent:
        return ()
    first = recent[0][0]
    slots = max(_SLOTS, last - first + 1)
    return tuple(
        _column(week, number - first, last - number, slots)
        for number, week in recent
        if week.sovereignty_index is not None
    )


def _column(week: Week, position: int, age: int, slots: int) -> Column:
    """The column at `position` of `slots`, `age` weeks before the last."""
    slot = 100 / slots
    index = week.sovereignty_index or 0.0
    height = round(HEIGHT * index, 1)
    free = HEIGHT - height
    step = -(-slots // _LABELS)
    return Column(
        x=round(slot * (position + 0.14), 3),
        width=round(slot * 0.72, 3),
        middle=round(slot * (position + 0.5), 3),
        y=TOP + free,
        height=height,
        figure_y=TOP - 7 if free < 24 else TOP + free - 7,
        figure=percent(index) if slots <= _FIGURES else None,
        label=week.week[5:] if age % step == 0 else None,
        minor=slots > _LABELS and age % (2 * step) != 0,
        told=f"{week.week}: {percent(index)} at home, {week.requests:,} requests, "
        f"{usd(week.cloud_cost_usd) or 'unknown cost'}",
    )


def _row(week: Week) -> Row:
    rate = percent(week.correction_rate)
    return Row(
        week=week.week,
        home=percent(week.sovereignty_index),
        requests=count(week.requests),
        conversations=count(week.total_conversations),
        resting=count(week.local_8b_routed),
        active=count(week.local_14b_routed),
        burst=count(week.cloud_routed),
        cost=usd(week.cloud_cost_usd),
        cost_unknown=week.cost_unknown,
        success=percent(week.task_success),
        corrections=f"{week.corrections:,}" + (f" ({rate})" if rate and week.corrections else ""),
        adapters=week.adapters,
    )
