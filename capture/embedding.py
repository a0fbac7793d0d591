"""The built-in embedder: text into a vector by the letters of its words. Pure; nothing to download.

Each word is cut into runs of three and four letters, its edges marked; each run adds its word's
weight to one of `DIMENSIONS` places, or takes it away, by a hash (signed feature hashing,
Weinberger et al. 2009). A word counts once, however often it stands there, and the commonest words
of a few languages count little. So texts are alike that share telling words, stems and spelling,
whatever their order, endings and typing errors. That `lamp` and `light` are the same it does not
know.

The same text gives the same vector on every machine. Vectors made by another version of this are
not comparable: `capture.recall.VERSION` says which are kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from zlib import crc32

DIMENSIONS = 384
FIRST_WORDS, LAST_WORDS = 96, 32
"""Of one text that are looked at: a bound on the time it takes."""

_LONGEST = 40
"""Letters of one word that are looked at."""
_SPACE = 16
"""Characters of a text that are looked at for each of those words."""
_RUNS = (3, 4)
_COMMON_WEIGHT = 0.15
_SHORT_WEIGHT = 0.5
"""Of words of one or two letters."""
_FIRST_CJK = "\u2e80"
"""From here on scripts write a word with one or two letters, and no spaces between words."""
_WORD = re.compile(r"[^\W_]+")
_ACCENT = re.compile("[\u0300-\u036f]")
_MIX = 0x9E3779B1
"""Spreads a CRC over its upper bits (Fibonacci hashing)."""
_COMMON_WORDS = """
a about all also am an and any are as at be been but by can could did do does for from had has have
he her here hers him his how i if in is it its just like let lets make me more my need no not of off
on one or our out please put say set she should show so some tell than thank thanks that the their
them then there these they this those to up us use want was we were what when where which who why
will with would you your

aber als am auf aus bei bin bis bitte bist da damit dann das dass dein deine dem den der des die
dies diese doch du durch ein eine einem einen einer es euch fur habe haben hat ich ihr im ist ja
kann kein keine konnen man mein meine mich mir mit nach nicht noch nur ob oder ohne sein sich sie
sind uber um und uns unser vom von vor war wenn wer wie wir wird wo zu zum zur

au aux avec ce ces cette dans de du elle en est et il je la le les leur ma mais mes moi mon ne nous
ou par pas pour qu que qui sa se ses son sur ta te tes toi ton tu un une vos votre vous

al con como del el esta este las lo los mas mi o para pero por si sin su sus y
che di e gli non per sono uno
"""
"""English, German, French, Spanish and Italian, without accents."""
_COMMON = frozenset(_COMMON_WORDS.split())


def embed(text: str) -> list[float] | None:
    """A vector of length 1 and `DIMENSIONS` numbers; None for a text without a word."""
    vector = [0.0] * DIMENSIONS
    for word in dict.fromkeys(_words(text)):
        added, taken = _places(word)
        weight = _weight(word) / sqrt(len(added) + len(taken))
        for place in added:
            vector[place] += weight
        for place in taken:
            vector[place] -= weight
    length = sqrt(sum(each * each for each in vector))
    return [each / length for each in vector] if length else None


def packed(vector: Sequence[float]) -> bytes:
    """One signed byte a number, the largest of them 127: what is kept of a vector. Its length is
    lost; its direction moves by less than a degree."""
    scale = 127.0 / max(map(abs, vector))
    return bytes(round(each * scale) & 0xFF for each in vector)


def _words(text: str) -> list[str]:
    """The first and the last words in it, in small letters without accents."""
    if len(text) > (FIRST_WORDS + LAST_WORDS) * _SPACE:
        text = f"{text[: FIRST_WORDS * _SPACE]} {text[-LAST_WORDS * _SPACE :]}"
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = letters if letters.isascii() else _ACCENT.sub("", letters)
    words = [word[:_LONGEST] for word in _WORD.findall(plain)]
    if len(words) > FIRST_WORDS + LAST_WORDS:
        return words[:FIRST_WORDS] + words[-LAST_WORDS:]
    return words


def _weight(word: str) -> float:
    if word in _COMMON:
        return _COMMON_WEIGHT
    return _SHORT_WEIGHT if len(word) <= 2 and word < _FIRST_CJK else 1.0


@lru_cache(2048)
def _places(word: str) -> tuple[Sequence[int], Sequence[int]]:
    """Where a word's runs of letters add its weight, and where they take it away."""
    added: list[int] = []
    taken: list[int] = []
    for run in _runs(word):
        place = crc32(run) * _MIX & 0xFFFFFFFF
        (taken if place & 0x80000000 else added).append((place >> 8) % DIMENSIONS)
    return tuple(added), tuple(taken)


def _runs(word: str) -> list[bytes]:
    """The runs of letters that stand for a word."""
    if word >= _FIRST_CJK:
        return [word[at : at + 2].encode() for at in range(max(1, len(word) - 1))]
    edged = f"<{word}>"
    return [edged[at : at + run].encode() for run in _RUNS for at in range(len(edged) - run + 1)]
