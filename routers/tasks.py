"""Which task a request is about: the very same again, one nearly like it, or one of a kind. Pure.

What a task is, its first user messages say: an agent repeats them with every turn. The words are
hashed; no embedder is asked, and no more than some thousand characters are read. Nearly alike is
what shares most of its word pairs (one-permutation minhash, in bands); of a kind is what shares its
telling words with a cluster (cosine of hashed words, rare ones count more). Clusters are named by
the first request they were made of, and only so many are kept.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2s
from itertools import pairwise
from zlib import crc32

from capture.narrowing import list_of, object_of
from capture.values import value

_WORD = re.compile(r"[^\W_]+")
_HEAD, _TAIL = 2400, 800
"""Characters of a task's text whose words are read, from its beginning and its end."""
_EXACT = 64 * 1024
"""Characters that the exact fingerprint covers."""
_BINS = 12
_BAND = 3
"""Minhashes of a task, and how many of them must agree in one band to be nearly alike."""
_KEPT = 50_000
_CLUSTERS = 48
_ALIKE = 0.25
"""Cosine from which a request belongs to a cluster."""
_TELLING = 24
"""Words of a request that are held against clusters: the rarest."""
_BUCKETS = 4096
_NOWHERE: Mapping[str, float] = {}


@value
class Task:
    """What a request asks, as far as keys go."""

    exact: str
    """Equal for equal texts."""
    near: str
    """Equal for texts that are nearly alike, as far as they were met."""
    kind: str
    """Name of the cluster in meaning."""


class Tasks:
    """Tasks that were met. Finding one changes nothing; `meet` takes it in."""

    def __init__(self) -> None:
        self._bands: OrderedDict[tuple[int, int], str] = OrderedDict()
        self._rarity = [0] * _BUCKETS
        self._met = 0
        self._clusters: dict[str, dict[int, float]] = {}
        self._held: dict[int, dict[str, float]] = {}

    def find(self, text: str, *, kinds: bool = True) -> Task:
        """The task, by what was met so far; `kinds` False leaves its kind out, which takes time."""
        exact, bands, words = _read(text)
        near = next((self._bands[b] for b in bands if b in self._bands), exact)
        return Task(exact, near, (self._nearest(self._telling(words)) or "") if kinds else "")

    def meet(self, text: str) -> Task:
        """The task, which is known from now on."""
        exact, bands, words = _read(text)
        near = next((self._bands[b] for b in bands if b in self._bands), exact)
        self.know(near, [band for _, band in bands])
        telling = self._telling(words)
        for word in words:
            self._rarity[word] += 1
        self._met += 1
        return Task(exact, near, self._join(exact, telling))

    def know(self, near: str, bands: Sequence[int]) -> None:
        """A task that was met in another life, by what was kept of it: what nearly the same ones
        are called, and its `bands_of`."""
        for number, band in enumerate(bands):
            if (number, band) not in self._bands:
                if len(self._bands) >= _KEPT:
                    self._bands.popitem(last=False)
                self._bands[number, band] = near

    def _telling(self, words: Iterable[int]) -> Mapping[int, float]:
        """The rarest words, weighed, as a vector of length 1."""
        of = self._met + 1
        weighed = sorted(
            ((math.log(of / (self._rarity[w] + 1)) + 0.1, w) for w in words), reverse=True
        )
        top = [(w, max(size, 0.0)) for size, w in weighed[:_TELLING]]
        length = math.sqrt(sum(size * size for _, size in top)) or 1.0
        return {w: size / length for w, size in top}

    def _nearest(self, telling: Mapping[int, float]) -> str | None:
        alike: dict[str, float] = {}
        for word, size in telling.items():
            for cluster, weight in self._held.get(word, _NOWHERE).items():
                alike[cluster] = alike.get(cluster, 0.0) + size * weight
        best = max(alike, key=alike.__getitem__, default=None)
        return best if best is not None and alike[best] >= _ALIKE else None

    def _join(self, exact: str, telling: Mapping[int, float]) -> str:
        """The cluster it belongs to, which moves a little towards it; its own where none is near
        and there is room."""
        name = self._nearest(telling)
        if name is None:
            if len(self._clusters) < _CLUSTERS:
                name = f"like:{exact[:6]}"
                self._hold(name, dict(telling))
            return name or ""
        moved = {w: 0.9 * size for w, size in self._clusters[name].items()}
        for w, size in telling.items():
            moved[w] = moved.get(w, 0.0) + 0.1 * size
        kept = sorted(moved.items(), key=lambda item: -item[1])[: 4 * _TELLING]
        length = math.sqrt(sum(size * size for _, size in kept)) or 1.0
        self._hold(name, {w: size / length for w, size in kept})
        return name

    def _hold(self, cluster: str, centre: dict[int, float]) -> None:
        """The cluster lies there from now on."""
        for word in self._clusters.get(cluster, ()):
            del self._held[word][cluster]
        self._clusters[cluster] = centre
        for word, weight in centre.items():
            self._held.setdefault(word, {})[cluster] = weight


def bands_of(text: str) -> tuple[int, ...]:
    """By what a text and nearly the same ones find each other; none of a short one."""
    return tuple([band for _, band in _read(text)[1]])


def task_text(messages: Sequence[Mapping[str, object]]) -> str:
    """The text that says what the task is: the user's messages before the first reply."""
    said: list[str] = []
    for message in messages:
        if message.get("role") == "assistant":
            break
        if message.get("role") == "user":
            said.append(_text(message.get("content")))
    return "\n".join(said)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    texts = [(object_of(part) or {}).get("text") for part in list_of(content) or ()]
    return "\n".join(text for text in texts if isinstance(text, str))


@lru_cache(maxsize=4096)
def _hashed(word: str) -> int:
    return crc32(word.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=64)
def _read(text: str) -> tuple[str, list[tuple[int, int]], set[int]]:
    """The fingerprint, the minhash bands and the hashed words."""
    exact = blake2s(text[:_EXACT].encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    some = text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]} {text[-_TAIL:]}"
    hashes = list(map(_hashed, _WORD.findall(some.lower())))
    least = [0xFFFFFFFFFFFF] * _BINS
    for one, two in pairwise(hashes):
        pair = (one * 31 + two) * 0x9E3779B1 & 0xFFFFFFFF
        spot, size = pair % _BINS, pair // _BINS
        if size < least[spot]:
            least[spot] = size
    bands: list[tuple[int, int]] = []
    if len(hashes) > 2 * _BINS:  # short texts share bands by chance
        some = [hash(tuple(least[i : i + _BAND])) for i in range(0, _BINS, _BAND)]
        bands = [*enumerate(some)]
    return exact, bands, {h % _BUCKETS for h in hashes}
