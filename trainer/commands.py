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
from trainer.progress import shown
from trainer.records import CycleEnd, CycleFiles, cycles
from trainer.registry import RegistryError
from trainer.settings import TrainingSettings

PROBLEM, NOTHING = 1, 3
WIDE = 10_000
"""Columns assumed where no terminal says: lines that are piped are not folded."""


def now(
    *,
    home: Path,
    base: Path,
    base_name: str,
    house: bool,
    settings: Mapping[str, Any],
    redactor: Redactor,
    soul: Soul | None,
    trust: Trust,
    as_json: bool,
    again: bool,
) -> None:
    """Run one cycle and say how it ended."""
    chosen = TrainingSettings(**settings)
    household = Household(home, base, base_name, house, chosen, redactor, trust, soul=soul)
    try:
        with shown() as watch:
            ended = cycle.run(household, watch, again=again)
    except NothingToTrain as error:
        _fail(str(error), NOTHING, as_json=as_json)
    except Held as error:
        _fail(f"a cycle is running already, in {error.who}", PROBLEM, as_json=as_json)
    except (NoBase, StoreError, ChildFailed, TrainingFailed, RegistryError, OSError) as error:
        _fail(str(error), PROBLEM, as_json=as_json)
    if as_json:
        _say_json(ended.model_dump(mode="json"))
    else:
        _show(ended)


def history(home: Path, *, as_json: bool) -> None:
    """List the cycles of this home, oldest first."""
    found = cycles(home / "training")
    if as_json:
        _say_json([_described(files) for files in found])
        return
    if not found:
        _out().print("There were no cycles yet. `majordomo train now` runs one.")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("cycle", "began (UTC)", "rows", "loss", "adapter", "verdict"):
        table.add_column(column, overflow="fold")
    for files in found:
        table.add_row(*map(escape, _line(files)))
    _out().print(table)


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
    out = _out()
    if ended.gate is not None:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in ("held-out requests of", "asked", "incumbent", "candidate"):
            table.add_column(column, overflow="fold")
        for figure in _summed(ended.gate.skills):
            counts = map(str, (figure.of, figure.incumbent, figure.candidate))
            table.add_row(escape(figure.skill), *counts)
        out.print(table)
        out.print(escape("; ".join(ended.gate.reasons)))
    word = "[green]promoted[/]: it answers from now on"
    if ended.state != "promoted":
        word = f"[yellow]{ended.state}[/]: {escape(ended.reason or 'kept, and not served')}"
    out.print(f"adapter [bold]{escape(ended.adapter or 'none')}[/] {word}")
    if ended.waiting:
        out.print(f"not trained on: {waiting_clause(ended.waiting)}")


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


def _fail(message: str, status: int, *, as_json: bool) -> NoReturn:
    if as_json:
        _say_json({"state": "nothing" if status == NOTHING else "failed", "reason": message})
    Console(file=sys.stderr, highlight=False, soft_wrap=True).print(
        f"[red]majordomo:[/] {escape(message)}"
    )
    raise SystemExit(status)


def _out() -> Console:
    terminal = sys.stdout.isatty()
    width = None if terminal else WIDE
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=not terminal)


def _say_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
    sys.stdout.flush()
