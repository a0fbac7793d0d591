"""`majordomo judge`: the command line of the judges, mounted by `gateway.cli`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.home import Home

app = typer.Typer(help="Judges: models that say what of the house's answers may train.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]


@app.command("run")
def judge_run(
    limit: Annotated[
        int, typer.Option(min=1, help="At most so many turns, pairs, steps and hints.")
    ] = 500,
    *,
    as_json: AsJson = False,
) -> None:
    """Ask the judges what they have not answered yet. Exit status 3: there is nothing to judge."""
    from gateway.commands.training import household
    from trainer.judges.commands import judge

    judge(**household(Home.locate()), limit=limit, as_json=as_json)


@app.command("status")
def judge_status(*, as_json: AsJson = False) -> None:
    """Say who may vote, who decides, and what the verdicts come to. Nobody is asked."""
    from gateway.commands.training import household
    from trainer.judges.commands import status

    status(**household(Home.locate()), as_json=as_json)


@app.command("calibrate")
def judge_calibrate(
    limit: Annotated[
        int | None, typer.Option(min=4, help="So many good turns, and as many damaged ones.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Put planted turns to every judge anew, as far as the store has others by now."""
    from gateway.commands.training import household
    from trainer.judges.commands import judge

    judge(**household(Home.locate()), limit=limit, calibrate_only=True, as_json=as_json)
