"""Runs `majordomo` inside the test's own process, as a user would type it."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main

from gateway.cli import main
from gateway.home import Home

_tree = functools.cache(typer.main.get_command)
"""Typer reads the signatures of all our commands anew at every call, a twentieth of a second that
a process of its own pays once."""


@dataclass(frozen=True)
class Ran:
    """How one command ended."""

    status: int
    out: str
    err: str


class Majordomo:
    """The command, with a home of its own."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.home = Home(home)
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setenv("MAJORDOMO_HOME", str(home))
        monkeypatch.delenv("MAJORDOMO_API_KEY", raising=False)

    def __call__(self, *arguments: str) -> Ran:
        """Run it with these arguments."""
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["majordomo", *arguments])
        self._monkeypatch.setattr(typer.main, "get_command", _tree)
        self._monkeypatch.setattr(typer.main, "get_command", _tree)
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = self._capsys.readouterr()
        return Ran(status, out, err)
