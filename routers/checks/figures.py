"""Numbers as people write them: digits with commas, percent, words, magnitudes. Pure, linear."""

from __future__ import annotations

import re
from collections.abc import Iterator

PLAIN = r"\d(?:\d{0,2}(?:,\d{3}){1,6}(?!\d)|\d{0,39})(?:\.\d{1,40})?"
"""A number without sign: a plain one, or one with commas between thousands. It begins with what the
search can skip to."""

_NUMBER = re.compile(
    rf"({PLAIN})(?:\s?(?:[x\u00d7*]\s?10\s?\^\s?|e)([+-]?\d{{1,3}})(?!\w))?"
    r"(?:\s?(%|percent\b|hundred\b|thousand\b|million\b|billion\b|k\b|m\b))?",
    re.IGNORECASE,
)
_FACTORS = {
    "%": 0.01,
    "percent": 0.01,
    "hundred": 1e2,
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "m": 1e6,
    "billion": 1e9,
}
WORDS: dict[str, float] = {
    word: float(number)
    for number, words in enumerate(
        (
            "zero no none",
            "one once first a single",
            "two twice second both pair double couple",
            "three thrice third triple",
            "four fourth",
            "five fifth",
            "six sixth",
            "seven seventh",
            "eight eighth",
            "nine ninth",
            "ten tenth",
            "eleven",
            "twelve dozen noon",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        )
    )
    for word in words.split()
} | {
    "thirty": 30.0,
    "forty": 40.0,
    "fifty": 50.0,
    "sixty": 60.0,
    "seventy": 70.0,
    "eighty": 80.0,
    "ninety": 90.0,
    "hundred": 100.0,
    "thousand": 1000.0,
    "million": 1e6,
    "half": 0.5,
    "quarter": 0.25,
}
"""What number a word stands for; the months are among them further down."""
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
"""The month a word names."""


def number_of(text: str) -> float | None:
    """The one number that the text is: with commas, currency or percent sign; None when it is none.

    The percent sign is left off: "25 %" is 25.
    """
    bare = text.strip().strip("$€£%* ").rstrip(".")
    if not bare or len(bare) > 60 or not re.fullmatch(rf"[+-]?{PLAIN}", bare):
        return None
    return float(bare.replace(",", ""))


def numbers(text: str) -> Iterator[float]:
    """Every number in the text written in digits, without its sign; one with a percent sign or a
    magnitude also as what it amounts to."""
    for match in _NUMBER.finditer(text):
        plain = float(match[1].replace(",", ""))
        yield plain
        if match[2] is not None:
            yield plain * 10.0 ** int(match[2])
        if match[3] is not None:
            yield plain * _FACTORS[match[3].lower()]
