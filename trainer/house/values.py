# ruff: noqa: SIM905 - word lists read better as text
"""Random slot values, made up on the spot, and the split that keeps some of them out of training.

Names, paths, numbers, dates and texts are composed from syllables, letters and digits; texts mix
made-up words with everyday ones.  Which values are held out is decided by a hash of the value
itself (`is_held_value`), so training and evaluation cannot share one.  The closed classes (units,
weekdays, "tomorrow") have too few members to split and are marked in `CLOSED`.
"""

from __future__ import annotations

import random
import string
import zlib
from collections.abc import Callable

_ONSETS = (
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "z",
    "br",
    "ch",
    "cl",
    "dr",
    "fl",
    "gr",
    "pl",
    "qu",
    "sh",
    "sk",
    "st",
    "th",
    "tr",
    "x",
    "y",
    "",
)
_NUCLEI = ("a", "e", "i", "o", "u", "ai", "ea", "ee", "ou", "oo", "y")
_CODAS = ("", "", "", "n", "r", "s", "t", "l", "m", "ck", "nd", "x", "p", "d", "b", "g", "sh", "rt")
_EXTENSIONS = (
    ".py",
    ".txt",
    ".md",
    ".json",
    ".yaml",
    ".toml",
    ".csv",
    ".log",
    ".html",
    ".js",
    ".pdf",
    ".cfg",
)
_FOLDERS = (
    "docs",
    "src",
    "notes",
    "tests",
    "home",
    "work",
    "projects",
    "data",
    "tmp",
    "config",
    "etc",
)
_FOREIGN = "éèüöäñçßåøłžšćîôāēαβγδελμπσωабвгдежзиклмнопрстуя日月山水火木金土人大小中"
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERYDAY = tuple(
    (
        "milk eggs bread coffee tea water dentist doctor mom dad call buy pick up fix clean book "
        "pay rent bill car bike train ticket flight hotel team meeting lunch dinner breakfast "
        "party birthday garden plants window door key keys lamp kitchen bathroom roof school "
        "homework class report budget invoice tax review plan idea project draft letter package "
        "post office bank gym run walk swim yoga dog cat vet food cake pasta rice soup pizza "
        "chicken laundry shoes jacket shirt gift movie music guitar piano lesson phone laptop "
        "printer server backup password wifi router update bug fix test release docs config build "
        "deploy typo tests crash login page user button error cache index parser cleanup refactor "
        "first second new old big small red blue green open late early before after with without "
        "about from and or the a my our your to at on in of is not do now soon weekly monthly "
        "family friend anna tom sarah paul max lisa hello world remember bring take send check "
        "ask tell order return renew cancel confirm move change remove add improve handle broken "
        "missing wrong better"
    ).split()
)
UNITS = tuple(
    (
        "km miles m meters feet ft inches cm mm yards kg pounds lbs grams g ounces oz stone "
        "liters litres gallons ml cups pints celsius fahrenheit kelvin hours minutes seconds days "
        "weeks mph kmh knots bytes kilobytes megabytes gigabytes MB GB KB TB joules calories "
        "watts horsepower acres hectares degrees radians pascal bar psi kilometers kilograms "
        "centimeters tons tonnes nautical_miles mg euros dollars C F K"
    ).split()
)
RELATIVE_DAYS = (
    "today",
    "tomorrow",
    "tonight",
    *_DAYS,
    *(d.capitalize() for d in _DAYS),
    *(f"next {d}" for d in _DAYS),
    *(f"next {d.capitalize()}" for d in _DAYS),
    "next week",
    "this week",
)
CLOSED = frozenset((*UNITS, *RELATIVE_DAYS, *EVERYDAY, "noon", "midnight"))
"""Values of closed classes: they have too few members to hold any out."""


def is_held_value(value: str) -> bool:
    """Whether this value is kept out of training (one in eight, closed classes aside)."""
    return value not in CLOSED and zlib.crc32(f"value:{value}".encode()) % 8 == 0


def made_up_word(rng: random.Random) -> str:
    """A pronounceable word of one to three syllables, or now and then plain random letters."""
    if rng.random() < 0.12:
        return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 8)))
    count = rng.choices((1, 2, 3), (0.35, 0.45, 0.2))[0]
    return "".join(
        rng.choice(_ONSETS) + rng.choice(_NUCLEI) + rng.choice(_CODAS) for _ in range(count)
    )


def name(rng: random.Random) -> str:
    """A name as people give to things: word, word-word, word_word, Word, a1b2, wordWord."""
    kind = rng.random()
    if kind < 0.42:
        return made_up_word(rng)
    if kind < 0.52:
        return f"{made_up_word(rng)}-{rng.choice([made_up_word(rng), str(rng.randint(1, 99))])}"
    if kind < 0.62:
        return f"{made_up_word(rng)}_{made_up_word(rng)}"
    if kind < 0.70:
        return made_up_word(rng).capitalize()
    if kind < 0.77:
        return "".join(rng.choices(string.ascii_lowercase + string.digits, k=rng.randint(3, 8)))
    if kind < 0.82:
        return made_up_word(rng) + made_up_word(rng).capitalize()
    if kind < 0.86:
        return made_up_word(rng).upper()
    if kind < 0.94:
        return rng.choice(EVERYDAY)
    if kind < 0.97:
        return made_up_word(rng) + str(rng.randint(1, 2030))
    return _foreign_word(rng)


def _foreign_word(rng: random.Random) -> str:
    letters = list(made_up_word(rng))
    for _ in range(rng.randint(1, 3)):
        letters.insert(rng.randint(0, len(letters)), rng.choice(_FOREIGN))
    return "".join(letters)


def _folder(rng: random.Random) -> str:
    return rng.choice(_FOLDERS) if rng.random() < 0.3 else name(rng)


def path(rng: random.Random) -> str:
    """A file's path: relative, absolute or in the home folder, mostly with an extension."""
    start = rng.choices(("", "/", "~/", "./", "../"), (0.68, 0.14, 0.09, 0.06, 0.03))[0]
    folders = [_folder(rng) for _ in range(rng.choices((0, 1, 2), (0.45, 0.35, 0.2))[0])]
    roll = rng.random()
    ending = (
        rng.choice(_EXTENSIONS)
        if roll < 0.8
        else f".{made_up_word(rng)[:3]}"
        if roll < 0.88
        else ""
    )
    return start + "/".join([*folders, name(rng)]) + ending


def folder(rng: random.Random) -> str:
    """A folder's path."""
    start = rng.choices(("", "/", "~/", "./"), (0.6, 0.2, 0.12, 0.08))[0]
    parts = [_folder(rng) for _ in range(rng.choices((1, 2, 3), (0.5, 0.35, 0.15))[0])]
    return start + "/".join(parts) + ("/" if rng.random() < 0.15 else "")


def pattern(rng: random.Random) -> str:
    """What somebody looks a file up by: a name, a name with its ending, or a glob."""
    roll = rng.random()
    if roll < 0.15:
        return f"*{rng.choice([*_EXTENSIONS, f'.{made_up_word(rng)[:3]}'])}"
    if roll < 0.22:
        return f"{name(rng)}*"
    return name(rng) + (rng.choice(_EXTENSIONS) if roll < 0.6 else "")


def integer(rng: random.Random) -> str:
    """A whole number of one to five digits."""
    low, high = rng.choice(((1, 9), (10, 99), (100, 999), (1000, 99999)))
    return str(rng.randint(low, high))


def small_integer(rng: random.Random) -> str:
    """A count or a number of minutes: mostly one or two digits."""
    low, high = rng.choices(((1, 9), (10, 99), (100, 999)), (0.35, 0.5, 0.15))[0]
    return str(rng.randint(low, high))


def number(rng: random.Random) -> str:
    """A whole number, or in three of ten cases a decimal."""
    return f"{integer(rng)}.{rng.choice('123456789')}" if rng.random() < 0.3 else integer(rng)


def expression(rng: random.Random) -> str:
    """A sum written with operators."""
    glue = rng.choice(("", " ", " "))
    parts = [number(rng)]
    for _ in range(rng.choices((1, 2), (0.75, 0.25))[0]):
        parts += [rng.choice("+-*/"), number(rng)]
    if len(parts) == 5 and rng.random() < 0.4:
        return f"({glue.join(parts[:3])}){glue}{glue.join(parts[3:])}"
    return glue.join(parts)


def unit(rng: random.Random) -> str:
    """A unit of measure; a closed class."""
    return rng.choice(UNITS)


def date(rng: random.Random) -> str:
    """A day: ISO, spelled out, with slashes, or relative (a closed class)."""
    roll = rng.random()
    if roll < 0.4:
        return rng.choice(RELATIVE_DAYS)
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2020, 2039)
    if roll < 0.7:
        return f"{year}-{month:02}-{day:02}"
    if roll < 0.8:
        return f"{day} {_MONTHS[month - 1]}"
    if roll < 0.9:
        return f"{_MONTHS[month - 1]} {day}"
    return f"{month}/{day}/{year}" if roll < 0.95 else f"{day}.{month}.{year}"


def clock(rng: random.Random) -> str:
    """A time of day."""
    roll = rng.random()
    if roll < 0.5:
        return f"{rng.randint(0, 23)}:{rng.choice((rng.randint(0, 59), 0, 15, 30, 45)):02}"
    if roll < 0.8:
        return f"{rng.randint(1, 12)}{rng.choice(('', ' '))}{rng.choice(('am', 'pm'))}"
    if roll < 0.95:
        hour, quarter = rng.randint(1, 12), rng.choice((0, 15, 30, 45))
        return f"{hour}:{quarter:02}{rng.choice(('', ' '))}{rng.choice(('am', 'pm'))}"
    return rng.choice(("noon", "midnight"))


def _text_word(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.5:
        return rng.choice(EVERYDAY)
    if roll < 0.9:
        return made_up_word(rng)
    return name(rng) if roll < 0.95 else str(rng.randint(1, 999))


def _text(rng: random.Random, most: int) -> str:
    words = [_text_word(rng) for _ in range(min(rng.randint(1, most), rng.randint(1, most + 2)))]
    if rng.random() < 0.15:
        words[0] = words[0].capitalize()
    return " ".join(words)


def text(rng: random.Random) -> str:
    """A note or a file's content: one to six words."""
    return _text(rng, 6)


def title(rng: random.Random) -> str:
    """A short title or search text: one to three words."""
    return _text(rng, 3)


GENERATORS: dict[str, Callable[[random.Random], str]] = {
    "path": path,
    "folder": folder,
    "pattern": pattern,
    "integer": integer,
    "small": small_integer,
    "number": number,
    "expression": expression,
    "unit": unit,
    "date": date,
    "clock": clock,
    "text": text,
    "title": title,
    "name": name,
}
"""Every kind of value that a slot may name."""


def draw(kind: str, held: bool, rng: random.Random) -> str:
    """A value of a kind: from the held-out side if `held`, else from the training side.

    Closed classes belong to both sides.
    """
    generate = GENERATORS[kind]
    for _ in range(1000):
        value = generate(rng)
        if value in CLOSED or is_held_value(value) == held:
            return value
    raise ValueError(f"no {'held-out' if held else 'training'} value of kind {kind}")
