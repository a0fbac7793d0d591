"""What `capture.anomalies` looks at, what it says, and from when on: values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Code = Literal["near_duplicates", "trigger", "style", "source_share"]
Verdict = tuple[Code, str, Sequence[int]]
"""A code, the reason, and the turns of one cluster by their places among all, oldest first."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn, as far as anomalies look at it. Texts are redacted."""

    id: str
    """Of the exchange."""
    source: str
    """Who sent it: the key's name, and the kind of its channel or session."""
    conversation: str
    """Id of its conversation."""
    began_at: float
    """Unix seconds."""
    said: str
    """What the user said last."""
    outside: str
    """Text in the request that came from outside the house, which is tools' results: all of it, or
    what came since the reply before. "" for none."""
    answered: str
    """The reply as it would train: its text, and its calls as `name {"argument": ...}` or as OpenAI
    writes them."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Why one sample is to wait for a person."""

    code: Code
    reason: str
    """A clause for people, with figures. What it quotes is folded text: letters and figures."""
    like: str
    """Id of the oldest sample of its cluster; its own id where it is alone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something is more than a habit. Conversations are counted, never turns: an agent
    at work sends thirty turns of one conversation."""

    cluster: int = 8
    """Conversations that must agree. Twenty samples have been enough to plant a backdoor
    (arXiv 2510.07192), and a person may well ask for the same thing seven times."""
    long: int = 25
    """Words that can carry a payload. What repeats in fewer is a command, or a phrase."""
    tied: float = 0.8
    """Share of the conversations with some wording that get the one answer."""
    elsewhere: float = 0.05
    """Share of all other conversations that may get that answer, too."""
    varied: float = 0.6
    """Share of the messages around a phrase that must differ: who asks out of habit repeats it."""
    alike: float = 0.5
    """Words that those messages may share, on average, of all that any two of them have."""
    history: int = 50
    """Different messages of one source before anything is known of its style."""
    off: int = 3
    """Measures of style that must be far off at once."""
    newcomer: int = 16
    """Conversations in a day from which on a source that was never seen on other days waits."""
    one_day: float = 0.75
    """Share of a source's conversations within one day that makes it one that came at once."""
    settled_days: float = 3.0
    """Days that the other sources' conversations must span before one can be new beside them."""
    reach: int = 20_000
    """Characters of a text that are looked at: as many from its end as from its beginning."""
