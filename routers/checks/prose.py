"""How a reply's words sound: refusing, unsure, going round in circles, ending in mid-air. Pure.

Cues are few and in a few languages, as `capture.cues` has them; each is a hint and none is fatal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_OPENING = 600
"""Characters of a reply's opening that are searched for a refusal."""
_READ = 16 * 1024
"""Most characters that are read."""
_RUN = 6
"""Words that make a run; a reply that repeats whole runs goes round in circles."""

_REFUSES = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable|not able)|i (?:can(?:no|')t|cannot|won't|will not)"
    r"|as an ai|(?:not|un)able to (?:help|assist|answer|provide|perform|fulfil)"
    r"|none of the (?:provided |given |available )?(?:functions|tools)"
    r"|no (?:suitable |relevant |such )?(?:function|tool)s? (?:is|are|can|available|to)"
    r"|(?:function|tool)s? (?:provided |given |available )?"
    r"(?:cannot|can't|can not|is not|are not|does not|do not)"
    r"|don't have (?:access|the ability|enough information)|do not have (?:access|the ability)"
    r"|es tut mir leid|ich kann (?:das |dir |ihnen )?(?:leider )?nicht|je suis désolé"
    r"|je ne peux pas|lo siento|no puedo)\b",
    re.IGNORECASE,
)
_DOUBTS = (
    "i think|i guess|i believe|i assume|assuming|maybe|perhaps|probably|possibly|might|not sure"
    "|unsure|unclear|it seems|difficult to|approximately|roughly|however|but wait|actually"
    "|let me re|vielleicht|wahrscheinlich|vermutlich"
    "|peut \u00eatre|probablement|quiz\u00e1s|tal vez"
)
_CALLS = re.compile(
    r"<tool_call>|<function|\[TOOL_CALLS\]|<\|python_tag\|>"
    r"|\"(?:arguments|parameters|tool_calls)\"\s?:"
)
_HOLLOW = re.compile(
    r"[\s\[\]{}()`'\".,;:*_-]*(?:null|none|json|n/a)?[\s\[\]{}()`'\".,;:*_-]*", re.IGNORECASE
)
_WORD = re.compile(r"\w+")
_END = tuple(".!?:)]}>\"'`*|\u2026\u3002\uff01\uff1f\u201d")


def refuses(text: str) -> bool:
    """Whether a reply opens by saying that it cannot or will not."""
    return _REFUSES.search(text[:_OPENING]) is not None


def hedges(words: Sequence[str]) -> int:
    """How many words of doubt there are among a reply's words."""
    plain = f" {' '.join(words)} "
    return sum(plain.count(f" {doubt} ") for doubt in _DOUBTS.split("|"))


def spells_a_call(text: str) -> bool:
    """Whether it holds a tool call as text, which no program will run."""
    return _CALLS.search(text[:_READ]) is not None


def hollow(text: str) -> bool:
    """Whether there is nothing in it but brackets: `[]`, `{}`, `null`."""
    return len(text) <= 64 and _HOLLOW.fullmatch(text) is not None


def words(text: str) -> list[str]:
    """Its words in lower case, of those that are read."""
    return _WORD.findall(text[:_READ].lower())


def repetition(words: Sequence[str]) -> float:
    """The share of its runs of `_RUN` words that stood in it before, 0 for a short reply."""
    runs = list(zip(*(words[n:] for n in range(_RUN)), strict=False))
    return 1.0 - len(set(runs)) / len(runs) if len(runs) >= 2 * _RUN else 0.0


def ends_in_mid_air(text: str) -> bool:
    """Whether a text of some length stops without an end: no full stop, no number, no bracket."""
    end = text.rstrip()[-80:]
    if len(text) < 80 or not end or end.endswith(_END) or end[-1].isdigit():
        return False
    return "\n" not in end[-40:] or end[-1] in ",;-=+*/"
