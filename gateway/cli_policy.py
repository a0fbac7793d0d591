"""`majordomo policy`: the command line of the escalation policy, mounted by `gateway.cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.home import Home

app = typer.Typer(help="The escalation policy: read aloud, tested, and compared with another.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]


@app.command("explain")
def policy_explain(
    file: Annotated[
        Path | None, typer.Argument(help="A settings file; this home's majordomo.yaml when none.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Read the escalation policy aloud, in the order in which things are decided."""
    from gateway.commands.policy import explain

    explain(file or Home.locate().settings, as_json=as_json)


@app.command("test")
def policy_test(
    file: Annotated[
        Path | None, typer.Argument(help="Cases: requests, each with where it is to go.")
    ] = None,
    request: Annotated[
        str | None, typer.Option(metavar="JSON", help="One request body instead.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="The settings; this home's majordomo.yaml when none.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say which way requests would go; exit status 1 when one goes where it should not."""
    from gateway.commands.policy import test

    home = Home.locate()
    test(home, settings or home.settings, file, request, as_json=as_json)


@app.command("diff")
def policy_diff(
    old: Annotated[Path, typer.Argument(help="A settings file.")],
    new: Annotated[Path, typer.Argument(help="Another.")],
    days: Annotated[
        float, typer.Option(min=0, help="Decide anew what was asked in the last so many days.")
    ] = 7.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what changes between two policies, and which recorded requests would go elsewhere."""
    from gateway.commands.policy_diff import diff

    diff(Home.locate(), old, new, days, as_json=as_json)
