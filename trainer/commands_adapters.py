"""`majordomo adapters list|show|promote|rollback`: which adapters there are, and which is live.

Mounted by the gateway's command line, whose context's `obj` is the home's directory. What is
written here goes through `trainer.registry`; a running gateway follows the pointer by itself.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:  # the command line starts without them
    from rich.console import Console

    from capture.adapters import Adapter, GateResult, Pointer

BASE = "base"
"""Stands for no adapter at all, where an id is asked for."""

app = typer.Typer(help="LoRA adapters: which there are, and which one is live.")


def _ids(ctx: typer.Context, incomplete: str) -> list[str]:
    """For a shell that completes an adapter's id, and where it may stand, the base's name."""
    from capture.adapters import is_adapter_id

    root = ctx.find_root()
    if root.obj is None and root.command.callback is not None:  # completing runs no callback
        root.invoke(root.command.callback, **root.params)
    directory = _directory(ctx)
    found = [entry.name for entry in directory.iterdir()] if directory.is_dir() else []
    ids = sorted(name for name in found if is_adapter_id(name))
    ids += [BASE] if ctx.info_name == "promote" else []
    return [name for name in ids if name.startswith(incomplete)]


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]


@app.command("list")
def list_(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List the adapters, oldest first; the one that is live is marked."""
    from capture.adapters import read_adapters, read_pointer

    directory = _directory(ctx)
    pointer, adapters = read_pointer(directory), read_adapters(directory)
    if as_json:
        shown = [_summary(adapter, pointer) for adapter in adapters]
        _say_json({**_live(pointer), "past": pointer.past, "adapters": shown})
        return
    if not adapters:
        _out().print("There are no adapters yet.")
    else:
        _out().print(_table(adapters, pointer))
    _out().print(_standing(pointer))


@app.command()
def show(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(help="An adapter's id.", autocompletion=_ids)],
    *,
    as_json: AsJson = False,
) -> None:
    """Show what one adapter was made of, and what the gate said of it."""
    from capture.adapters import read_adapter, read_pointer

    directory = _directory(ctx)
    adapter = read_adapter(directory, id)
    if adapter is None:
        _fail(f"there is no adapter {id!r} in {directory} whose files verify")
    pointer = read_pointer(directory)
    if as_json:
        gate = None if adapter.gate is None else adapter.gate.model_dump(mode="json")
        manifest = adapter.manifest.model_dump(mode="json")
        _say_json({"live": pointer.adapter == id, "manifest": manifest, "gate": gate})
        return
    _show(adapter, pointer)


@app.command()
def promote(
    ctx: typer.Context,
    id: Annotated[
        str, typer.Argument(help="An adapter's id; `base` for the base alone.", autocompletion=_ids)
    ],
    *,
    ungated: Annotated[
        bool, typer.Option("--ungated", help="Even if the gate has not passed it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make an adapter live. A running gateway takes it up without dropping a reply."""
    from trainer.registry import RegistryError, promote

    try:
        pointer = promote(_directory(ctx), None if id == BASE else id, "user", ungated=ungated)
    except RegistryError as error:
        hint = "" if ungated or "gate" not in str(error) else "; `--ungated` makes it live anyway"
        _fail(f"{error}{hint}")
    except OSError as error:
        _fail(f"the adapters cannot be written: {error}")
    _told(pointer, as_json=as_json)


@app.command()
def rollback(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Go back to what was live before."""
    from trainer.registry import RegistryError, rollback

    try:
        pointer = rollback(_directory(ctx))
    except RegistryError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"the adapters cannot be written: {error}")
    _told(pointer, as_json=as_json)


def _directory(ctx: typer.Context) -> Path:
    home = ctx.find_root().obj
    if not isinstance(home, Path):
        raise TypeError("the command line that mounts this puts the home's path into `obj`")
    return home / "adapters"


def _told(pointer: Pointer, *, as_json: bool) -> None:
    if as_json:
        _say_json(_live(pointer))
        return
    _out().print(_standing(pointer))
    _out().print("A running gateway takes it up within seconds: `majordomo status` says when.")


def _standing(pointer: Pointer) -> str:
    if pointer.adapter is None and pointer.by == "nobody":
        return "The base answers alone: no adapter was ever made live."
    who = "The base alone" if pointer.adapter is None else f"Adapter {_clean(pointer.adapter)}"
    return f"{who} is live since {_moment(pointer.since)}, by {_clean(pointer.by)}."


def _live(pointer: Pointer) -> dict[str, Any]:
    since = pointer.since if pointer.by != "nobody" else None
    return {"incumbent": pointer.adapter, "since": since, "by": pointer.by}


def _summary(adapter: Adapter, pointer: Pointer) -> dict[str, Any]:
    manifest = adapter.manifest
    return {
        "id": adapter.id,
        "live": adapter.id == pointer.adapter,
        "created_at": manifest.created_at,
        "base": manifest.base,
        "base_sha256": manifest.base_sha256,
        "parent": manifest.parent,
        "exchanges": len(manifest.dataset_exchanges),
        "passed": None if adapter.gate is None else adapter.gate.passed,
        "reasons": [] if adapter.gate is None else list(adapter.gate.reasons),
    }


def _table(adapters: list[Adapter], pointer: Pointer) -> Any:
    rows = _quiet("", "adapter", "made", "base", "trained on", "gate")
    for adapter in adapters:
        manifest = adapter.manifest
        rows.add_row(
            "live" if adapter.id == pointer.adapter else "",
            _clean(adapter.id),
            _moment(manifest.created_at),
            _clean(manifest.base),
            f"{len(manifest.dataset_exchanges)} exchanges",
            _verdict(adapter.gate),
        )
    return rows


def _verdict(gate: GateResult | None) -> str:
    if gate is None:
        return "not judged"
    return "passed" if gate.passed else "rejected"


def _show(adapter: Adapter, pointer: Pointer) -> None:
    manifest, out = adapter.manifest, _out()
    out.print(f"[bold]{_clean(adapter.id)}[/]{', live' if adapter.id == pointer.adapter else ''}")
    settings = ", ".join(f"{name} {value}" for name, value in manifest.settings.items())
    losses = manifest.val_losses or manifest.losses
    facts = {
        "made": _moment(manifest.created_at),
        "base": f"{manifest.base} ({manifest.base_sha256[:12]})",
        "parent": manifest.parent or "none: trained from the base",
        "dataset": f"{len(manifest.dataset_exchanges)} exchanges ({manifest.dataset_sha256[:12]})",
        "settings": settings or "unknown",
        "loss": f"{losses[0][1]:.3f} to {losses[-1][1]:.3f}" if losses else "unknown",
        "took": "unknown" if manifest.seconds is None else f"{manifest.seconds:.0f} s",
        "files": str(adapter.path),
    }
    rows = _quiet("", "")
    for name, value in facts.items():
        rows.add_row(name, _clean(value))
    out.print(rows)
    _show_gate(adapter.gate)


def _show_gate(gate: GateResult | None) -> None:
    out = _out()
    if gate is None:
        out.print("No gate has judged it.")
        return
    against = "the base alone" if gate.incumbent is None else f"adapter {_clean(gate.incumbent)}"
    out.print(f"The gate {_verdict(gate)} it on {_moment(gate.at)}, against {against}:")
    for reason in gate.reasons:
        out.print(f"  {_clean(reason)}")
    rows = _quiet("skill", "held out", "candidate", "incumbent")
    for figure in gate.skills:
        skill = _clean(figure.skill) + (" (base)" if figure.base_skill else "")
        rows.add_row(skill, str(figure.of), str(figure.candidate), str(figure.incumbent))
    out.print(rows)


def _out(*, error: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else 10_000  # piped lines are not folded
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def _quiet(*columns: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=any(columns))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def _say_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _fail(message: str) -> NoReturn:
    _out(error=True).print(f"[red]majordomo:[/] {_clean(message)}")
    raise typer.Exit(1)


def _clean(text: str) -> str:
    """Text from files: nothing that rewrites a terminal, nothing rich reads as markup."""
    from rich.markup import escape

    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def _moment(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):  # a manifest may hold any number
        return "an unknown time"
