"""`majordomo skills`: the command line of skills, mounted by `gateway.cli`."""

from __future__ import annotations

from typing import Annotated

import typer

from capture.exchange import Mode
from gateway.home import Home

app = typer.Typer(help="Skills: which there are, what came of them, their names and modes.")

Skill = Annotated[str, typer.Argument(help="A skill: its name, its key, or a pattern (`code*`).")]


@app.callback(invoke_without_command=True)
def _skills(
    ctx: typer.Context,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for another program.")
    ] = False,
) -> None:
    """List every skill that was asked for: how often, what came of it where, and its keys."""
    if ctx.invoked_subcommand is not None:
        return
    from gateway.commands.skills import skills

    skills(Home.locate(), as_json=as_json)


@app.command("rename")
def skills_rename(
    skill: Skill, name: Annotated[str, typer.Argument(help="What you call it.")]
) -> None:
    """Print the settings that give a skill a name; two skills of one name are one."""
    from gateway.commands.skills import rename

    rename(Home.locate(), skill, name)


@app.command("pin")
def skills_pin(
    skill: Skill, mode: Annotated[Mode, typer.Argument(help="The mode that answers it.")]
) -> None:
    """Print the settings that send a skill to one mode."""
    from gateway.commands.skills import pin

    pin(Home.locate(), skill, mode)
