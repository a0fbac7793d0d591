"""How a request was weighed: what local replies showed, what was believed, and what fell.

Kept with the exchange, so that every decision can be told, made again, and learned from: a router
that starts anew reads these and knows what it knew. Probabilities and shares are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from capture.exchange import Mode, Reason
from capture.values import value

Choice = Literal["accept", "escalate", "away"]
"""What fell: a local reply was handed over; one was looked at and the cloud was asked; the cloud
was asked at once."""


@value
class Agreement:
    """How two replies compare."""

    same: bool
    """They say the same; never where they cannot be compared."""
    score: float
    """How much of what they say is the same, from 0 to 1; of free text, how many words."""
    text: str
    """The verdict as a clause for people, without the replies' values."""
    comparable: bool = True
    """False where this cannot tell whether they say the same: free text."""


@value
class Weighing:
    """See the module."""

    choice: Choice
    reason: Reason
    """Why, for people: one clause."""
    who: Mode | None
    """Whose reply was handed over; None: the cloud's was to be."""
    keys: tuple[str | None, ...] = ()
    """What history was asked by, from general to particular: skill, nearly the same task, the very
    task."""
    bands: tuple[int, ...] = ()
    """By which nearly the same tasks find each other."""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    """What the request and the local replies showed, by name."""
    found: Mapping[Mode, tuple[Reason, ...]] = field(default_factory=dict[Mode, tuple[Reason, ...]])
    """What spoke against each local reply that was looked at; empty where nothing did."""
    agreement: Agreement | None = None
    """The local replies held against each other; None where there were not two."""
    home: Mapping[Mode, float] = field(default_factory=dict[Mode, float])
    """P(right) of each local model."""
    cloud: float | None = None
    """P(right) of the cloud."""
    spread: float | None = None
    """Standard deviation of what the cloud is worth, P(cloud right) - P(home right)."""
    limit: float | None = None
    """What it must be worth at least for the request to leave home."""
    stays: bool = False
    """It would have stayed home, whatever the audit says."""
    propensity: float = 1.0
    """How likely this very choice was."""
    audited: bool = False
    """A reply would have been handed over, and the cloud was asked instead, to hold the two against
    each other."""
    weights: Mapping[Mode, str] = field(default_factory=dict[Mode, str])
    """Which model, at which upstream and with which adapter, each mode was."""
    beside: Mapping[Mode, Agreement] = field(default_factory=dict[Mode, Agreement])
    """Local replies held against the cloud's, where both were had."""

    @property
    def best(self) -> Mode | None:
        """The local model that was most likely right; None where none was weighed."""
        return max(self.home, key=self.home.__getitem__, default=None)

    @property
    def benefit(self) -> float | None:
        """What the cloud was believed to be worth; None where nobody said."""
        if self.cloud is None or not self.home:
            return None
        return self.cloud - max(self.home.values())


@value
class Weighed:
    """One request that was weighed, and what came of it."""

    id: str
    key: str | None
    """Name of the API key that asked."""
    answered: Mode | None
    """Whose reply the client got; None where nobody's."""
    weighing: Weighing
    right: bool | None
    """What came of it; None while nothing says."""
    confidence: float
    """How sure that is, 0 to 1."""
    at: float
    """When that was last looked at, in Unix seconds; 0 while nothing says."""


def plain_weighing(weighing: Weighing) -> dict[str, Any]:
    """A weighing as plain values, for JSON."""
    return {
        "choice": weighing.choice,
        "reason": _plain_reason(weighing.reason),
        "who": weighing.who,
        "keys": weighing.keys,
        "bands": weighing.bands,
        "figures": {name: round(figure, 4) for name, figure in weighing.figures.items()},
        "found": {who.value: [*map(_plain_reason, each)] for who, each in weighing.found.items()},
        "agreement": None if weighing.agreement is None else _plain_agreement(weighing.agreement),
        "home": _plain_by_mode(weighing.home),
        "cloud": weighing.cloud,
        "spread": weighing.spread,
        "limit": weighing.limit,
        "stays": weighing.stays,
        "propensity": weighing.propensity,
        "audited": weighing.audited,
        "weights": _plain_by_mode(weighing.weights),
        "beside": {who.value: _plain_agreement(each) for who, each in weighing.beside.items()},
    }


def weighing_of(plain: Mapping[str, Any]) -> Weighing:
    """The weighing that `plain_weighing` wrote. Raises KeyError, TypeError or ValueError for
    anything else."""
    agreement = plain["agreement"]
    return Weighing(
        choice=plain["choice"],
        reason=_reason_of(plain["reason"]),
        who=None if plain["who"] is None else Mode(plain["who"]),
        keys=tuple(plain["keys"]),
        bands=tuple(plain["bands"]),
        figures=plain["figures"],
        found={Mode(m): tuple(map(_reason_of, found)) for m, found in plain["found"].items()},
        agreement=None if agreement is None else Agreement(**agreement),
        home={Mode(m): p for m, p in plain["home"].items()},
        cloud=plain["cloud"],
        spread=plain["spread"],
        limit=plain["limit"],
        stays=plain["stays"],
        propensity=plain["propensity"],
        audited=plain["audited"],
        weights={Mode(m): name for m, name in plain["weights"].items()},
        beside={Mode(m): Agreement(**each) for m, each in plain["beside"].items()},
    )


def _plain_by_mode(found: Mapping[Mode, Any]) -> dict[str, Any]:
    return {who.value: each for who, each in found.items()}


def _plain_reason(reason: Reason) -> dict[str, str]:
    return {"code": reason.code, "text": reason.text}


def _reason_of(plain: Mapping[str, str]) -> Reason:
    return Reason(plain["code"], plain["text"])


def _plain_agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "same": agreement.same,
        "score": agreement.score,
        "text": agreement.text,
        "comparable": agreement.comparable,
    }
