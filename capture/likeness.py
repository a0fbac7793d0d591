"""Vectors of exchanges in memory, and which of them are alike. Needs numpy; nothing imports this
before somebody searches by meaning.

All rows are compared in a coarse form, a quarter as wide, and the closest thousand as they are: of
the closest 20 that finds 98 in 100. The coarse form of a vector is the sum of its quarters, which
is what hashing its features into a quarter of the places would have given. An exchange takes 798
bytes, and `MOST` are held.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from capture.embedding import DIMENSIONS
from capture.sought import Alike

_THREADS = "OPENBLAS_NUM_THREADS"
_before = os.environ.get(_THREADS)
os.environ[_THREADS] = "1"  # more of them would spin beside whoever answers requests
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

if _before is None:
    del os.environ[_THREADS]
else:
    os.environ[_THREADS] = _before

MOST = 200_000
"""Exchanges that are compared, the newest: 160 MB."""

_COARSE = DIMENSIONS // 4
_LOOKED_AT = 1024
"""Rows that are compared as they are, at least."""
_ROOM = 4096
"""Rows that there is room for at first."""
_ID_BYTES = 26


class _Rows(NamedTuple):
    """Columns of one length, of which the first so many are filled. What is filled never changes,
    so that one thread may compare while another adds."""

    ids: NDArray[np.bytes_]
    coarse: NDArray[np.float32]
    """Of length 1 each."""
    packed: NDArray[np.int8]
    scales: NDArray[np.float32]
    """What a packed row is multiplied by to have length 1."""
    filled: int


class Likeness:
    """Vectors in memory. One thread adds; any may ask."""

    def __init__(self, expected: int = 0) -> None:
        """With room for so many, and some more."""
        self._rows = _room(min(MOST, max(_ROOM, expected + expected // 8)))

    def __len__(self) -> int:
        return self._rows.filled

    def add(self, vectors: Sequence[tuple[str, bytes]]) -> None:
        """Take in exchanges with what `capture.embedding.packed` made, the oldest first, a few
        thousand at once."""
        new = [(id_, vector) for id_, vector in vectors if len(vector) == DIMENSIONS]
        if not new:
            return
        packed = np.frombuffer(b"".join(vector for _, vector in new), np.int8)
        rows = self._with_room(len(new))
        to = slice(rows.filled, rows.filled + len(new))
        rows.ids[to] = [id_.encode() for id_, _ in new]
        rows.packed[to] = packed.reshape(-1, DIMENSIONS)
        floats = rows.packed[to].astype(np.float32)
        rows.scales[to] = 1.0 / np.linalg.norm(floats, axis=1)
        rows.coarse[to] = _coarse(floats)
        self._rows = rows._replace(filled=to.stop)

    def closest(self, vector: Sequence[float], limit: int, least: float) -> list[Alike]:
        """The exchanges whose vectors are closest, the closest first, of those with a cosine of at
        least so much."""
        rows = self._rows
        wanted = np.asarray(vector, np.float32)
        roughly = rows.coarse[: rows.filled] @ _coarse(wanted[None])[0]
        few = min(rows.filled, max(_LOOKED_AT, 2 * limit))
        if not few:
            return []
        near = np.argpartition(roughly, rows.filled - few)[rows.filled - few :]
        cosines = (rows.packed[near].astype(np.float32) @ wanted) * rows.scales[near]
        order = np.argsort(-cosines, kind="stable")[:limit]
        found = zip(rows.ids[near][order].tolist(), cosines[order].tolist(), strict=True)
        return [Alike(id_.decode(), min(1.0, cosine)) for id_, cosine in found if cosine >= least]

    def _with_room(self, more: int) -> _Rows:
        """The rows with room for so many more; the oldest give way when there are too many."""
        rows = self._rows
        if rows.filled + more <= len(rows.ids):
            return rows
        kept = rows.filled
        if kept + more > MOST:
            kept = min(kept, max(0, MOST * 9 // 10 - more))
        larger = _room(min(MOST, max(_ROOM, (kept + more) * 5 // 4)))
        for old, new in zip(rows[:4], larger[:4], strict=True):
            new[:kept] = old[rows.filled - kept : rows.filled]
        return larger._replace(filled=kept)


def _room(rows: int) -> _Rows:
    return _Rows(
        np.zeros(rows, f"S{_ID_BYTES}"),
        np.zeros((rows, _COARSE), np.float32),
        np.zeros((rows, DIMENSIONS), np.int8),
        np.zeros(rows, np.float32),
        0,
    )


def _coarse(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Their quarters added up, each of length 1."""
    sums = vectors.reshape(len(vectors), -1, _COARSE).sum(axis=1)
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
