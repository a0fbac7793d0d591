"""How a request is worded: production, wrappings, quoting, case, punctuation, typing errors.

`ask` is what training and evaluation share; the `split` decides which side of `grammar`'s and of
`values`' hold-outs it may draw from, so the two can never meet by accident.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from trainer.house import values
from trainer.house.grammar import draw_wording
from trainer.house.skills import SLOT_KINDS, Skill

_SLOT = re.compile(r"\{(\w+)\}")
_FREE_TEXT = frozenset({"text", "content", "message", "label", "query", "title", "thing"})
_QUOTABLE = _FREE_TEXT | {"path", "folder", "pattern"}
_ENDS_FREE = re.compile(rf"\{{({'|'.join(sorted(_FREE_TEXT))})\}}$")

COMMAND_PREFIXES = (
    "please",
    "(can|could|would|will) you [please]",
    "(can|could) you [please|quickly|maybe]",
    "kindly",
    "(hey|hi|hello|ok|okay|yo)[,]",
    "(hey|hi|hello|ok|okay) majordomo,",
    "majordomo,",
    "(i want|i need|i would like|i'd like) you to",
    "(go ahead and|go and|just|now|now please|next,|first,|then|also|again,)",
    "(i need to|i want to|i have to|we need to|we should)",
    "help me [to]",
    "(let's|let us)",
    "be so kind and",
    "(would|could) you be so kind and",
    "(it is|it's) time to",
    "(quick|quickly)[:]",
    "(alright|right|so|well)[,]",
    "(hey|hi|hello)[,] (can|could|would) you [please]",
    "do me a favour and",
    "would it be possible to",
    "(is it possible|are you able) to",
    "(ok|okay|great|good)[,] now [please]",
    "your (task|job):",
    "i was wondering if you could",
    "why don't you",
    "you should",
    "(can|could) we",
    "(may|can) i ask you to",
)
"""What people put before a command."""

COMMAND_SUFFIXES = (
    "please",
    "[,] please",
    "(for me|for us)",
    "(now|right now|right away|immediately|at once)",
    "[,] (thanks|thank you|thx)",
    "(if you can|if possible|if you please)",
    "(when you can|when you have a moment|when you have time)",
    ", (will|would|can) you",
    "asap",
    "(for me|now) [,] please",
    "[,] (i need it|it is urgent|quickly|quick)",
    "(again|once more)",
)
"""What people put behind a command."""

OPENERS = (
    "(hey|hi|hello|ok|okay|so|well|um|yo)[,]",
    "(hey|hi|hello|ok) majordomo,",
    "majordomo,",
    "please",
    "(quick|one|a) question:",
    "(sorry|excuse me),",
    "(please|quickly) tell me[:|,]",
    "i wonder,",
    "(now|next|also|then)[,]",
    "(alright|right|great|thanks)[,]",
    "another (thing|one|question):",
    "by the way,",
)
"""What people put before anything else."""


@dataclass(frozen=True)
class Asked:
    """A request in words, and what it says."""

    text: str
    """What the user writes."""
    slots: dict[str, str]
    """The value of every slot that the wording has; for a sum said in words, ``expression`` too."""
    wording: str
    """The wording it came from, slots open, without wrappings: what the split is about."""


def ask(productions: tuple[str, ...], split: str, held_values: bool, rng: random.Random) -> Asked:
    """One request; `split` is ``train``, ``wording`` or ``production`` as in `grammar`."""
    wording, is_command = draw_wording(productions, split, rng)
    shape, _, result = wording.partition(" => ")
    slots = {slot: _value(slot, held_values, rng) for slot in _SLOT.findall(shape)}
    shown = {slot: _quote(slot, value, rng) for slot, value in slots.items()}
    wrapped = _wrap(shape, shown, is_command, "production" if split != "train" else split, rng)
    if split == "train" and rng.random() < 0.06:
        wrapped = _misspell(wrapped, rng)
    if result:
        slots["expression"] = _SLOT.sub(lambda match: slots[match.group(1)], result)
    return Asked(_SLOT.sub(lambda match: shown[match.group(1)], wrapped), slots, wording)


def _value(slot: str, held: bool, rng: random.Random) -> str:
    return values.draw(SLOT_KINDS.get(slot, "title"), held, rng)


def _quote(slot: str, value: str, rng: random.Random) -> str:
    if slot not in _QUOTABLE or rng.random() < 0.65:
        return value
    mark = rng.choice(('"', '"', "'", "`"))
    return f"{mark}{value}{mark}"


def _wrap(
    shape: str, shown: dict[str, str], is_command: bool, split: str, rng: random.Random
) -> str:
    side = "train" if split == "train" or rng.random() < 0.5 else "production"
    before = after = ""
    if rng.random() < (0.5 if is_command else 0.25):
        before = draw_wording(COMMAND_PREFIXES if is_command else OPENERS, side, rng)[0]
    if is_command and rng.random() < 0.25:
        after = _suffix(shape, shown, side, rng)
    text = f"{before} {shape}".strip()
    text = text if not after else f"{text}{after}" if after.startswith(",") else f"{text} {after}"
    return _finish(text, before, rng)


def _suffix(shape: str, shown: dict[str, str], side: str, rng: random.Random) -> str:
    """A suffix; behind an unquoted free text only one that a comma sets off from it."""
    free = _ENDS_FREE.search(shape)
    if free and shown[free.group(1)][0] not in "\"'`":
        return rng.choice((", please", ", thanks"))
    return draw_wording(COMMAND_SUFFIXES, side, rng)[0]


def _finish(text: str, before: str, rng: random.Random) -> str:
    """Case and final punctuation as people are wont to use them."""
    question = before.startswith(("can", "could", "would", "will", "may", "is it", "are you"))
    if text.endswith((" ?", "?", "!")):
        if rng.random() < 0.3:
            text = text.rstrip("?! ")
    elif rng.random() < 0.3:
        text += "?" if question else rng.choice((".", ".", "!"))
    if rng.random() < 0.4 and text[0].isalpha():
        text = text[0].upper() + text[1:]
    return re.sub(r"\bi\b(?![^{]*\})", "I", text) if rng.random() < 0.4 else text


def _misspell(text: str, rng: random.Random) -> str:
    """One letter of one word lost, doubled or swapped; slots are left alone."""
    words = list(re.finditer(r"\b[a-z]{4,}\b(?![^{]*\})", text))
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(word.start(), word.end() - 1)
    middle = rng.choice(("", text[at] * 2, text[at + 1] + text[at]))
    return (
        text[:at] + middle + text[at + (2 if len(middle) == 2 and middle[0] != middle[1] else 1) :]
    )


def arguments_of(skill: Skill, asked: Asked) -> dict[str, str]:
    """The value of every argument of the skill that the request gives, by slot."""
    return {a.slot: asked.slots[a.slot] for a in skill.arguments if a.slot in asked.slots}
