"""`majordomo train now|history`. The gateway's command line calls these with plain values.

Exit statuses: 0 the cycle ended, whether or not its candidate passed the gate; 1 it failed, and why
is said; 3 there is nothing to train on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from capture.adapters import SkillFigure
from capture.provenance import Trust
from capture.redact import Redactor
from capture.soul import Soul
from capture.store.migrate import StoreError
from trainer import cycle
from trainer.backends import TrainingFailed
from trainer.build import NothingToTrain, waiting_clause
from trainer.children import ChildFailed
from trainer.files import Held
from trainer.household import Household, NoBase
from trainer.judges.settings import judging_of
from trainer.progress import shown
from trainer.records import CycleEnd, CycleFiles, cycles
from trainer.registry import RegistryError
from trainer.settings import TrainingSettings

PROBLEM, NOTHING = 1, 3
WIDE = 10_000
"""Columns assumed where no terminal says: lines that are piped are not folded."""


def household_of(
    *,
    home: Path,
    base: Path,
    base_name: str,
    house: bool,
    settings: Mapping[str, Any],
    redactor: Redactor,
    soul: Soul | None,
    trust: Trust,
    judges: Mapping[str, Any] | None = None,
) -> Household:
    """A household, of what the command line knows of it."""
    chosen = TrainingSettings(**settings)
    judging = None if judges is None else judging_of(**judges)
    return Household(
        home, base, base_name, house, chosen, redactor, trust, soul=soul, judges=judging
    )


def now(*, as_json: bool, again: bool, **given: Any) -> None:
    """Run one cycle and say how it ended."""
    household = household_of(**given)
    try:
        with shown() as watch:
            ended = cycle.run(household, watch, again=again)
    except NothingToTrain as error:
        fail(str(error), NOTHING, as_json=as_json)
    except Held as error:
        fail(f"a cycle is running already, in {error.who}", PROBLEM, as_json=as_json)
    except (NoBase, StoreError, ChildFailed, TrainingFailed, RegistryError, OSError) as error:
        fail(str(error), PROBLEM, as_json=as_json)
    if as_json:
        say_json(ended.model_dump(mode="json"))
    else:
        _show(ended)


def history(home: Path, *, as_json: bool) -> None:
    """List the cycles of this home, oldest first."""
    found = cycles(home / "training")
    if as_json:
        say_json([_described(files) for files in found])
        return
    if not found:
        out().print("There were no cycles yet. `majordomo train now` runs one.")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("cycle", "began (UTC)", "rows", "loss", "adapter", "verdict"):
        table.add_column(column, overflow="fold")
    for files in found:
        table.add_row(*map(escape, _line(files)))
    out().print(table)


def _described(files: CycleFiles) -> dict[str, Any]:
    ended, plan = files.ended(), files.plan()
    if ended is not None:
        forgotten = files.forgotten()
        gone = [] if forgotten is None else list(forgotten.exchanges)
        return ended.model_dump(mode="json") | {"forgotten": gone}
    assert plan is not None
    return {"id": plan.id, "state": "unfinished", "began_at": plan.began_at}


def _line(files: CycleFiles) -> tuple[str, ...]:
    ended, plan = files.ended(), files.plan()
    assert plan is not None
    began = f"{datetime.fromtimestamp(plan.began_at, UTC):%Y-%m-%d %H:%M}"
    if ended is None:
        return plan.id, began, "", "", "", "unfinished: `majordomo train now` goes on"
    rows = " + ".join(f"{count} {kind}" for kind, count in ended.rows.items() if kind != "held_out")
    if (forgotten := files.forgotten()) is not None:
        rows += f" ({len(forgotten.exchanges)} forgotten)"
    loss = "" if ended.loss is None else f"{ended.loss[0]:.2f} to {ended.loss[1]:.2f}"
    reasons = [ended.reason] if ended.reason else [*(ended.gate.reasons if ended.gate else ())]
    why = f": {'; '.join(reasons)}" if reasons else ""
    return plan.id, began, rows, loss, ended.adapter or "", f"{ended.state}{why}"


def _show(ended: CycleEnd) -> None:
    console = out()
    if ended.gate is not None:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in ("held-out requests of", "asked", "incumbent", "candidate"):
            table.add_column(column, overflow="fold")
        for figure in _summed(ended.gate.skills):
            counts = map(str, (figure.of, figure.incumbent, figure.candidate))
            table.add_row(escape(figure.skill), *counts)
        console.print(table)
        console.print(escape("; ".join(ended.gate.reasons)))
    word = "[green]promoted[/]: it answers from now on"
    if ended.state != "promoted":
        word = f"[yellow]{ended.state}[/]: {escape(ended.reason or 'kept, and not served')}"
    console.print(f"adapter [bold]{escape(ended.adapter or 'none')}[/] {word}")
    if ended.waiting:
        console.print(f"not trained on: {waiting_clause(ended.waiting)}")


def _summed(figures: tuple[SkillFigure, ...]) -> list[SkillFigure]:
    """Captured skills each for itself, and all base skills in one line."""
    base = [figure for figure in figures if figure.base_skill]
    summed = SkillFigure(
        skill="all base skills",
        of=sum(figure.of for figure in base),
        candidate=sum(figure.candidate for figure in base),
        incumbent=sum(figure.incumbent for figure in base),
        base_skill=True,
    )
    return [*(figure for figure in figures if not figure.base_skill), *([summed] if base else [])]


def fail(message: str, status: int, *, as_json: bool) -> NoReturn:
    """End the command, and say why."""
    if as_json:
        say_json({"state": "nothing" if status == NOTHING else "failed", "reason": message})
    Console(file=sys.stderr, highlight=False, soft_wrap=True).print(
        f"[red]majordomo:[/] {escape(message)}"
    )
    raise SystemExit(status)


def out() -> Console:
    """Standard output: wide where no terminal says how wide."""
    terminal = sys.stdout.isatty()
    width = None if terminal else WIDE
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=not terminal)


def say_json(value: object) -> None:
    """JSON for another program."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
    sys.stdout.flush()
