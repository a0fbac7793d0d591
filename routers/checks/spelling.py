"""Ways to write the same value: dates, places, units, currencies, text with other marks. Pure.

`canonical` gives one form for all of them, for comparing two values with each other. What it does
not know, it leaves as letters and digits; it never makes one number of two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from routers.checks.figures import MONTHS, number_of

_LONG = 1000
"""Longer text is compared as it is, but for case and spaces."""

_STATES = (
    "al alabama|ak alaska|az arizona|ar arkansas|ca california|co colorado|ct connecticut"
    "|de delaware|fl florida|ga georgia|hi hawaii|id idaho|il illinois|in indiana|ia iowa|ks kansas"
    "|ky kentucky|la louisiana|me maine|md maryland|ma massachusetts|mi michigan|mn minnesota"
    "|ms mississippi|mo missouri|mt montana|ne nebraska|nv nevada|nh new hampshire|nj new jersey"
    "|nm new mexico|ny new york|nc north carolina|nd north dakota|oh ohio|ok oklahoma|or oregon"
    "|pa pennsylvania|ri rhode island|sc south carolina|sd south dakota|tn tennessee|tx texas"
    "|ut utah|vt vermont|va virginia|wa washington|wv west virginia|wi wisconsin|wy wyoming"
)
_OTHERS = (
    "uk united kingdom|gb great britain|usa united states of america|us united states|uae united"
    " arab emirates|eu european union|nyc new york city|usd us dollar|usd us dollars|eur euro"
    "|eur euros|gbp british pound|gbp british pounds|gbp pound sterling|jpy japanese yen"
    "|cny chinese yuan|inr indian rupee|chf swiss franc|cad canadian dollar"
    "|aud australian dollar|km kilometer|km kilometers|km kilometre|km kilometres|m meter|m meters"
    "|m metre|m metres|cm centimeter"
    "|cm centimeters|cm centimetres|mm millimeters|mi mile|mi miles|ft foot|ft feet|in inch"
    "|in inches|kg kilogram|kg kilograms|g gram|g grams|lb pound|lb pounds|oz ounce|oz ounces"
    "|l liter|l liters|l litres|s second|s seconds|min minute|min minutes|h hour|h hours|h hr|h hrs"
    "|c celsius|f fahrenheit|k kelvin|asc ascending|desc descending"
)


def _table() -> Iterator[tuple[str, str]]:
    for pair in f"{_STATES}|{_OTHERS}".split("|"):
        short, _, long = pair.partition(" ")
        yield long, short


_SHORT = dict(_table())
_MARKS = re.compile(r"(?<!\d)[-./]|[-./](?!\d)|[\s'\"`_*^,;:!?()\[\]{}]+")
_WRITTEN = re.compile(
    r"(?:([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?"
    r"|(\d{1,2})(?:st|nd|rd|th)? (?:of )?([a-z]{3,9})),? (\d{4})"
)
_FIGURES = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")


def canonical(text: str) -> str | float | tuple[bool] | tuple[int, int, int]:
    """One form of a value written as text: a number, true or false, a date, or bare words."""
    if len(text) > _LONG:
        return " ".join(text.lower().split())
    lower = text.strip().lower()
    number = None if _is_code(lower) else number_of(lower)
    if number is not None:
        return number
    if lower in ("true", "false"):
        return (lower == "true",)
    date = _date(lower)
    if date is not None:
        return date
    parts = (_short(part.strip()) for part in lower.split(","))
    return "".join(_MARKS.sub("", part) for part in parts)


def _is_code(text: str) -> bool:
    """Whether leading noughts are part of it, as in a postcode, or a sign that is no number's."""
    return len(text) > 1 and text[0] == "0" and text[1].isdigit()


def _short(part: str) -> str:
    return _SHORT.get(part.rstrip("."), part)


def _date(text: str) -> tuple[int, int, int] | None:
    """Year, month and day; None when the text is no date with all three, or leaves open which
    figure is which."""
    if (match := _FIGURES.fullmatch(text)) is not None:
        return int(match[1]), int(match[2]), int(match[3])
    if (match := _WRITTEN.fullmatch(text)) is None:
        return None
    month = MONTHS.get(match[1] or match[4])
    return None if month is None else (int(match[5]), month, int(match[2] or match[3]))
