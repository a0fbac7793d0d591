"""`majordomo forget ID`: the conversation of an exchange, gone everywhere.

The running gateway is asked, since only it may write. When none runs, the journal is taken as a
gateway takes it, so none can start meanwhile, and it is done here.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import typer
from pydantic import ValidationError

from capture.journal import JournalError
from capture.store import Store, StoreError
from capture.store.rows import Conversation
from gateway.alone import alone
from gateway.client import ClientTrouble, NotRunning, Refused, ask, running
from gateway.commands.console import clean, exchange_id, fail, say, say_json
from gateway.errors import GatewayError
from gateway.forgetting import Forgotten
from gateway.forgetting import forget as forget_everywhere
from gateway.home import Home
from gateway.keys import KeysError
from gateway.wire import ForgottenView

_SECONDS = 900.0
"""How long a large store may take to be written anew."""


def forget(home: Home, id: str, *, yes: bool, as_json: bool) -> None:
    """Forget it, after asking, and say what went and what is left."""
    wanted = exchange_id(id)
    if not yes:
        _confirm(home, wanted)
    gone = _by_gateway(home, wanted) if running(home) is not None else _here(home, wanted)
    if as_json:
        say_json(gone.model_dump(mode="json"))
    else:
        _show(home, gone)


def _confirm(home: Home, id: str) -> None:
    """Show what would go, and have it confirmed. Nothing was asked of the gateway yet."""
    if not sys.stdin.isatty():
        fail("this cannot be undone: add `--yes`")
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        found = store.conversation(id)
    finally:
        store.close()
    if found is None:
        fail(f"there is no exchange {id}")
    say(_described(found))
    if not typer.confirm("Forget it everywhere? This cannot be undone."):
        fail("nothing was forgotten")


def _described(found: Conversation) -> str:
    first, last = (
        datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
        for at in (found.began_at, found.last_at)
    )
    asked = f", beginning with “{clean(found.asked)}”" if found.asked else ""
    return f"{_some(len(found.exchanges), 'exchange')} from {first} to {last}{asked}"


def _some(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _by_gateway(home: Home, id: str) -> ForgottenView:
    try:
        said = ask(home, f"/v1/conversations/{id}", "DELETE", _SECONDS)
        return ForgottenView.model_validate(said)
    except NotRunning as error:
        fail(str(error))
    except Refused as error:
        fail(f"there is no exchange {id} to forget" if error.status == 404 else str(error))
    except (ClientTrouble, KeysError, ValidationError) as error:
        fail(str(error))


def _here(home: Home, id: str) -> ForgottenView:
    if not home.database.exists():
        fail(f"there is no {home.database}: nothing has been served")
    try:
        gone = asyncio.run(_alone(home, id))
    except GatewayError as error:
        fail(error.message)
    except (JournalError, StoreError, OSError) as error:
        fail(f"it cannot be forgotten now: {error}")
    if gone is None:
        fail(f"there is no exchange {id} to forget")
    return ForgottenView.model_validate(gone)


async def _alone(home: Home, id: str) -> Forgotten | None:
    """As a gateway would: take the journal, take in what it has, forget."""

    def unsearched(_: Sequence[str]) -> None:
        home.search.unlink(missing_ok=True)  # the next gateway makes it anew

    async with alone(home) as mine:
        return await forget_everywhere(home, mine.store, mine.ingester, id, (), unsearched)


def _show(home: Home, gone: ForgottenView) -> None:
    say(
        f"Forgotten: {_some(len(gone.exchanges), 'exchange')}, {_some(gone.messages, 'message')}, "
        f"{_some(gone.records, 'record')} of the journal."
    )
    if not gone.erased:
        say(
            "They are overwritten, but the store could not be written anew just now: what earlier "
            "changes left of them in its free space goes when something else is forgotten."
        )
    for copy in gone.copies:
        say(f"Removed {clean(home.root / copy)}, a copy of the store that held it.")
    for flagged in gone.datasets:
        say(f"Taken out of the dataset of cycle {clean(flagged.cycle)}.")
        if flagged.trained and flagged.adapter:
            say(
                f"Adapter {clean(flagged.adapter)} was trained on it and may still know it: "
                "`majordomo train now --again` makes one that was not."
            )
    for export in gone.exports:
        say(f"It is still in the export {clean(home.exports / export)}, which is yours.")
    say("Backups of before now still hold it.")
