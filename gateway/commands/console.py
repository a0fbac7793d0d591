"""What the commands print on, and how they fail.

Colour and tables where a person looks; plain lines where output is piped, so that it can be grepped
and tested. Text that came from outside is shown without control characters, which could rewrite
what the terminal shows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NoReturn

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from capture.ids import time_of

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
WIDE = 10_000
"""Columns assumed where no terminal says: lines that are piped are not folded."""


class Exit(IntEnum):
    """Exit statuses, beside 0 for all is well and 2 for a command line that makes no sense."""

    PROBLEM = 1
    NOT_RUNNING = 3


class Failure(Exception):
    """A command cannot do what was asked. Says why and what to do, in lines for people."""

    def __init__(self, message: str, *, status: Exit = Exit.PROBLEM) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def console(*, error: bool = False) -> Console:
    """A console on standard output, or on standard error."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def clean(text: object) -> str:
    """Text from outside: without control characters, and with nothing that rich would read as
    markup. Line ends and tabs stay."""
    return escape(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", str(text)))


def plain(text: object) -> str:
    """Text from outside for output that is not rich's."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def say(text: str = "") -> None:
    """One line of rich markup on standard output."""
    console().print(text)


def say_plainly(text: str) -> None:
    """Lines exactly as they are: for people to copy, or for another program."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def say_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """JSON for another program, indented, keys as they come."""
    say_plainly(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def exchange_id(text: str) -> str:
    """An exchange's id as people type it; ends the command when it is none."""
    wanted = text.strip().upper()
    try:
        time_of(wanted)
    except ValueError:
        fail(
            f"{text!r} is no exchange id: one has 26 letters and digits, and stands in the "
            "x-request-id header of every answer and on the page"
        )
    return wanted


def table(*columns: str) -> Table:
    """A quiet table: headings, a line under them, and the rows."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def fail(message: str, *, status: Exit = Exit.PROBLEM) -> NoReturn:
    """End the command."""
    raise Failure(message, status=status)
