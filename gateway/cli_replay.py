"""`majordomo replay` and `majordomo calibrate`: their command lines, mounted by `gateway.cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.home import Home

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]
Days = Annotated[float, typer.Option(min=0, help="What was asked in the last so many days.")]
Most = Annotated[
    int, typer.Option("-n", "--most", min=1, help="So many requests at most, the newest.")
]


def replay(
    rows: Annotated[
        Path | None,
        typer.Option(help="Recorded requests, a JSON object a line; this home's store when none."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="A settings file: the other policy. With --rows only its `max_quality_loss` "
            "counts; one point when none."
        ),
    ] = None,
    days: Days = 28.0,
    most: Most = 5_000,
    seed: Annotated[
        int, typer.Option(help="With --rows: of their order, and of what is drawn.")
    ] = 0,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="With --rows: so many times, seeds 0 to N - 1.")
    ] = None,
    feedback: Annotated[
        str,
        typer.Option(help="With --rows: what is learned from: `bandit`, `shadow:SHARE` or `full`."),
    ] = "bandit",
    *,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="With --rows: also the curve over cloud shares.")
    ] = False,
    juror: Annotated[bool, typer.Option(help="With --rows: let two local models compare.")] = True,
    reliability: Annotated[
        bool,
        typer.Option("--reliability", help="With --rows: how far probabilities came true."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What the last weeks would have come to under another policy; or recorded rows, met again."""
    if rows is None:
        from gateway.commands.replay_store import replay_store

        replay_store(Home.locate(), days, policy, most, as_json=as_json)
        return
    from gateway.commands.replay import Wanted, feedback_of, max_loss_of, replay_rows

    try:
        shadow = feedback_of(feedback)
    except ValueError:
        raise typer.BadParameter("give bandit, shadow:SHARE (0 to 1) or full") from None
    which = tuple(range(seeds)) if seeds is not None else (seed,)
    wanted = Wanted(which, shadow, juror, sweep, max_loss_of(policy), reliability)
    replay_rows(rows, wanted, as_json=as_json)


def calibrate(
    target: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT=FIGURE",
            help="`loss=1.0` (points against the cloud), `local-share=0.6` or `budget=5.00` ($ a "
            "week): the setting that is estimated to reach it.",
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="A settings file in place of this home's majordomo.yaml.")
    ] = None,
    days: Days = 28.0,
    most: Most = 5_000,
    *,
    show: Annotated[bool, typer.Option("--show", help="How far probabilities came true.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find the setting for a target in the last weeks, or show how far probabilities come true."""
    from gateway.commands.calibrate import calibrate as run
    from gateway.commands.calibrate import target_of
    from gateway.commands.reliability import show as shown

    if (target is None) != show:
        raise typer.BadParameter("give --target or --show")
    if target is None:
        shown(Home.locate(), days, most, as_json=as_json)
        return
    try:
        wanted = target_of(target)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    run(Home.locate(), wanted, policy, days, most, as_json=as_json)
