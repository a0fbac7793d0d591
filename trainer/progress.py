"""How the progress of a cycle, or of judging, is shown: bars on a terminal, plain lines elsewhere,
on standard error, so that standard output holds the result alone."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from trainer import backends

_TOLD = 10
"""Lines about questions to judges, of which there may be thousands."""


class Lines:
    """Plain lines, for logs and pipes."""

    def __init__(self) -> None:
        self._answered: dict[str, int] = {}

    def said(self, text: str) -> None:
        self._line(text)

    def trained(self, progress: backends.Progress, iters: int) -> None:
        what = "validation loss" if progress.validation else "loss"
        self._line(f"training {progress.iteration}/{iters}: {what} {progress.loss:.3f}")

    def answered(self, who: str, more: int, of: int) -> None:
        self._answered[who] = self._answered.get(who, 0) + more
        self._line(f"{who} answered {self._answered[who]}/{of}")

    def judged(self, what: str, more: int, of: int) -> None:
        before = self._answered.get(what, 0)
        self._answered[what] = before + more
        if before * _TOLD // of < (before + more) * _TOLD // of:
            self._line(f"{what} put to judges: {self._answered[what]}/{of}")

    def _line(self, text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


class Bars:
    """A bar for each step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def said(self, text: str) -> None:
        self._progress.console.print(escape(text))

    def trained(self, progress: backends.Progress, iters: int) -> None:
        bar = self._bar("training", iters)
        if not progress.validation:
            self._progress.update(
                bar, completed=progress.iteration, description=f"training, loss {progress.loss:.3f}"
            )

    def answered(self, who: str, more: int, of: int) -> None:
        self._progress.advance(self._bar(f"{who} answers", of), more)

    def judged(self, what: str, more: int, of: int) -> None:
        self._progress.advance(self._bar(f"{what} put to judges", of), more)

    def _bar(self, name: str, total: int) -> TaskID:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        return self._tasks[name]


@contextmanager
def shown() -> Generator[Lines | Bars]:
    """A watch that shows what it is told."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Elapsed())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield Bars(progress)
