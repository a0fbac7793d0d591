"""Vectors of exchanges in memory, and which of them are alike. Needs numpy; nothing imports this
before somebody searches by meaning.

All rows are compared in a coarse form of 96 numbers, and the closest thousand as they are. The
coarse form is a row along the axes in which the rows themselves differ most (principal axes, by
subspace iteration over a sample; Halko et al. 2011). They are found anew each time there are four
times as many rows: of the closest 20 that finds 99 in 100 (docs/experiments.md). An exchange takes
414 bytes and one for each dimension.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

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
"""Exchanges that are compared, the newest."""
MOST_BYTES = 240 * 2**20
"""Of memory for them; fewer are compared when they are very wide."""

_COARSE = 96
_LOOKED_AT = 1024
"""Rows that are compared as they are, at least."""
_ROOM = 4096
"""Rows that there is room for at first."""
_SAMPLE = 2048
"""Rows that axes are found from."""
_ROUNDS = 3
_ID_BYTES = 26
_ROW_BYTES = _ID_BYTES + 4 * _COARSE + 4


class _Rows(NamedTuple):
    """Columns of one length, of which the first so many are filled. What is filled never changes,
    so that one thread may compare while another adds."""

    ids: NDArray[np.bytes_]
    coarse: NDArray[np.float32]
    packed: NDArray[np.int8]
    scales: NDArray[np.float32]
    """What a packed row is multiplied by to have length 1."""
    filled: int
    axes: NDArray[np.float32] | None
    """A column each; None while all rows are compared as they are."""
    known: int
    """Rows there were when the axes were found."""


class Likeness:
    """Vectors of one width in memory. One thread adds; any may ask."""

    def __init__(self, dimensions: int, expected: int = 0) -> None:
        """With room for so many, and some more."""
        self.dimensions = dimensions
        self._most = min(MOST, MOST_BYTES // (_ROW_BYTES + dimensions))
        self._rows = self._room(max(_ROOM, expected + expected // 8))

    def __len__(self) -> int:
        return self._rows.filled

    def add(self, vectors: Sequence[tuple[str, bytes]]) -> None:
        """Take in exchanges with what `capture.embedding.packed` made, a few thousand at once."""
        new = [(id_, vector) for id_, vector in vectors if len(vector) == self.dimensions]
        if not new:
            return
        rows = self._with_room(len(new))
        to = slice(rows.filled, rows.filled + len(new))
        rows.ids[to] = [id_.encode() for id_, _ in new]
        packed = np.frombuffer(b"".join(vector for _, vector in new), np.int8)
        rows.packed[to] = packed.reshape(-1, self.dimensions)
        norms = np.linalg.norm(rows.packed[to].astype(np.float32), axis=1)
        rows.scales[to] = 1.0 / np.maximum(norms, 1e-12)
        rows = rows._replace(filled=to.stop)
        if rows.axes is not None:
            rows.coarse[to] = _plain(rows, to) @ rows.axes
        self._rows = rows

    def settle(self) -> None:
        """Find the axes, once there are so many more rows that it is time. Until that was called
        all rows are compared as they are."""
        rows = self._rows
        if rows.filled > _LOOKED_AT and rows.filled >= 4 * rows.known:
            self._rows = _along_new_axes(rows)

    def closest(self, vector: Sequence[float], limit: int, least: float) -> list[Alike]:
        """The exchanges whose vectors are closest, the closest first, of those with a cosine of at
        least so much."""
        rows = self._rows
        wanted = np.asarray(vector, np.float32)
        near = _near(rows, wanted, max(_LOOKED_AT, 2 * limit))
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
        if kept + more > self._most:
            kept = min(kept, max(0, self._most * 9 // 10 - more))
        # ids grow with time, which vectors made anew do not
        newest = np.sort(np.argsort(rows.ids[: rows.filled])[rows.filled - kept :])
        larger = self._room(max(_ROOM, (kept + more) * 5 // 4))
        for old, new in zip(rows[:4], larger[:4], strict=True):
            new[:kept] = old[newest]
        return larger._replace(filled=kept, axes=rows.axes, known=rows.known)

    def _room(self, rows: int) -> _Rows:
        rows = min(self._most, rows)
        return _Rows(
            np.zeros(rows, f"S{_ID_BYTES}"),
            np.zeros((rows, min(_COARSE, self.dimensions)), np.float32),
            np.zeros((rows, self.dimensions), np.int8),
            np.zeros(rows, np.float32),
            0,
            None,
            0,
        )


def _near(rows: _Rows, wanted: NDArray[np.float32], few: int) -> NDArray[np.intp]:
    """Numbers of rows that may be the closest."""
    if rows.axes is None or rows.filled <= few:
        return np.arange(rows.filled)
    roughly = rows.coarse[: rows.filled] @ (wanted @ rows.axes)
    return np.argpartition(roughly, rows.filled - few)[rows.filled - few :]


def _along_new_axes(rows: _Rows) -> _Rows:
    """The same rows along axes found from all of them. Whoever compares now has the old ones."""
    sample = _plain(rows, slice(0, rows.filled, -(-rows.filled // _SAMPLE)))
    sample -= sample.mean(axis=0)
    wide = rows.coarse.shape[1]
    axes = sample[:: len(sample) // wide][:wide].T
    for _ in range(_ROUNDS):
        axes = np.linalg.qr(sample.T @ (sample @ axes))[0]
    coarse = np.zeros(rows.coarse.shape, np.float32)
    for at in range(0, rows.filled, _SAMPLE):
        some = slice(at, min(at + _SAMPLE, rows.filled))
        coarse[some] = _plain(rows, some) @ axes
    return rows._replace(coarse=coarse, axes=axes, known=rows.filled)


def _plain(rows: _Rows, which: slice) -> NDArray[np.float32]:
    """Rows of length 1."""
    return rows.packed[which].astype(np.float32) * rows.scales[which, None]
