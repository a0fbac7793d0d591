"""`majordomo search`: exchanges found by the words in them and by what they ask.

The store is read directly, so this works whether or not a gateway runs; what no gateway has taken
in yet is taken in first. Where the settings name a model that embeds, it is asked for the
vector of what is looked for, and those of what is taken in here are left to the gateway.
"""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

from rich.text import Text

from capture.indexing import take_in
from capture.recall import Recall
from capture.sought import MARKS, Hit, NoMeaning, Nothing, Sought
from capture.store import Store, StoreError
from capture.store.rows import ExchangeSummary
from gateway.commands.console import console, fail, plain, say, say_json
from gateway.commands.household import redactor_of, settings_of
from gateway.home import Home
from gateway.upstreams.home_models import models_of


def search(home: Home, sought: Sought, *, as_json: bool) -> None:
    """Show what is found, the closest first."""
    settings = settings_of(home)
    redactor = redactor_of(home, settings)
    embedder = models_of(settings).embedder
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        with Recall.open(home.search, home.database, redactor.level, embedder) as recall:
            take_in(store, recall, redactor)
            found = recall.find(sought)
        rows = {row.id: row for row in store.summaries([hit.exchange for hit in found.hits])}
    except (Nothing, NoMeaning) as error:
        fail(str(error))
    except (sqlite3.Error, OSError) as error:
        fail(f"cannot search {home.search}: {error}")
    finally:
        store.close()
    shown = [(hit, rows[hit.exchange]) for hit in found.hits if hit.exchange in rows]
    if as_json:
        say_json({"data": [_as_json(hit, row) for hit, row in shown], "note": found.note})
        return
    if found.note is not None:
        console(error=True).print(plain(found.note), markup=False)
    if shown:
        for hit, row in shown:
            _show(hit, row)
    else:
        say("Nothing was found.")


def _as_json(hit: Hit, row: ExchangeSummary) -> dict[str, object]:
    excerpt = hit.excerpt.replace(MARKS[0], "**").replace(MARKS[1], "**")
    return {
        "exchange": asdict(row),
        "excerpt": excerpt,
        "held": hit.held,
        "alike": hit.alike,
        "distilled": None if hit.distilled is None else {**hit.distilled, "by": hit.distilled_by},
    }


def _show(hit: Hit, row: ExchangeSummary) -> None:
    about = [row.mode or "nobody", row.skill or "no skill", row.outcome or "unknown"]
    if hit.alike is not None:
        about.append(f"alike {hit.alike:.2f}")
    console().print(Text(row.id, style="bold"), Text(" · ".join(map(plain, about)), style="dim"))
    line = Text("  ")
    for number, piece in enumerate(hit.excerpt.replace(MARKS[1], MARKS[0]).split(MARKS[0])):
        words = " ".join(plain(piece).split("\n"))
        line.append(words, style="bold green" if number % 2 else "")
    console().print(line)
