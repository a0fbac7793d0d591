"""Words as they are compared: what looks the same is the same, and so is every figure.

Compatibility forms, case, accents, look-alikes of Latin letters in Cyrillic and Greek, and all that
cannot be seen are folded away, so that a text that was only dressed up differently is found again.
Scripts without blanks give a word per character. Pure.
"""

from __future__ import annotations

import unicodedata

FIGURE = "0"
"""What every run of digits reads as."""
_LOOKS_LIKE = {
    **dict(zip("авекмнорстухіјѕһԁԛԝӏ", "abekmhopctyxijshdqwl", strict=True)),
    **dict(zip("αβεηικμνορτυχζ", "abehikmvoptuxz", strict=True)),
    **dict(zip("ıłøđħɡ", "ilodhg", strict=True)),
}
"""Letters that pass for a Latin one, small ones, as casefolding leaves them."""
_BLANK = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters by name that show nothing."""
_UNSEEN = frozenset(("Mn", "Me", "Cf", "Cs", "Co", "Cn"))
"""Unicode's categories of marks and of what shows nothing."""
_SINGLE = (range(0x3040, 0x3100), range(0x3400, 0x4DC0), range(0x4E00, 0xA000))
"""Characters of scripts without blanks, each a word."""


class _Folding(dict[int, str | None]):
    """What each character reads as: nothing, a blank, or itself; filled as characters turn up."""

    def __init__(self, figure: str | None) -> None:
        """`figure`: what each digit reads as; None for itself."""
        self._figure = figure

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        category = unicodedata.category(character)
        folded: str | None = _LOOKS_LIKE.get(character, character)
        if category in _UNSEEN or character in _BLANK:
            folded = None
        elif category == "Cc":
            folded = " " if character.isspace() else None
        elif not character.isalnum():
            folded = " "
        elif category == "Nd":
            folded = self._figure or str(unicodedata.digit(character))
        elif any(code in script for script in _SINGLE):
            folded = f" {character} "
        self[code] = folded
        return folded


_EXACT, _ANY_FIGURE = _Folding(None), _Folding(FIGURE)


def words(text: str) -> list[str]:
    """The words of a text; every run of digits is one `FIGURE`."""
    folded = _folded(text, _ANY_FIGURE)
    while FIGURE * 2 in folded:
        folded = folded.replace(FIGURE * 2, FIGURE)
    return folded.split()


def exact_words(text: str) -> list[str]:
    """The words of a text; figures are what they are."""
    return _folded(text, _EXACT).split()


def _folded(text: str, folding: _Folding) -> str:
    return unicodedata.normalize("NFKD", text).casefold().translate(folding)


def ends(text: str, reach: int) -> str:
    """As much of a long text's end as of its beginning, `reach` characters in all."""
    if len(text) <= reach:
        return text
    half = reach // 2
    return f"{text[:half]}\n{text[-half:]}"
