"""The command `majordomo`. Each command's work is in `gateway.commands`, imported when it runs.

Exit statuses: 0 all is well; 1 something is wrong, and said; 2 the command line makes no sense;
3 the gateway is not running.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from capture.exchange import Mode
from gateway.cli_judge import app as judge_app
from gateway.cli_policy import app as policy_app
from gateway.cli_replay import calibrate, replay
from gateway.cli_skills import app as skills_app
from gateway.home import Home
from gateway.interpreter import importing
from trainer.commands_adapters import app as adapters_app

app = typer.Typer(
    name="majordomo",
    help="Keeps a household's intelligence at home: an OpenAI-compatible gateway between agents "
    "and models, local ones first, Claude for the rest.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="The settings: checked, as they count, and their schema.")
key_app = typer.Typer(help="API keys: who may ask this gateway.")
train_app = typer.Typer(help="Training: make the local model better by what the house saw.")
app.add_typer(config_app, name="config", no_args_is_help=True)
app.add_typer(key_app, name="key", no_args_is_help=True)
app.add_typer(train_app, name="train", no_args_is_help=True)
app.add_typer(adapters_app, name="adapters", no_args_is_help=True)
app.add_typer(policy_app, name="policy", no_args_is_help=True)
app.add_typer(skills_app, name="skills")
app.add_typer(judge_app, name="judge", no_args_is_help=True)

Host = Annotated[str | None, typer.Option(help="Address to listen on, for this run.")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port to listen on, for this run; 0: any.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]
File = Annotated[
    Path | None, typer.Argument(help="A settings file; this home's majordomo.yaml when none.")
]


def _version(wanted: bool) -> None:
    if wanted:
        from gateway.version import VERSION

        typer.echo(f"majordomo {VERSION}")
        raise typer.Exit


@app.callback()
def _top(
    ctx: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001  # its callback acts
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """MAJORDOMO_HOME names the home directory; without it that is ~/.majordomo."""
    ctx.obj = Home.locate().root  # what the trainer's commands are given


@app.command()
def up(
    host: Host = None,
    port: Port = None,
    *,
    self_test: Annotated[bool, typer.Option(help="Prove it by one real completion.")] = True,
) -> None:
    """Find models, write majordomo.yaml if there is none, serve, and say what to paste where."""
    with importing():
        from gateway.commands.up import up as run

    run(Home.locate(), host, port, self_test=self_test)


@app.command()
def serve(host: Host = None, port: Port = None) -> None:
    """Only serve, with the settings there are: for service managers."""
    with importing():
        from gateway.commands.serve import serve as run

    run(Home.locate(), host, port)


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """How the running gateway does."""
    from gateway.commands.status import status as run

    run(Home.locate(), as_json=as_json)


@app.command()
def doctor(
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended safely.")] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Send each upstream one tiny request; Claude's costs.")
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read all of the store and the journal: seconds a GB.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong, and say what to do about it."""
    from gateway.commands.doctor import doctor as run

    run(Home.locate(), fix=fix, ask=ask, deep=deep, as_json=as_json)


@app.command()
def explain(
    id: Annotated[str, typer.Argument(help="An exchange: its x-request-id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Who answered one exchange, and why."""
    from gateway.commands.explain import explain as run

    run(Home.locate(), id, as_json=as_json)


@app.command()
def feedback(
    id: Annotated[str, typer.Argument(help="An exchange: its x-request-id.")],
    *,
    good: Annotated[bool, typer.Option("--good", help="The reply was good.")] = False,
    bad: Annotated[bool, typer.Option("--bad", help="The reply was bad.")] = False,
    value: Annotated[
        float | None, typer.Option(min=0, max=1, help="How good it was, 0 (bad) to 1 (good).")
    ] = None,
    comment: Annotated[str | None, typer.Option(help="What there is to say about it.")] = None,
    demonstration: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The reply it should have been; `-` reads it."),
    ] = None,
    train: Annotated[
        bool | None,
        typer.Option(
            "--train/--no-train", help="It may train; or it never may.", show_default=False
        ),
    ] = None,
    conversation: Annotated[
        bool, typer.Option("--conversation", help="Speak of the conversation it is in.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List what was said.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what an answer was worth, or what it should have been."""
    from gateway.commands.feedback import Said
    from gateway.commands.feedback import feedback as run

    if good + bad + (value is not None) > 1:
        raise typer.BadParameter("give one of --good, --bad and --value")
    said = Said(True if good else False if bad else value, comment, demonstration, train)
    run(Home.locate(), id, said, of_conversation=conversation, listed=listed, as_json=as_json)


@app.command()
def logs(
    *,
    lines: Annotated[
        int, typer.Option("-n", "--lines", min=0, help="How many to begin with.")
    ] = 50,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as they come.")] = False,
    as_json: AsJson = False,
) -> None:
    """The gateway's own log."""
    from gateway.commands.logs import logs as run

    run(Home.locate(), lines=lines, follow=follow, as_json=as_json)


@app.command()
def weekly(
    *,
    metrics: Annotated[
        bool,
        typer.Option(
            "--metrics", help="Only the sovereignty metrics, one JSON object per line and week."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Each week's sovereignty index, cost and success."""
    from gateway.commands.weekly import weekly as run

    run(Home.locate(), as_json=as_json, metrics=metrics)


app.command("replay")(replay)
app.command("calibrate")(calibrate)


@app.command()
def search(
    words: Annotated[
        list[str], typer.Argument(help="What to look for; `wor*` and `-word` work, too.")
    ],
    skill: Annotated[str | None, typer.Option(help="Only of this skill.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Only answered in this mode.")] = None,
    outcome: Annotated[
        Literal["success", "failure", "unknown"] | None,
        typer.Option(help="Only with this outcome."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="From this day or time on (UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Before this day or time (UTC).")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000)] = 20,
    adapter: Annotated[str | None, typer.Option(help="Only answered with this adapter.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag of the client's.")] = None,
    by: Annotated[
        Literal["both", "words", "meaning"],
        typer.Option(help="What holds all the words, what asks alike, or both."),
    ] = "both",
    *,
    as_json: AsJson = False,
) -> None:
    """Find exchanges by the words in them and by what they ask, the closest first."""
    from capture.sought import Sought
    from gateway.commands.export import moment
    from gateway.commands.search import search as run

    from_, before = moment(since, "--since"), moment(until, "--until")
    # what a person quotes for the shell belongs together
    typed = " ".join(f'"{word}"' if " " in word else word for word in words)
    sought = Sought(typed, skill, mode, outcome, from_, before, limit, adapter, tag, by)
    run(Home.locate(), sought, as_json=as_json)


@app.command()
def export(
    format: Annotated[
        Literal[
            "chat", "sharegpt", "openai", "preference", "rewards", "hindsight", "parquet", "atropos"
        ],
        typer.Option(help="What kind of rows, and for whom: docs/exports.md has each."),
    ],
    out: Annotated[
        str, typer.Option(help="A directory; `-` prints the rows. HOME/exports/FORMAT when none.")
    ] = "",
    outcome: Annotated[
        Literal["success", "failure", "unknown"] | None,
        typer.Option(help="Only turns with this outcome."),
    ] = None,
    mode: Annotated[Mode | None, typer.Option(help="Only turns answered in this mode.")] = None,
    skill: Annotated[str | None, typer.Option(help="Only turns of this skill.")] = None,
    since: Annotated[str | None, typer.Option(help="From this day or time on (UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Before this day or time (UTC).")] = None,
    trust: Annotated[
        Literal["any", "trusted", "approved"],
        typer.Option(help="What nothing holds; of that what you approved; or all (docs/trust.md)."),
    ] = "trusted",
    *,
    private: Annotated[
        bool, typer.Option("--private", help="Also what never leaves home.")
    ] = False,
    compress_to: Annotated[
        int | None,
        typer.Option(help="Most tokens of a row; a summary stands for its middle.", min=256),
    ] = None,
    summarise_with: Annotated[
        Literal["resting", "active"] | None,
        typer.Option(help="The local model that writes summaries; extracted when none."),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="A model's directory, to count its tokens; an estimate when none."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write what was asked and answered as training data, with a manifest."""
    from capture.exports import Format
    from gateway.commands.export import Chosen
    from gateway.commands.export import export as run

    chosen = Chosen(
        Format(format),
        outcome,
        mode,
        skill,
        since,
        until,
        private,
        trust=trust,
        compress_to=compress_to,
        summarise_with=summarise_with,
        tokenizer=tokenizer,
    )
    run(Home.locate(), chosen, out, as_json=as_json)


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="What another program recorded.")],
    format: Annotated[
        Literal[
            "claude-api",
            "claude-export",
            "claude-code",
            "hermes-state",
            "trajectories",
            "openclaw",
            "litellm",
            "helicone",
            "openai",
        ]
        | None,
        typer.Option(help="Whose file it is; found out when none is named."),
    ] = None,
    mode: Annotated[
        Mode | None,
        typer.Option(help="What the replies are: `burst` train. By the models' names when none."),
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take in what other programs recorded: Claude, Hermes, OpenClaw, LiteLLM, Helicone, OpenAI."""
    from capture.imports import Format
    from gateway.commands.imports import Chosen
    from gateway.commands.imports import run as run_

    chosen = Chosen(None if format is None else Format(format), mode, dry_run)
    run_(Home.locate(), files, chosen, as_json=as_json)


@app.command()
def review(
    *,
    listed: Annotated[bool, typer.Option("--list", help="Only list what waits.")] = False,
    approve: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This exchange may train. Repeatable.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This one never may. Repeatable.")
    ] = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=1, max=200, help="The newest so many.")
    ] = 50,
    as_json: AsJson = False,
) -> None:
    """Say of what waits for a person whether it may train."""
    from gateway.commands.review import Words
    from gateway.commands.review import review as run

    words = Words(tuple(approve or ()), tuple(reject or ()))
    run(Home.locate(), words, limit, listed=listed, as_json=as_json)


@app.command()
def backup(
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write; majordomo-DATE-TIME.tar.gz here when none."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write this home into one file: store, journal, adapters, settings, skills, memories."""
    from gateway.commands.backup import backup as run

    run(Home.locate(), out, as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `majordomo backup` wrote.")],
    into: Annotated[
        Path | None, typer.Option(help="Where the home is to be; this home when none.")
    ] = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="Only verify it.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Move a home that is there aside.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a home from a backup, once all of it is verified: hashes, counts, the store."""
    from gateway.commands.restore import restore as run

    run(Home.locate(), file, into, check=check, force=force, as_json=as_json)


@app.command()
def forget(
    id: Annotated[str, typer.Argument(help="An exchange of it: its x-request-id.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget a conversation everywhere: journal, store, training data. Not to be undone."""
    from gateway.commands.forget import forget as run

    run(Home.locate(), id, yes=yes, as_json=as_json)


@train_app.command("now")
def train_now(
    *,
    again: Annotated[bool, typer.Option("--again", help="Also when nothing is new.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run one cycle: curate, train, judge, and promote what is better. Exit status 3: there is
    nothing to train on."""
    from gateway.commands.training import household
    from trainer.commands import now as run

    run(**household(Home.locate()), again=again, as_json=as_json)


@train_app.command("history")
def train_history(*, as_json: AsJson = False) -> None:
    """List the cycles there were, and how each ended."""
    from trainer.commands import history as run

    run(Home.locate().root, as_json=as_json)


@config_app.command("check")
def config_check(file: File = None, *, as_json: AsJson = False) -> None:
    """Say whether the settings are right: every fault, with its line and column."""
    from gateway.commands.config import check

    check(file or Home.locate().settings, as_json=as_json)


@config_app.command("show")
def config_show(file: File = None, *, as_json: AsJson = False) -> None:
    """Print all settings as they count, defaults filled in."""
    from gateway.commands.config import show

    show(file or Home.locate().settings, as_json=as_json)


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON schema of majordomo.yaml."""
    from gateway.commands.config import schema

    schema()


@key_app.command("create")
def key_create(
    name: Annotated[str, typer.Argument(help="What to call it, as in `hermes`.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, this once."""
    from gateway.commands.key import create

    create(Home.locate(), name, as_json=as_json)


@key_app.command("list")
def key_list(*, as_json: AsJson = False) -> None:
    """List the keys by name and age."""
    from gateway.commands.key import show

    show(Home.locate(), as_json=as_json)


@key_app.command("revoke")
def key_revoke(name: Annotated[str, typer.Argument(help="Which key.")]) -> None:
    """Take a key back."""
    from gateway.commands.key import revoke

    revoke(Home.locate(), name)


def main() -> None:
    """Run the command line; a command that fails says why in a line or two, without a traceback."""
    from gateway.commands.console import Failure, clean, console

    try:
        app()
    except Failure as failure:
        console(error=True).print(f"[red]majordomo:[/] {clean(failure.message)}")
        raise SystemExit(int(failure.status)) from None
    except BrokenPipeError:
        raise SystemExit(0) from None  # whoever read our output has seen enough
