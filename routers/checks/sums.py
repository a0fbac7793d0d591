"""Sums written out in a reply, `16 - 3 = 13` or `<<9*2=18>>`, each worked out again exactly. Pure.

Only what is plainly a sum is judged: a side with an unknown in it, a power, or numbers side by side
is left alone, and a result that does not end may be rounded where it is cut. Linear in the text, of
which only lines with a `=` are read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from capture.values import value

Exact = int | Fraction

_READ = 16 * 1024
"""Most characters of a reply that are read, from its end."""
_REACH = 40
"""Most tokens of one side; one that is longer is not judged."""
_LINE = 400
"""Most characters of a line that are read, from its end."""
_LINES = 64
"""Most lines with sums that are read, the last of them."""
_DIGITS = 9
"""Most decimals by which a result that was rounded is told."""
_SUMS = 8
"""Most sums of a line that are worked out."""

_TOKEN = re.compile(
    r"(?P<long>\d{16,})"
    r"|(?P<number>(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?%?)"
    r"(?:(?=[xX]\d)|(?![\w^]))"
    r"|(?P<blank>[ \t$€£\\]+|(?<![\d)])\*\*|\*\*(?![\d(]))"
    r"|(?P<cut>\^)"
    r"|(?P<op>[-+*/()=\u00f7\u00d7\u2212])"
    r"|(?P<times>[xX](?![a-zA-Z]))"
    r"|(?P<word>[^\W\d_]+(?:/[^\W\d_]+){0,3})"
    r"|(?P<stop>.|\n)",
    re.DOTALL,
)
_OPS = {"\u00f7": "/", "\u00d7": "*", "\u2212": "-", "x": "*", "X": "*"}
"""Signs by other names, and the letter that stands for one."""


class _Token(NamedTuple):
    kind: str
    """`number`, `op`, `word`, `long`, `cut` or `stop`."""
    text: str


@value
class Sums:
    """What a reply's sums come to."""

    right: int
    wrong: int
    last: float | None
    """The result of the last sum, as the reply gives it; None when it has none."""


def sums_in(text: str) -> Sums:
    """Every sum of a reply, worked out."""
    right = wrong = 0
    last: float | None = None
    lines = [line for line in text[-_READ:].splitlines() if "=" in line]
    for line in lines[-_LINES:]:
        tokens = _tokens(line)
        equals = (n for n, token in enumerate(tokens) if token == ("op", "="))
        for at in islice(equals, _SUMS):
            left, result = _before(tokens, at), _after(tokens, at)
            if left is None or result is None or len(left) < 3:
                continue
            verdict = _holds(left, result)
            right += verdict is True
            wrong += verdict is False
            if verdict is not None and len(result) == 1:
                last = float(_plain(result[0]))
    return Sums(right, wrong, last)


def _tokens(line: str) -> list[_Token]:
    found = [_Token("cut", "")] if len(line) > _LINE else []
    for match in _TOKEN.finditer(line[-_LINE:]):
        kind, text = match.lastgroup or "stop", match[0]
        if kind == "times":
            kind = "op"
        if kind != "blank":
            found.append(_Token(kind, _OPS.get(text, text)))
    return found


def _before(tokens: Sequence[_Token], at: int) -> list[str] | None:
    """The sum that ends before position `at`; None when there is none that can be judged."""
    side: list[str] = []
    wants_number, units, depth = True, 0, 0
    for kind, text in reversed(tokens[max(0, at - _REACH) : at]):
        if kind == "word" and units < 2:
            units += 1
        elif kind == "cut" or (kind == "number" and not wants_number):
            return None  # its beginning is missing, a power, or 2 hours 30 minutes
        elif kind == "number":
            side.append(text)
            wants_number, units = False, 0
        elif text == ")" and wants_number:
            side.append(text)
            depth += 1
        elif text == "(" and not wants_number and depth:
            side.append(text)
            depth -= 1
        elif kind == "op" and text not in "()=" and not wants_number:
            side.append(text)
            wants_number, units = True, 0
        else:
            break
    whole = len(side) < _REACH and not wants_number and not depth
    return side[::-1] if whole else None


def _after(tokens: Sequence[_Token], at: int) -> list[str] | None:
    """The sum that begins after position `at`, without an operator that leads nowhere."""
    side: list[str] = []
    wants_number, units = True, 0
    for kind, text in tokens[at + 1 : at + 1 + _REACH]:
        if kind == "number" and wants_number:
            side.append(text)
            wants_number, units = False, 0
        elif kind == "number":
            return None  # 1 1/2
        elif kind == "op" and text == "-" and not side:
            side.append(text)
        elif kind == "op" and text in "+-*/" and not wants_number and not units:
            side.append(text)
            wants_number = True
        elif kind == "word" and not wants_number and units < 2:
            units += 1
        else:
            break
    if wants_number and side:
        side.pop()
    if len(side) >= _REACH:
        return None
    return side if side and side != ["-"] else None


def _holds(left: Sequence[str], result: Sequence[str]) -> bool | None:
    """Whether both sides are equal, in one reading of their percent signs; None when a side cannot
    be worked out."""
    judged = False
    percents = (1, 100) if any(text.endswith("%") for text in (*left, *result)) else (1,)
    for percent in percents:
        one, other = _worth(left, percent), _worth(result, percent)
        if one is None or other is None:
            continue
        judged = judged or not _rounded(one, other, left, result)
        if any(_equal(one * scale, other, result) for scale in percents):
            return True
    plus = len(percents) > 1 and ("+" in left or "-" in left)  # 10 % of what?
    return False if judged and not plus else None


def _rounded(one: Exact, other: Exact, left: Sequence[str], result: Sequence[str]) -> bool:
    """Whether a quotient was taken to a whole number near it, on purpose perhaps."""
    return "/" in left and abs(one - other) < 1 and len(result) == 1 and "." not in result[0]


def _equal(one: Exact, other: Exact, result: Sequence[str]) -> bool:
    """Whether a sum is what it is said to be, as far as that was written out: 10 / 3 = 3.33."""
    if one == other or len(result) > 1:
        return one == other
    digits = result[0].rstrip("%").partition(".")[2][:_DIGITS]
    unit = 10 ** len(digits)
    return bool(digits) and (one * unit) % 1 != 0 and abs(one - other) * unit < 1


def _plain(text: str) -> Exact:
    bare = text.rstrip("%").replace(",", "")
    return Fraction(bare) if "." in bare else int(bare)


def _worth(side: Sequence[str], percent: int) -> Exact | None:
    """What a side comes to, with `*` and `/` before `+` and `-`; None when it is no sum."""
    values: list[Exact] = []
    waiting: list[str] = []
    before = ""
    for text in side:
        if text == "(":
            waiting.append(text)
        elif text == ")":
            if not _settle(values, waiting, 0) or not waiting:
                return None
            waiting.pop()
        elif text in "+-*/":
            if before in ("", "(") and text == "-":
                values.append(0)
            if not _settle(values, waiting, _rank(text)):
                return None
            waiting.append(text)
        else:
            plain = _plain(text)
            values.append(Fraction(plain, percent) if text.endswith("%") else plain)
        before = text
    if not _settle(values, waiting, 0) or waiting or len(values) != 1:
        return None
    return values[0]


def _rank(op: str) -> int:
    return 2 if op in "*/" else 1


def _settle(values: list[Exact], waiting: list[str], rank: int) -> bool:
    """Work out what waits and binds at least as tightly as `rank`, back to the last bracket."""
    while waiting and waiting[-1] != "(" and _rank(waiting[-1]) >= rank:
        op = waiting.pop()
        if len(values) < 2:
            return False
        right, left = values.pop(), values.pop()
        if op == "/" and right == 0:
            return False
        values.append(_worked(left, op, right))
    return True


def _worked(left: Exact, op: str, right: Exact) -> Exact:
    if op == "+":
        return left + right
    if op == "-":
        return left - right
    return left * right if op == "*" else Fraction(left) / right
