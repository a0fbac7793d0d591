"""What finding costs and what it finds: by words, by meaning, and `like`, among 50,000 exchanges.

    python -m bench.recall [--stored 50000]

`like` is timed with the vector of what is asked: on the wall clock, and CPU of its thread, which is
what holds on a busy machine. `long` asks with 400 words; `beside the indexer` while another thread
takes exchanges in as `capture.indexing` does. Then how many of 20 pairs of each kind
(`bench.alike`) come first, or among the first five: among those 130 requests, and among all that is
stored, which is made of their halves: far more that is nearly the same than a household asks.
Last the same number of vectors as wide as a model's (`WIDE`), the model's own time left out.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.alike import KINDS, targets
from bench.capture import calibrate
from bench.linking import fill
from capture.distill import distill
from capture.embedding import DIMENSIONS, embed, packed
from capture.model_work import embed_all, embed_some
from capture.recall import Document, Recall
from capture.recall_models import BUILT_IN
from capture.sought import By, Sought
from capture.store import Store

LIMIT_MS = 5.0
WIDE = 768
"""Numbers in a vector of a usual model (nomic-embed-text, bge-base)."""
ROUNDS = 10
AT_ONCE = 1000


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.recall", description=__doc__)
    parser.add_argument("--stored", type=int, default=50_000)
    stored = parser.parse_args().stored
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory) / "majordomo.db"
        Store.open(store).close()
        fill(store, stored)
        print(f"calibration {calibrate():.0f} ms; {stored:,} exchanges")
        with Recall.open(Path(directory) / "search.db", store, "secrets") as recall:
            ids = _fill(recall, store, stored)
            print(f"search.db {(Path(directory) / 'search.db').stat().st_size / 2**20:.0f} MiB")
            _costs(recall)
            print(f"among {stored:,} exchanges")
            _quality(recall, ids)
            _wide(recall, stored)
        few = ids[: len(targets())]
        with Recall.open(Path(directory) / "few.db", store, "secrets") as recall:
            recall.add(map(_document, few, targets()))
            embed_all(recall)
            print(f"among {len(few)} exchanges")
            _quality(recall, few)


def requests(number: int) -> list[str]:
    """What was asked: the targets, then requests made of their halves."""
    chance, known = random.Random(1), targets()
    made = list(known)
    while len(made) < number:
        one, other = (chance.choice(known).split() for _ in range(2))
        halves = [*one[: len(one) // 2 + 1], *other[len(other) // 2 :]]
        made.append(f"{' '.join(halves)} {chance.randrange(10_000)}")
    return made[:number]


def _fill(recall: Recall, store: Path, stored: int) -> list[str]:
    with sqlite3.connect(store) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM exchanges ORDER BY id")]
    connection.close()
    asked = requests(stored)
    began = time.thread_time()
    for at in range(0, stored, AT_ONCE):
        some = zip(ids[at : at + AT_ONCE], asked[at : at + AT_ONCE], strict=True)
        recall.add([_document(id_, text) for id_, text in some])
    embed_all(recall)
    each = (time.thread_time() - began) / stored * 1e6
    began = time.thread_time()
    for text in asked[:1000]:
        packed(embed(text) or [])
    print(f"taking one in {each:.0f} us of CPU, of it its vector "
          f"{(time.thread_time() - began) / 1000 * 1e6:.0f}; "
          f"distilling 8 KB {_distilling() * 1e6:.0f} us")  # fmt: skip
    return ids


def _document(id_: str, text: str) -> Document:
    return Document(id_, text, "Done.", "")


def _distilling() -> float:
    text = " ".join(targets())[:4000]
    began = time.thread_time()
    for _ in range(20):
        distill(text, text, [("read_file", '{"path": "/srv/app/main.py"}')], "chat")
    return (time.thread_time() - began) / 20


def _costs(recall: Recall) -> None:
    before, began = _resident(), time.perf_counter()
    recall.vectors.like("the first search")
    print(f"first search {(time.perf_counter() - began) * 1e3:.0f} ms, "
          f"and {_resident() - before:.0f} MiB stay")  # fmt: skip
    short = [query for pairs in KINDS.values() for query, _ in pairs] * ROUNDS
    long = [" ".join(requests(400)[at : at + 60]) for at in range(130, 330)]
    print(f"(limit of like: {LIMIT_MS:g} ms)")
    _report("like", _times(recall.vectors.like, short))
    _report("like, long", _times(recall.vectors.like, long))
    stop = threading.Event()
    thread = threading.Thread(target=_index, args=(recall, stop))
    thread.start()
    _report("like, beside the indexer", _times(recall.vectors.like, short))
    stop.set()
    thread.join()
    for by in ("words", "meaning", "both"):
        _report(f"find by {by}", _times(lambda text, by=by: recall.find(_sought(text, by)), short))


class _Model:
    """Vectors as a model makes them: wide, and all of them somewhat alike. What is asked more than
    once is remembered, so that asking again costs what comparing costs."""

    name, alike = "bench/wide", 0.0

    def __init__(self) -> None:
        import numpy as np

        chance = np.random.default_rng(1)
        self._turn = chance.standard_normal((DIMENSIONS, WIDE)) / WIDE**0.5
        self._shared = chance.standard_normal(WIDE) / WIDE**0.5
        self._known: dict[str, list[float]] = {}

    def embed(self, texts: Sequence[str], seconds: float) -> list[list[float] | None]:
        """As `capture.recall_models.Embedder` has it."""
        assert seconds > 0
        return [self._known.get(text) or self._made(text) for text in texts]

    def _made(self, text: str) -> list[float]:
        vector = (embed(text) or [0.0] * DIMENSIONS) @ self._turn + self._shared
        made = (vector / (vector @ vector) ** 0.5).tolist()
        self._known[text] = made
        return made


def _wide(recall: Recall, stored: int) -> None:
    model = _Model()
    recall.vectors.embedder = model
    began = time.thread_time()
    while few := recall.vectors.unembedded(AT_ONCE):
        made = model.embed([each.asked for each in few], 1.0)
        recall.vectors.embedded(list(zip((e.number for e in few), made, strict=True)), model)
    each = (time.thread_time() - began) / stored * 1e6
    short = [query for pairs in KINDS.values() for query, _ in pairs]
    model.embed(short, 1.0)
    recall.vectors.let_go()
    before, began = _resident(), time.perf_counter()
    recall.vectors.like(short[0])
    print(f"{stored:,} vectors of {WIDE}: making and keeping one anew {each:.0f} us, "
          f"first search {(time.perf_counter() - began) * 1e3:.0f} ms, "
          f"and {_resident() - before:.0f} MiB stay")  # fmt: skip
    _report(f"like, {WIDE} wide", _times(recall.vectors.like, short * ROUNDS))


def _index(recall: Recall, stop: threading.Event) -> None:
    """Take exchanges in as the indexer does, but for its wait for a quiet second."""
    texts = requests(230)[130:]
    number = 0
    while not stop.is_set():
        began = time.thread_time()
        some: list[Document] = []
        for at, text in enumerate(texts):
            some.append(_document(f"new-{number}-{at}", text))
            stop.wait(0.002)
        recall.add(some)
        embed_some(recall, BUILT_IN)
        number += 1
        stop.wait(20 * (time.thread_time() - began))


def _times(ask: Callable[[str], object], texts: Sequence[str]) -> list[tuple[float, float]]:
    """Milliseconds, wall and CPU."""
    times: list[tuple[float, float]] = []
    for text in texts:
        began = time.perf_counter(), time.thread_time()
        ask(text)
        ended = time.perf_counter(), time.thread_time()
        times.append(((ended[0] - began[0]) * 1e3, (ended[1] - began[1]) * 1e3))
    return times


def _report(name: str, times: Sequence[tuple[float, float]]) -> None:
    wall, cpu = (sorted(each) for each in zip(*times, strict=True))
    told = (f"p50 {each[len(each) // 2]:6.2f}   p99 {each[len(each) * 99 // 100]:6.2f}"
            for each in (wall, cpu))  # fmt: skip
    print(f"{name:26} ms {'   CPU '.join(told)}")


def _quality(recall: Recall, ids: Sequence[str]) -> None:
    number = 0
    for kind, pairs in KINDS.items():
        wanted = ids[number : number + len(pairs)]
        number += len(pairs)
        for by in ("words", "meaning", "both"):
            found = [
                [hit.exchange for hit in recall.find(_sought(query, by, 5)).hits]
                for query, _ in pairs
            ]
            first = sum(hits[:1] == [id_] for id_, hits in zip(wanted, found, strict=True))
            five = sum(id_ in hits for id_, hits in zip(wanted, found, strict=True))
            print(f"{kind:10} by {by:8} first {first:2}   among five {five:2}   of {len(pairs)}")


def _sought(text: str, by: By, limit: int = 20) -> Sought:
    return Sought(text.replace("-", " "), limit=limit, by=by)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
