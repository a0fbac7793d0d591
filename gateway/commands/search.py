"""`majordomo search`: exchanges found by the words in them and by what they ask.

The store is read directly, so this works whether or not a gateway runs; what no gateway has taken
in yet is taken in first.
"""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

from rich.text import Text

from capture.indexing import take_in
from capture.recall import Recall, no_meaning
from capture.sought import MARKS, Hit, NoMeaning, Nothing, Sought
from capture.store import Store, StoreError
from capture.store.rows import ExchangeSummary
from gateway.commands.console import console, fail, plain, say, say_json
from gateway.commands.household import redactor_of, settings_of
from gateway.home import Home


def search(home: Home, sought: Sought, *, as_json: bool) -> None:
    """Show what is found, the closest first."""
    redactor = redactor_of(home, settings_of(home))
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        with Recall.open(home.search, home.database, redactor.level) as recall:
            take_in(store, recall, redactor)
            hits = recall.find(sought)
        rows = {row.id: row for row in store.summaries([hit.exchange for hit in hits])}
    except (Nothing, NoMeaning) as error:
        fail(str(error))
    except (sqlite3.Error, OSError) as error:
        fail(f"cannot search {home.search}: {error}")
    finally:
        store.close()
    found = [(hit, rows[hit.exchange]) for hit in hits if hit.exchange in rows]
    note = None if sought.by == "words" else no_meaning()
    if as_json:
        say_json({"data": [_as_json(hit, row) for hit, row in found], "note": note})
        return
    if note is not None:
        console(error=True).print(note)
    if found:
        for hit, row in found:
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
        "distilled": hit.distilled,
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
