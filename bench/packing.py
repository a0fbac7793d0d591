"""What packing old bodies saves: bytes before and after, and CPU milliseconds for each exchange.

    python -m bench.packing [--conversations 20] [--turns 50]

Conversations as an agent has them: a system prompt of 2,000 words, and in each turn what a user
said, a call, its result of 200 words, and the reply. Words are drawn at random from 5,000, so that
what is saved is what requests repeat of each other, not what prose repeats of itself.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from capture.clock import now
from capture.ids import first_id, new_id
from capture.journal import Journal
from gateway.packing import pack
from tests.support.journals import begin, capturing, end

DAY = 86_400.0


def main() -> None:
    """Talk, pack, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.packing", description=__doc__)
    parser.add_argument("--conversations", type=int, default=20)
    parser.add_argument("--turns", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        asyncio.run(measured(home, options.conversations, options.turns))


async def measured(home: Path, conversations: int, turns: int) -> None:
    """Fill a home, and pack what is in it."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(5_000)]
    with capturing(home) as (journal, ingester, _):
        for number in range(conversations):
            talk(journal, turns, draw, words, 3.0 + number / 100)
        assert await ingester.catch_up(600)
        before = kept(home)
        began = time.process_time()
        count = await pack(ingester, pause=0)
        each = (time.process_time() - began) / count * 1e3
        after = kept(home)
    print(f"{count:,} exchanges: {before / 1e6:.1f} MB to {after / 1e6:.1f} MB "
          f"({before / after:.0f} times), {each:.1f} ms of CPU each")  # fmt: skip


def talk(journal: Journal, turns: int, draw: random.Random, words: list[str], days: float) -> None:
    """One conversation of so many days ago."""

    def prose(length: int) -> str:
        return " ".join(draw.choices(words, k=length))

    said: list[dict[str, Any]] = [{"role": "system", "content": prose(2_000)}]
    for number in range(turns):
        function = {"name": "ls", "arguments": orjson.dumps({"in": prose(3)}).decode()}
        call = {"id": f"c{number}", "type": "function", "function": function}
        said += [
            {"role": "user", "content": prose(20)},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"c{number}", "content": prose(200)},
        ]
        id_ = first_id(now() - days * DAY + number)[:10] + new_id()[10:]
        journal.begin(begin(id_, request=orjson.dumps({"model": "auto", "messages": said})))
        reply = {"role": "assistant", "content": prose(60)}
        raw = orjson.dumps({"choices": [{"index": 0, "message": reply}]})
        journal.end(id_, end(finish_reason="stop"), [raw], None)
        said.append(reply)


def kept(home: Path) -> int:
    """Bytes of all bodies in the store."""
    connection = sqlite3.connect(home / "majordomo.db")
    (size,) = connection.execute("SELECT sum(length(data)) FROM bodies").fetchone()
    connection.close()
    return size


if __name__ == "__main__":
    main()
