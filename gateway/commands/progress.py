"""How far something long has come: bars on standard error where a person looks, nothing elsewhere,
so that standard output holds the result alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")
Told = Callable[[str, int, int], None]
"""Hears what is being done, and how much of how much is done."""

_EVERY = 64
"""Things counted at a time: telling the bar of each would take longer than most of them."""


class Counter(Protocol):
    """Counts what goes through it."""

    def __call__(self, things: Iterable[T], /) -> Iterator[T]:
        """The same things."""
        ...


@contextmanager
def bar(what: str, total: int | None, *, shown: bool) -> Generator[Counter]:
    """A bar that a counter moves. `total` None: nobody knows how many there are. Nothing is drawn
    unless it is to be `shown` and standard error is a terminal."""
    if not shown or not sys.stderr.isatty():
        yield iter
        return
    with _drawn(MofNCompleteColumn(), TimeElapsedColumn()) as progress:
        task = progress.add_task(what, total=total)

        def counted(things: Iterable[T]) -> Iterator[T]:
            number = 0
            for number, thing in enumerate(things, 1):
                yield thing
                if number % _EVERY == 0:
                    progress.update(task, completed=number)
            progress.update(task, completed=number if total is None else total)

        yield counted


@contextmanager
def working(what: str) -> Generator[None]:
    """Says what is being done while nobody knows how far it is; where a person looks."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True).status(what):
        yield


@contextmanager
def bars() -> Generator[Told]:
    """Something to tell; a bar for each thing that is done."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _of: None
        return
    percent = TextColumn("{task.percentage:>3.0f}%")
    with _drawn(percent, TimeRemainingColumn()) as progress:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=of)
            progress.update(tasks[what], completed=done, total=of)

        yield told


def _drawn(*columns: ProgressColumn) -> Progress:
    """Bars with these columns behind them."""
    about = TextColumn("{task.description}")
    return Progress(about, BarColumn(), *columns, console=Console(stderr=True))
