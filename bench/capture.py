"""What capture costs: CPU microseconds per exchange, for the journal and for ingest.

    python -m bench.capture [--bytes 1024] [--exchanges 5000] [--stream]

`calibration` is the time of a fixed loop beside each figure: on a busy machine compare ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from capture.ids import new_id
from capture.ingest import Ingester
from capture.journal import Journal
from capture.store import Store
from tests.support.journals import begin, end, make_journal

ROUNDS = 5


def calibrate() -> float:
    """Milliseconds of CPU for two million additions."""
    began = time.process_time()
    total = 0
    for number in range(2_000_000):
        total += number
    return (time.process_time() - began) * 1e3


def bodies(size: int, *, stream: bool) -> tuple[bytes, bytes]:
    """A request and a reply of that size together, two thirds of it request."""
    words = "lorem ipsum dolor " * (size // 18 + 1)
    message = {"role": "user", "content": words[: size * 2 // 3 - 80]}
    request = orjson.dumps({"model": "auto", "stream": stream, "messages": [message]})
    usage = {"prompt_tokens": 20, "completion_tokens": 9}
    if not stream:
        said = {"role": "assistant", "content": words[: max(1, size // 3 - 120)]}
        choice = {"index": 0, "message": said, "finish_reason": "stop"}
        return request, orjson.dumps({"id": "c", "choices": [choice], "usage": usage})
    deltas: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": "lorem "}, "finish_reason": None}]}
        for _ in range(size // 240 + 1)
    ]
    last: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    events: list[dict[str, Any]] = [*deltas, last, {"choices": [], "usage": usage}]
    said = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)
    return request, said + b"data: [DONE]\n\n"


def measure(home: Path, exchanges: int, request: bytes, reply: bytes) -> tuple[float, float]:
    """CPU microseconds per exchange of begin + end, and of ingesting them."""
    journal = make_journal(home / "journal")
    journal_us = per_exchange(lambda: journal_all(journal, exchanges, request, reply), exchanges)
    store = Store.open(home / "majordomo.db")
    ingester = Ingester(journal, store, keep_segments=0)

    def ingest() -> None:
        ingester.start()
        assert asyncio.run(ingester.catch_up(600))
        ingester.stop()

    ingest_us = per_exchange(ingest, exchanges)
    assert store.counts()["total"] == exchanges
    journal.close()
    store.close()
    return journal_us, ingest_us


def journal_all(journal: Journal, exchanges: int, request: bytes, reply: bytes) -> None:
    """Begin and end so many exchanges."""
    for _ in range(exchanges):
        id_ = new_id()
        journal.begin(begin(id_, request=request))
        journal.end(id_, end(), [reply], None)


def per_exchange(work: Callable[[], None], exchanges: int) -> float:
    """CPU microseconds of `work` for each of so many exchanges, all threads together."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / exchanges * 1e6


def main() -> None:
    """Print medians and bests of some rounds."""
    options = argparse.ArgumentParser()
    options.add_argument("--bytes", type=int, default=1024)
    options.add_argument("--exchanges", type=int, default=5000)
    options.add_argument("--stream", action="store_true")
    chosen = options.parse_args()
    request, reply = bodies(chosen.bytes, stream=chosen.stream)
    figures: list[tuple[float, float, float]] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as home:
            calibration = calibrate()
            gc.collect()
            gc.freeze()  # these two as the gateway does once it has started
            gc.set_threshold(10_000, 20, 20)
            figures.append((*measure(Path(home), chosen.exchanges, request, reply), calibration))
    for name, values in zip(
        ("journal", "ingest", "calibration"), zip(*figures, strict=True), strict=True
    ):
        unit = "ms" if name == "calibration" else "us/exchange"
        print(f"{name:12} median {statistics.median(values):7.1f}  best {min(values):7.1f} {unit}")


if __name__ == "__main__":
    main()
