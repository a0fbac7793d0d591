"""How far a long command has come: a bar on standard error where a person looks, else nothing."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")

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
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)

        def counted(things: Iterable[T]) -> Iterator[T]:
            number = 0
            for number, thing in enumerate(things, 1):
                yield thing
                if number % _EVERY == 0:
                    progress.update(task, completed=number)
            progress.update(task, completed=number if total is None else total)

        yield counted
