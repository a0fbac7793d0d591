"""`majordomo key create|list|revoke`: who may ask this home's gateway."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from gateway.commands.console import clean, console, fail, say, say_json, say_plainly, table
from gateway.home import Home
from gateway.keys import KeysError, create_key, load_keys, revoke_key
from gateway.own_key import NAME as OWN
from gateway.own_key import drop_own_key_if_last


def create(home: Home, name: str, *, as_json: bool) -> None:
    """Make a key and show it, this once."""
    home.create()
    try:
        first = not load_keys(home.keys)
        key = create_key(home.keys, name, now=time.time())
    except KeysError as error:
        fail(str(error))
    if as_json:
        say_json({"name": name, "key": key})
        return
    say_plainly(key)
    note = console(error=True)
    note.print("This is the only time it is shown; Majordomo keeps its hash.")
    note.print("Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.")
    if first:
        note.print("From now on every request to this gateway needs a key, on this machine too.")


def show(home: Home, *, as_json: bool) -> None:
    """List the keys by name and age."""
    try:
        entries = load_keys(home.keys)
    except KeysError as error:
        fail(str(error))
    if as_json:
        say_json([{"name": e.name, "created_at": e.created_at} for e in entries])
        return
    if not entries:
        say("No keys: the gateway answers whoever is on this machine, and listens to nobody else.")
        say("`majordomo key create NAME` makes one.")
        return
    rows = table("name", "created", "")
    for entry in entries:
        made = datetime.fromtimestamp(entry.created_at, UTC).astimezone()
        note = "this command line's own" if entry.name == OWN else ""
        rows.add_row(clean(entry.name), f"{made:%Y-%m-%d %H:%M}", note)
    console().print(rows)


def revoke(home: Home, name: str) -> None:
    """Take a key back."""
    try:
        revoke_key(home.keys, name)
        none_left = drop_own_key_if_last(home) or not load_keys(home.keys)
    except KeysError as error:
        fail(str(error))
    say(f"Revoked {clean(name)}. A running gateway refuses it within a second.")
    if none_left:
        say("No keys are left: the gateway answers whoever is on this machine.")
