"""What each model and adapter achieved on each skill: counts, and the posterior they give. Pure.

Two kinds of evidence: live outcomes of what a place answered, and the gate's figures, where an
adapter answered held-out requests. They add up, although they overlap a little: of a conversation
that went wrong at home and was put right, a turn may be held out, and the adapter that gave it is
then counted for it twice, by its outcome and by what it said when it was asked again.
The same held-out requests are asked again night after night, so per skill and adapter only one
gate's figure counts: the one over the most requests, of several the latest.

An adapter that the gate let pass, but did not measure on some skill, takes over half of what the
adapter it was held against had there: difficulty carries over, certainty does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from capture.adapters import GateResult

HANDED_DOWN = 0.5
"""Share of its predecessor's counts that an adapter takes over where the gate measured nothing."""


class Key(NamedTuple):
    """What counts are kept for."""

    skill: str
    upstream: str
    model: str
    adapter: str | None
    """None: the base alone."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Successes and failures; fractions where a predecessor's count is halved."""

    successes: float = 0.0
    failures: float = 0.0

    @property
    def of(self) -> float:
        """Outcomes in all."""
        return self.successes + self.failures

    @property
    def posterior(self) -> float:
        """Mean of the Beta posterior under a uniform prior: 0.5 while nothing is known."""
        return (self.successes + 1.0) / (self.of + 2.0)

    def plus(self, other: Tally, weight: float = 1.0) -> Tally:
        """Both together, the other's counts times `weight`."""
        return Tally(
            self.successes + weight * other.successes, self.failures + weight * other.failures
        )


NOTHING = Tally()


@dataclass(frozen=True, slots=True)
class History:
    """All tallies, as they stood at one moment."""

    tallies: Mapping[Key, Tally] = field(default_factory=dict[Key, Tally])

    def of(self, skill: str, upstream: str, model: str, adapter: str | None) -> Tally:
        """What this place achieved on this skill with this adapter."""
        return self.tallies.get(Key(skill, upstream, model, adapter), NOTHING)

    def named(self, name: Callable[[str], str]) -> History:
        """The same with each skill under what it is called; those of one name are added up."""
        tallies: dict[Key, Tally] = {}
        for key, tally in self.tallies.items():
            _add(tallies, key._replace(skill=name(key.skill)), tally)
        return History(tallies)

    def less(self, outcomes: Mapping[Key, Tally]) -> History:
        """As it would be without these outcomes."""
        tallies = dict(self.tallies)
        for key, gone in outcomes.items():
            held = tallies.get(key, NOTHING).plus(gone, -1.0)
            tallies[key] = Tally(max(0.0, held.successes), max(0.0, held.failures))
        return History(tallies)


EMPTY = History()


class Counted(Protocol):
    """Live outcomes of one skill at one place with one adapter, as the store sums them."""

    @property
    def skill(self) -> str: ...
    @property
    def upstream(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def adapter(self) -> str | None: ...
    @property
    def successes(self) -> float: ...
    @property
    def failures(self) -> float: ...


def gather(
    live: Iterable[Counted], gates: Mapping[str, GateResult], homes: Iterable[tuple[str, str]]
) -> History:
    """The history of every place.

    Args:
        live: outcomes of what was answered.
        gates: each adapter's gate, by the adapter's id.
        homes: (upstream, model) of every place that answers with these adapters.
    """
    tallies = {
        Key(c.skill, c.upstream, c.model, c.adapter): Tally(c.successes, c.failures) for c in live
    }
    in_time = dict(sorted(gates.items(), key=lambda gate: (gate[1].at, gate[0])))
    measured = _measured(in_time)
    for home in homes:
        for (skill, adapter), tally in measured.items():
            _add(tallies, Key(skill, *home, adapter), tally)
        for adapter, gate in in_time.items():
            if gate.passed and gate.incumbent != adapter:
                for skill, tally in _at(tallies, (*home, gate.incumbent)):
                    if (skill, adapter) not in measured:
                        _add(tallies, Key(skill, *home, adapter), tally, HANDED_DOWN)
    return History(tallies)


def _measured(gates: Mapping[str, GateResult]) -> dict[tuple[str, str | None], Tally]:
    """One figure for each skill and adapter; `gates` are in the order of time."""
    best: dict[tuple[str, str | None], Tally] = {}
    for adapter, gate in gates.items():
        for figure in gate.skills:
            for whose, right in ((adapter, figure.candidate), (gate.incumbent, figure.incumbent)):
                key = (figure.skill, whose)
                if figure.of > 0 and figure.of >= best.get(key, NOTHING).of:
                    best[key] = Tally(float(right), float(figure.of - right))
    return best


def _at(
    tallies: Mapping[Key, Tally], where: tuple[str, str, str | None]
) -> list[tuple[str, Tally]]:
    """Every skill's tally at one place with one adapter."""
    return [(key.skill, tally) for key, tally in tallies.items() if key[1:] == where]


def _add(tallies: dict[Key, Tally], key: Key, tally: Tally, weight: float = 1.0) -> None:
    tallies[key] = tallies.get(key, NOTHING).plus(tally, weight)
