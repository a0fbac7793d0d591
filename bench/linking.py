"""What linking costs: CPU microseconds for the last turn of a long conversation, in a large store.

    python -m bench.linking [--stored 1000000] [--messages 100]

The store is filled with exchanges of other conversations, written straight into its tables; the
measured conversations come through journal and ingest like any. `cold`: by a process that has read
nothing yet; `warm`: as a conversation goes on; `alone`: the same in a transaction for each, as it
is while nobody else asks anything. `rewritten`: its client changed what came before, so that only
the fallbacks find it. `limit` is what the design allows.

Every round links with a linker of its own, so that nothing it measures was linked by it before.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from capture.ids import first_id, new_id
from capture.linking import Linker
from capture.store import Store
from capture.store.links import Links
from tests.support.journals import begin, capturing, end

LIMIT_US = 300.0
TALKS = 40
ROUNDS = 5
FILL = """
INSERT INTO exchanges (id, epoch, began_at, path, key, alias, stream, private, config_generation,
  headers, decision, tools, asked, request_bytes, request_messages, status, attempts, notes, called,
  reply_messages)
VALUES (?, 'e', ?, '/v1/chat/completions', 'laptop', 'auto', 0, 0, 1, '{}', '{}', '["ls"]',
  'lorem ipsum', 500, ?, 'ok', 1, '[]', '[]', ?)
"""
_TURN = (
    "INSERT INTO turns (exchange_id, conversation, continues, tail, spot) VALUES (?, ?, ?, ?, ?)"
)
_CALL = "INSERT INTO tool_calls VALUES (?, 0, ?, 'ls', '{}')"


def main() -> None:
    """Fill, link, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.linking", description=__doc__)
    parser.add_argument("--stored", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        Store.open(home / "majordomo.db").close()
        fill(home / "majordomo.db", options.stored)
        plain = talks(home, options.messages, rewritten=False)
        rewritten = talks(home, options.messages, rewritten=True)
        store = Store.open(home / "majordomo.db")
        gc.freeze()  # these two as the gateway does once it has started
        gc.set_threshold(10_000, 20, 20)
        print(f"{options.stored:,} exchanges stored; the last turn of conversations of "
              f"{options.messages} messages, CPU us (limit {LIMIT_US:g})")  # fmt: skip
        for name, ids in (("as it was", plain), ("rewritten", rewritten)):
            cold, warm, alone = link(store, ids)
            print(f"  {name:<10} cold {cold:6.0f}   warm {warm:6.0f}   alone {alone:6.0f}")
        store.close()


def fill(path: Path, stored: int) -> None:
    """Exchanges of other conversations, four turns each."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        ids = [f"{first_id(1_700_000_000 + number)[:16]}{number:010d}" for number in range(stored)]
        connection.executemany(FILL, ((i, 1.7e9, os.urandom(64), os.urandom(16)) for i in ids))
        connection.executemany(_TURN, _turns(ids))
        connection.executemany(_CALL, ((i, f"call_{n}") for n, i in enumerate(ids) if n % 3 == 0))
    connection.close()


def _turns(ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for number, id_ in enumerate(ids):
        first = number - number % 4
        before = ids[number - 1] if number > first else None
        yield id_, ids[first], before, os.urandom(16), os.urandom(16)


def talks(home: Path, messages: int, *, rewritten: bool) -> list[tuple[str, str]]:
    """Ids of the last two exchanges of conversations that are as long as this, and go on at the
    same time: what is linked at once was asked at about the same time."""
    said: list[list[dict[str, Any]]] = [[] for _ in range(TALKS)]
    ids: list[tuple[str, str]] = [("", "") for _ in range(TALKS)]
    with capturing(home) as (journal, ingester, _):
        while len(said[0]) < messages:
            for number, talk in enumerate(said):
                talk.append(_message("user", f"{number} asks {len(talk)} " + "x" * 200))
                asked = talk
                if rewritten and len(talk) >= messages - 1:
                    asked = [talk[0], _message("user", "[CONTEXT SUMMARY] ..."), *talk[9:]]
                ids[number] = ids[number][1], (id_ := new_id())
                journal.begin(begin(id_, request=orjson.dumps({"model": "m", "messages": asked})))
                reply = _message("assistant", f"{number} says {len(talk)} " + "y" * 200)
                raw = orjson.dumps({"choices": [{"index": 0, "message": reply}]})
                journal.end(id_, end(finish_reason="stop"), [raw], None)
                talk.append(reply)
        assert asyncio.run(ingester.catch_up(600))
    return ids


def _message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def link(store: Store, ids: Sequence[tuple[str, str]]) -> tuple[float, float, float]:
    """CPU microseconds for each conversation's last exchange: by a linker that has read nothing,
    by one that has linked the exchange before it, and by such a one in as many transactions."""
    assert store.writer is not None
    links = store.writer.links()
    last = [last for _, last in ids]
    cold: list[float] = []
    warm: list[float] = []
    alone: list[float] = []
    for _ in range(ROUNDS):
        linker = fresh(links)
        unlink(links, last)
        cold.append(timed(linker, last))
        for each, found in ((len(last), warm), (1, alone)):
            linker = fresh(links)
            unlink(links, [id_ for two in ids for id_ in two])
            timed(linker, [before for before, _ in ids])
            found.append(timed(linker, last, each))
    for id_ in last:
        detail = store.exchange(id_)
        assert detail is not None
        assert detail.continues is not None, "it was not linked"
    return statistics.median(cold), statistics.median(warm), statistics.median(alone)


def fresh(links: Links) -> Linker:
    """A linker that has read nothing: all that it finds is linked."""
    linker = Linker(links)
    linker.run()
    return linker


def unlink(links: Links, ids: Sequence[str]) -> None:
    """As if these had never been linked."""
    with links.transaction() as transaction:
        for id_ in ids:
            transaction.connection.exec_driver_sql(
                "DELETE FROM turns WHERE exchange_id = ?", (id_,)
            )


def timed(linker: Linker, ids: Sequence[str], at_once: int = 1000) -> float:
    """CPU microseconds for each of these to be linked."""
    began = time.thread_time()
    for at in range(0, len(ids), at_once):
        linker.add(ids[at : at + at_once])
        linker.run()
    return (time.thread_time() - began) / max(len(ids), 1) * 1e6


if __name__ == "__main__":
    main()
