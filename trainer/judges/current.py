"""How judging stands in a household, by what is on disk."""

from __future__ import annotations

from capture.adapters import read_adapter, read_pointer
from capture.clock import now
from trainer.household import Household
from trainer.judges.ledger import Known
from trainer.judges.standing import Standing, standing


def current(household: Household, known: Known | None = None) -> Standing:
    """What all answers come to now; `known` None: those on disk. For a household with judges."""
    judging = household.judges
    assert judging is not None, "judging is on"
    known = Known.read(household.training) if known is None else known
    return standing(known, judging, held_out(household), now())


def kept_out(household: Household) -> frozenset[str]:
    """Exchanges that judges keep out of training; none where judging is off."""
    return frozenset() if household.judges is None else current(household).kept_out


def held_out(household: Household) -> float | None:
    """The share of held-out captured requests that the live adapter got right at its gate; None
    where no gate has said."""
    id_ = read_pointer(household.adapters).adapter
    adapter = None if id_ is None else read_adapter(household.adapters, id_)
    if adapter is None or adapter.gate is None:
        return None
    captured = [figure for figure in adapter.gate.skills if not figure.base_skill]
    asked = sum(figure.of for figure in captured)
    return sum(figure.candidate for figure in captured) / asked if asked else None
