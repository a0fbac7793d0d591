"""`majordomo weekly`: the sovereignty index and its companions, per week.

The store is read directly, so this works whether or not a gateway runs.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

import orjson

from capture.store import Store, StoreError
from capture.weekly import Week
from gateway.commands.console import clean, console, fail, say, say_json, table
from gateway.commands.household import settings_of
from gateway.home import Home
from gateway.weeks import weeks_of

BAR = 20
"""Characters of a full bar."""


METRICS = (
    "week",
    "total_conversations",
    "cloud_routed",
    "local_14b_routed",
    "local_8b_routed",
    "cloud_percentage",
    "cloud_cost_usd",
    "cloud_cost_prev_week",
    "sovereignty_index",
)
"""Fields of the plan's `sovereignty_metrics.jsonl`, in its order."""


def weekly(home: Home, *, as_json: bool, metrics: bool = False) -> None:
    """Show every week with a request in it, oldest first; with `metrics` as the lines of the plan's
    `sovereignty_metrics.jsonl`."""
    settings = settings_of(home)
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        weeks = weeks_of(store, home, settings)
    finally:
        store.close()
    if metrics:
        for week in weeks:
            line = {name: getattr(week, name) for name in METRICS}
            sys.stdout.write(orjson.dumps(line).decode() + "\n")
    elif as_json:
        say_json({"weeks": [asdict(week) for week in weeks]})
    elif weeks:
        _show(weeks)
    else:
        say("Nothing has been asked yet.")


def _show(weeks: tuple[Week, ...]) -> None:
    block = "\N{FULL BLOCK}" if console().encoding.lower().startswith("utf") else "#"
    rows = table(
        "week",
        "answered at home",
        "",
        "requests",
        "BURST",
        "cost",
        "all cloud",
        "success",
        "corrected",
    )
    rows.add_column("adapters", overflow="fold")
    for week in weeks:
        rows.add_row(
            week.week,
            f"[green]{bar(week.sovereignty_index, block)}[/]",
            share(week.sovereignty_index),
            f"{week.requests:,}",
            f"{week.cloud_routed:,}",
            cost(week),
            "unknown" if week.all_cloud_cost_usd is None else f"${week.all_cloud_cost_usd:,.2f}",
            share(week.task_success),
            f"{week.corrections:,}",
            clean(", ".join(week.adapters) or "none"),
        )
    for column in rows.columns[2:-1]:
        column.justify = "right"
    console().print(rows)


def bar(part: float | None, block: str) -> str:
    """A share as a bar; only all is a whole one, and only nothing is none."""
    if not part:
        return ""
    return block * (BAR if part == 1 else min(BAR - 1, max(1, round(part * BAR))))


def share(part: float | None) -> str:
    """A share in whole per cent."""
    return "unknown" if part is None else f"{part:.0%}"


def cost(week: Week) -> str:
    """US dollars, and how many costs nobody knows."""
    if week.cloud_cost_usd is None:
        return "unknown"
    return f"${week.cloud_cost_usd:,.2f}" + (
        f" + {week.cost_unknown} unknown" if week.cost_unknown else ""
    )
