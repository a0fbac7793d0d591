"""Looks a home over from the machine up, and mends what can be mended without asking.

`examine` gathers what the checks say; `mend` does the three things that are safe: make missing
directories, take others' access away, write the schema file. Nothing else is ever changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gateway.checks import household, integrity, machine, network
from gateway.checks.result import Check
from gateway.home import Home, replace_private
from gateway.schema_gen import shipped_schema
from gateway.upstreams.house_model import HOUSE_MODEL_DIR


def examine(home: Home, *, ask: bool = False, deep: bool = False) -> tuple[Check, ...]:
    """Every check, from the ground up. Changes nothing; `ask` sends each mode a tiny request,
    `deep` reads the store and the journal whole."""
    loaded, said_of_settings = household.settings(home)
    settings = None if loaded is None else loaded.settings
    found = [machine.python(), *machine.names(), *household.modes(home)]
    if not home.root.is_dir():
        return tuple(found)
    books, said_of_books = household.books(home)
    found += [machine.disk(home.root), machine.clock(books.newest)]
    found += [*said_of_settings, *household.schema(home), *household.keys(home, settings)]
    found += said_of_books
    if deep:
        found += integrity.store(home)
        found += integrity.journal(home)
    if settings is None:
        return tuple(found)
    found += network.port(home, settings)
    found += asyncio.run(network.upstreams(settings))
    used = any(upstream.kind == "house" for upstream in settings.upstreams.values())
    found += machine.house_model(HOUSE_MODEL_DIR, used=used)
    if used:
        found += machine.adapter(home.adapters, HOUSE_MODEL_DIR)
    found += network.contexts(settings)
    if ask:
        found += asyncio.run(network.asked(home, settings))
        found += network.embedded(settings)
    return tuple(found)


def mend(home: Home, found: Sequence[Check]) -> tuple[Check, ...]:
    """Mend what `--fix` can; the same checks, those mended marked as such."""
    if any(check.fixable and check.subject == "home" for check in found):
        home.mend()
    if any(check.fixable and check.subject == "schema" for check in found):
        replace_private(home.schema, shipped_schema().encode())
    return tuple(
        replace(check, state="mended", remedy=None) if check.fixable else check for check in found
    )


def is_well(found: Sequence[Check]) -> bool:
    """No check found a problem that is still there."""
    return all(check.state != "problem" for check in found)
