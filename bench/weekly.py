"""What the weekly figures cost: CPU seconds to ask for all weeks, in a large store.

    python -m bench.weekly [--stored 1000000] [--weeks 26]

The store is filled with exchanges that were linked and have outcomes, written straight into its
tables, so many to a week. `counted`: every week counted anew; `kept`: as a gateway has it that ran
an hour, where all but the running week were counted before.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from capture.ids import first_id
from capture.store import Store
from capture.weekly import FIRST_MONDAY, WEEK_SECONDS

MONDAY = FIRST_MONDAY + 2900 * WEEK_SECONDS
_EXCHANGE = """
INSERT INTO exchanges (id, epoch, began_at, path, key, alias, stream, private, config_generation,
  headers, decision, tools, asked, request_bytes, request_messages, status, mode, http_status,
  input_tokens, output_tokens, attempts, notes, called, reply_messages)
VALUES (?, 'e', ?, '/v1/chat/completions', 'laptop', 'auto', 0, 0, 1, '{}', '{}', '["ls"]', ?, 500,
  ?, 'ok', ?, 200, 900, 40, 1, '[]', '[]', ?)
"""
_TURN = "INSERT INTO turns (exchange_id, conversation, continues) VALUES (?, ?, ?)"
_OUTCOME = "INSERT INTO outcomes VALUES (?, ?, 0.6, '[]', 0, 0)"
_ATTEMPT = """
INSERT INTO attempts (exchange_id, position, mode, upstream, model, started_at, status, cost_usd)
VALUES (?, 0, ?, 'house', 'house-small', ?, 'ok', 0.01)
"""
_CALL = "INSERT INTO tool_calls VALUES (?, 0, ?, 'ls', '{}')"


def main() -> None:
    """Fill, ask, keep, ask again."""
    parser = argparse.ArgumentParser(prog="python -m bench.weekly", description=__doc__)
    parser.add_argument("--stored", type=int, default=1_000_000)
    parser.add_argument("--weeks", type=int, default=26)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "majordomo.db"
        Store.open(path).close()
        fill(path, options.stored, options.weeks)
        store = Store.open(path)
        counted, asked = timed(store)
        assert store.writer is not None
        running = MONDAY + (options.weeks - 1) * WEEK_SECONDS
        while store.writer.keep_week(running):
            pass
        kept, again = timed(store)
        assert asked == again
        store.close()
    print(f"{options.stored:,} exchanges over {options.weeks} weeks, CPU seconds for all weeks")
    print(f"  counted {counted:.2f}   kept {kept:.2f}")


def timed(store: Store) -> tuple[float, object]:
    """The least of three askings, and what was told."""
    least, weeks = float("inf"), None
    for _ in range(3):
        began = time.thread_time()
        weeks = store.weeks()
        least = min(least, time.thread_time() - began)
    return least, weeks


def fill(path: Path, stored: int, weeks: int) -> None:
    """Exchanges of conversations of four turns, one in three of which called a tool, two in five of
    which went to the cloud."""
    step = weeks * WEEK_SECONDS / stored
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        times = [MONDAY + number * step for number in range(stored)]
        ids = [f"{first_id(at)[:16]}{number:010d}" for number, at in enumerate(times)]
        modes = ["burst" if number % 5 < 2 else "resting" for number in range(stored)]
        text = "lorem ipsum " * 20
        connection.executemany(
            _EXCHANGE,
            (
                (id_, at, text, os.urandom(64), mode, os.urandom(16))
                for id_, at, mode in zip(ids, times, modes, strict=True)
            ),
        )
        connection.executemany(_TURN, turns(ids))
        told = ("success", "failure", "unknown")
        connection.executemany(_OUTCOME, ((id_, told[n % 3]) for n, id_ in enumerate(ids)))
        connection.executemany(_ATTEMPT, zip(ids, modes, times, strict=True))
        connection.executemany(_CALL, ((i, f"call_{n}") for n, i in enumerate(ids) if n % 3 == 0))
    connection.close()


def turns(ids: list[str]) -> Iterator[tuple[str, str, str | None]]:
    """Places of four exchanges each."""
    for number, id_ in enumerate(ids):
        first = number - number % 4
        yield id_, ids[first], ids[number - 1] if number > first else None


if __name__ == "__main__":
    main()
