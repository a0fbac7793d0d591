"""What vetting a large store costs: CPU seconds and memory, anew and after some more was said.

    python -m bench.vetting [--stored 50000] [--new 500] [--compared 50000]

The store is filled with the tests' ordinary traffic, straight into its tables: conversations whose
every request repeats what was said before, with an agent's tool results in between.

    anew        a reader's pass over a store that keeps nothing under its rules
    kept        the same work by the one who writes, a few at a time, into the store
    asked       a reader's pass when all is kept
    comparing   what is added to each reader's pass by looking for what stands out, among the newest
                `--compared`; left out of the others
    with new    a reader's pass when `--new` exchanges more are linked and not vetted yet, most of
                them older than some that are
    new kept    those, by the one who writes

`memory` is by how much the most that a process holds grows while it reads every turn as an export
does, but for redaction: when all is kept, and under other rules, all noted beside the store.
Run it with two sizes, and few compared, to see what an exchange adds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import orjson

from bench.anomalies import peak
from bench.capture import calibrate
from capture.anomalies import Sample
from capture.ids import first_id
from capture.messages import ContentPart, Message, ToolCall
from capture.provenance import USUAL, Trust
from capture.redact import Redactor
from capture.said import message_row
from capture.store import Store, samples
from capture.trainable import assistant_message
from tests.support.ordinary_traffic import traffic

# what linking has left of an exchange, and what it leaves to be vetted
_EXCHANGE = """
INSERT INTO exchanges (id, epoch, began_at, path, key, alias, stream, private, config_generation,
  headers, decision, tools, request_bytes, request_messages, status, mode, upstream, model,
  http_status, attempts, notes, called, reply_messages)
VALUES (?, 'e', ?, '/v1/chat/completions', ?, 'auto', 0, 0, 1, '{}', '{}', '[]', 500, ?,
  'ok', 'resting', 'house', 'house-small', 200, 1, '[]', '[]', ?)
"""
_TURN = "INSERT INTO turns (exchange_id, conversation, continues) VALUES (?, ?, ?)"
_TO_VET = "INSERT INTO to_vet VALUES (?)"
_MESSAGE = "INSERT INTO messages VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_BODY = "INSERT INTO bodies (exchange_id, kind, data) VALUES (?, 'request', ?)"
_AT_ONCE = 50
REDACTOR = Redactor("secrets", b"the salt of a bench")
SPAWN = multiprocessing.get_context("spawn")
OTHERS = Trust(outside_tools=("*",))
"""Rules under which nothing is kept."""


def main() -> None:
    """Fill, vet, keep, ask again."""
    parser = argparse.ArgumentParser(prog="python -m bench.vetting", description=__doc__)
    parser.add_argument("--stored", type=int, default=50_000)
    parser.add_argument("--new", type=int, default=500)
    parser.add_argument("--compared", type=int, default=samples.COMPARED)
    options = parser.parse_args()
    with ExitStack() as stack:
        # begun now: what a process held before is counted as held by the one it begins
        children = [stack.enter_context(SPAWN.Pool(1)) for _ in (USUAL, OTHERS)]
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "majordomo.db"
        store = Store.open(path)
        fill(path, traffic(1, options.stored, days=365))
        figures = {"anew": ask(store, 0), "kept": keep(store), "asked": ask(store, 0)}
        figures["comparing"] = ask(store, options.compared) - figures["asked"]
        fill(path, traffic(2, options.new, days=365), options.stored + 1_000)
        figures |= {"with new": ask(store, 0), "new kept": keep(store)}
        store.close()
        memory = [
            child.apply(memory_of, (path, options.compared, rules))
            for child, rules in zip(children, (USUAL, OTHERS), strict=True)
        ]
    print(f"calibration {calibrate():.0f} ms; {options.stored:,} exchanges, {options.new:,} new")
    print("CPU seconds: " + ", ".join(f"{name} {each:.2f}" for name, each in figures.items()))
    print("memory: " + ", ".join(f"{name} {each / 1e6:.1f} MB" for name, each in zip(
        ("all kept", "under other rules"), memory, strict=True)))  # fmt: skip


def ask(store: Store, compared: int) -> float:
    """CPU seconds of what every reader does first."""
    samples.COMPARED = compared
    began = time.process_time()
    next(store.trainable(REDACTOR, until=0.0), None)
    return time.process_time() - began


def keep(store: Store) -> float:
    """CPU seconds of what the gateway does once an hour."""
    assert store.writer is not None
    began = time.process_time()
    while store.writer.vet(USUAL, _AT_ONCE):
        pass
    return time.process_time() - began


def memory_of(path: Path, compared: int, rules: Trust) -> float:
    """Bytes by which the most that a process holds grows while it reads every turn."""
    samples.COMPARED = compared
    store = Store.open_reader(path)
    plain = Redactor("off", b"the salt of a bench")
    before = peak()
    for _ in store.trainable(plain, rules):
        pass
    store.close()
    return peak() - before


def fill(path: Path, stored: Sequence[Sample], start: int = 0) -> None:
    """Put samples into a store as exchanges that were linked, as they happened; the first gets the
    number `start` in its id."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        number = start
        for _, own in groupby(stored, key=lambda each: each.conversation):
            first: str | None = None
            before: str | None = None
            asked: list[Message] = []
            for sample in own:
                id_ = f"{first_id(sample.began_at)[:14]}{number:012d}"
                first = first or id_
                asked += said(sample, number)
                reply = Message("assistant", (ContentPart("text", sample.answered),))
                rows = [message_row(message) for message in (*asked, reply)]
                ids = b"".join(row[0] for row in rows[:-1])
                exchange = (id_, sample.began_at, sample.source, ids, rows[-1][0])
                connection.execute(_EXCHANGE, exchange)
                connection.execute(_TURN, (id_, first, before))
                connection.execute(_TO_VET, (id_,))
                connection.executemany(_MESSAGE, rows)
                connection.execute(_BODY, (id_, body_of(asked)))
                asked.append(reply)
                before, number = id_, number + 1
    connection.close()


def said(sample: Sample, number: int) -> Iterator[Message]:
    """What a request adds to the one before it."""
    yield Message("user", (ContentPart("text", sample.said),))
    if sample.outside:
        call = ToolCall(f"call_{number}", "browse_page", "{}")
        yield Message("assistant", (), (call,))
        text = (ContentPart("text", sample.outside),)
        yield Message("tool", text, tool_call_id=call.id)


def body_of(asked: Sequence[Message]) -> bytes:
    """A request's body."""
    messages = [
        assistant_message(each)
        if each.role == "assistant"
        else {"role": each.role, "content": each.text, "tool_call_id": each.tool_call_id}
        for each in asked
    ]
    return orjson.dumps({"model": "auto", "messages": messages})


if __name__ == "__main__":
    main()
